#include "tributary/generator/purchases.h"

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

std::vector<Purchase> Made(const PurchaseOptions& options) { return MakePurchases(options).value(); }

TEST(PurchasesTest, SameSeedGivesTheSameFileAnotherSeedAnother) {
  const std::string first = FormatPurchases(Made({.seed = 7, .customers = 300}));
  EXPECT_EQ(first, FormatPurchases(Made({.seed = 7, .customers = 300})));
  EXPECT_NE(first, FormatPurchases(Made({.seed = 8, .customers = 300})));
}

TEST(PurchasesTest, ACustomerBuysTheSameHoweverManyCustomersThereAre) {
  const std::string few = FormatPurchases(Made({.customers = 50}));
  const std::string many = FormatPurchases(Made({.customers = 400}));
  EXPECT_EQ(many.substr(0, few.size()), few);
}

TEST(PurchasesTest, FileHasTheShapeOfTheRealOne) {
  const std::string text =
      FormatPurchases({{.customer = 1, .day = absl::CivilDay(2024, 1, 2), .pieces = 1, .cents = 1177},
                       {.customer = 2, .day = absl::CivilDay(2024, 11, 30), .pieces = 12, .cents = 107'705},
                       {.customer = 12'345, .day = absl::CivilDay(2025, 6, 30), .pieces = 5, .cents = 0}});
  EXPECT_EQ(text,
            " customer_id  date number_of_cds  dollar_value\r\n"
            " 00001 20240102  1   11.77\r\n"
            " 00002 20241130 12 1077.05\r\n"
            " 12345 20250630  5    0.00\r\n");
}

TEST(PurchasesTest, TotalsAreThoseOfTheFile) {
  const std::vector<Purchase> purchases = Made({.customers = 2'000});
  std::istringstream lines(FormatPurchases(purchases));
  std::string line;
  std::getline(lines, line);
  std::set<std::string> customers;
  std::map<std::string, int> rows;
  int64_t cents = 0;
  while (std::getline(lines, line)) {
    std::istringstream columns(line);
    std::string customer, date, pieces, dollars;
    columns >> customer >> date >> pieces >> dollars;
    customers.insert(customer);
    ++rows[line];
    const size_t point = dollars.find('.');
    cents += std::stoll(dollars.substr(0, point)) * 100 + std::stoll(dollars.substr(point + 1));
  }
  const PurchaseTotals totals = Sum(purchases);
  EXPECT_EQ(totals.customers, static_cast<int64_t>(customers.size()));
  EXPECT_EQ(totals.rows, static_cast<int64_t>(purchases.size()));
  EXPECT_EQ(totals.cents, cents);
  EXPECT_EQ(totals.repeated_rows, totals.rows - static_cast<int64_t>(rows.size()));
}

// As in the real file: everybody once in the first quarter, about three purchases a customer with most having bought
// once, some 36 dollars each, and few rows that occur twice.
TEST(PurchasesTest, HistoryLooksLikeTheRealOne) {
  const PurchaseOptions options{.customers = 5'000};
  const std::vector<Purchase> purchases = Made(options);
  const PurchaseTotals totals = Sum(purchases);
  EXPECT_EQ(totals.customers, options.customers);
  EXPECT_THAT(totals.rows, AllOf(Ge(9'000), Le(20'000)));
  EXPECT_THAT(totals.cents / totals.rows, AllOf(Ge(3'000), Le(4'500)));
  EXPECT_THAT(totals.repeated_rows, AllOf(Ge(totals.rows / 1'000), Le(totals.rows / 100)));
  std::map<int32_t, int> counts;
  std::map<int32_t, absl::CivilDay> first;
  for (const Purchase& purchase : purchases) {
    ++counts[purchase.customer];
    first.try_emplace(purchase.customer, purchase.day);
    EXPECT_LE(first[purchase.customer], purchase.day) << "not ordered by day";
    EXPECT_LE(purchase.day, options.last_day);
    EXPECT_GE(purchase.pieces, 1);
  }
  int once = 0;
  int most = 0;
  for (const auto& [customer, count] : counts) {
    EXPECT_LT(first[customer], options.first_day + options.quarter_days);
    once += count == 1 ? 1 : 0;
    most = std::max(most, count);
  }
  EXPECT_THAT(once, AllOf(Ge(options.customers * 2 / 5), Le(options.customers * 3 / 4)));
  EXPECT_GE(most, 20);
}

TEST(PurchasesTest, OptionsOutOfBoundsAreNamed) {
  const auto field = [](const PurchaseOptions& options) {
    return DetailOf(MakePurchases(options).status()).value_or(ErrorDetail{}).field;
  };
  EXPECT_EQ(field({.customers = 0}), "customers");
  EXPECT_EQ(field({.customers = 100'000}), "customers");
  EXPECT_EQ(field({.quarter_days = 0}), "quarter_days");
  EXPECT_EQ(field({.last_day = absl::CivilDay(2024, 1, 31)}), "last_day");
}

}  // namespace
}  // namespace tributary::generator
