#include "tributary/generator/purchases.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "distributions.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

// BG/NBD as estimated for CDNOW by its authors; rates are per week.
constexpr double kRateShape = 0.243;
constexpr double kRateScale = 4.414;
constexpr double kDropoutA = 0.793;
constexpr double kDropoutB = 2.426;
constexpr double kDaysPerWeek = 7;

constexpr double kLogDollars = 3.25;
constexpr double kBetweenCustomers = 0.55;
constexpr double kWithinCustomer = 0.6;
constexpr int64_t kMaxCents = 999'999;
constexpr double kCentsPerPiece = 1'450;
constexpr int kMaxPurchasesPerCustomer = 500;

struct Buyer {
  double dropout;
  double rate;
  double log_dollars;
};

Purchase Draw(SeededRandom& random, const Buyer& buyer, int32_t customer, absl::CivilDay day) {
  Purchase purchase{.customer = customer, .day = day};
  const double dollars = std::exp(buyer.log_dollars + kWithinCustomer * StandardNormal(random));
  purchase.cents = std::clamp<int64_t>(std::llround(dollars * 100), 100, kMaxCents);
  const auto pieces = static_cast<int32_t>(static_cast<double>(purchase.cents) / kCentsPerPiece);
  purchase.pieces = std::clamp(pieces + static_cast<int32_t>(random.Below(2)), 1, 99);
  if (random.Below(1'000) == 0) purchase.cents = 0;  // a voucher paid for all
  return purchase;
}

void AddCustomer(const PurchaseOptions& options, int32_t customer, std::vector<Purchase>& purchases) {
  // A stream of random numbers for each customer, so that nobody's depend on who else there is.
  SeededRandom seeds(options.seed ^ (static_cast<uint64_t>(customer) << 32));
  SeededRandom random(seeds.Next64());
  const Buyer buyer{.dropout = Beta(random, kDropoutA, kDropoutB),
                    .rate = Gamma(random, kRateShape, kRateScale),
                    .log_dollars = kLogDollars + kBetweenCustomers * StandardNormal(random)};
  auto day = static_cast<double>(random.Below(static_cast<uint64_t>(options.quarter_days)));
  const auto last = static_cast<double>(options.last_day - options.first_day);
  for (int bought = 0; day <= last && bought < kMaxPurchasesPerCustomer; ++bought) {
    const absl::CivilDay date = options.first_day + static_cast<absl::civil_diff_t>(day);
    purchases.push_back(Draw(random, buyer, customer, date));
    const uint64_t chance = random.Below(1'000);
    if (chance < 4) {
      purchases.push_back(purchases.back());  // twice the same basket on one day
    } else if (chance < 20) {
      purchases.push_back(Draw(random, buyer, customer, date));
    }
    if (Uniform(random) < buyer.dropout) return;
    day += Exponential(random, buyer.rate) * kDaysPerWeek;
  }
}

absl::Status Check(const PurchaseOptions& options) {
  if (options.customers < 1 || options.customers > 99'999) {
    return InvalidField("OUT_OF_RANGE", "customers", "is not between 1 and 99,999", "Choose a number in that range");
  }
  if (options.quarter_days < 1 || options.quarter_days > 366) {
    return InvalidField("OUT_OF_RANGE", "quarter_days", "is not between 1 and 366", "Choose a number in that range");
  }
  const absl::civil_diff_t days = options.last_day - options.first_day;
  if (days < options.quarter_days - 1 || days > 3'660) {
    return InvalidField("OUT_OF_RANGE", "last_day", "is not within the quarter's end and 3,660 days of first_day",
                        "Choose a later or an earlier day");
  }
  return absl::OkStatus();
}

auto AsTuple(const Purchase& purchase) {
  return std::tie(purchase.customer, purchase.day, purchase.pieces, purchase.cents);
}

}  // namespace

absl::StatusOr<std::vector<Purchase>> MakePurchases(const PurchaseOptions& options) {
  TRIBUTARY_RETURN_IF_ERROR(Check(options));
  std::vector<Purchase> purchases;
  for (int32_t customer = 1; customer <= options.customers; ++customer) AddCustomer(options, customer, purchases);
  return purchases;
}

std::string FormatPurchases(const std::vector<Purchase>& purchases) {
  std::string text = " customer_id  date number_of_cds  dollar_value\r\n";
  for (const Purchase& purchase : purchases) {
    fmt::format_to(std::back_inserter(text), " {:05} {:04}{:02}{:02} {:>2} {:>4}.{:02}\r\n", purchase.customer,
                   purchase.day.year(), purchase.day.month(), purchase.day.day(), purchase.pieces, purchase.cents / 100,
                   purchase.cents % 100);
  }
  return text;
}

PurchaseTotals Sum(const std::vector<Purchase>& purchases) {
  PurchaseTotals totals;
  std::vector<Purchase> sorted = purchases;
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return AsTuple(a) < AsTuple(b); });
  for (size_t i = 0; i < sorted.size(); ++i) {
    ++totals.rows;
    totals.cents += sorted[i].cents;
    if (i == 0 || sorted[i].customer != sorted[i - 1].customer) ++totals.customers;
    if (i > 0 && AsTuple(sorted[i]) == AsTuple(sorted[i - 1])) ++totals.repeated_rows;
  }
  return totals;
}

}  // namespace tributary::generator
