#include "people.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "catalogue.h"
#include "fmt/format.h"
#include "names.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

constexpr std::array<std::string_view, 5> kLocations = {"bangkok-thonglor", "chiangmai-nimman", "phuket-oldtown",
                                                        "huahin-resort", "khonkaen-lakeside"};
constexpr std::array<std::string_view, 10> kThaiDigits = {"๐", "๑", "๒", "๓", "๔", "๕", "๖", "๗", "๘", "๙"};

// Two of three people; the customers who bought most often, for a journey is worth reading if there is something in it.
absl::StatusOr<std::vector<int32_t>> BestCustomers(const EventOptions& options) {
  PurchaseOptions history = options.purchases;
  history.seed = options.seed;
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<Purchase> purchases, MakePurchases(history));
  std::vector<int32_t> counts(static_cast<size_t>(history.customers) + 1, 0);
  for (const Purchase& purchase : purchases) ++counts[static_cast<size_t>(purchase.customer)];
  // More than so many would fill the screen with purchases alone.
  constexpr int32_t kReadable = 8;
  std::vector<int32_t> customers;
  for (int32_t customer = 1; customer <= history.customers; ++customer) customers.push_back(customer);
  std::stable_sort(customers.begin(), customers.end(), [&](int32_t a, int32_t b) {
    const auto worth = [&](int32_t c) {
      const int32_t count = counts[static_cast<size_t>(c)];
      return count > kReadable ? 0 : count;
    };
    return worth(a) > worth(b);
  });
  const size_t wanted = static_cast<size_t>(options.people) * 2 / 3 + 1;
  if (customers.size() > wanted) customers.resize(wanted);
  return customers;
}

}  // namespace

std::string Hex(SeededRandom& random, int digits) {
  std::string hex = fmt::format("{:016x}{:016x}", random.Next64(), random.Next64());
  hex.resize(static_cast<size_t>(digits));
  return hex;
}

std::string NewPhone(SeededRandom& random, std::unordered_set<std::string>& taken) {
  for (;;) {
    std::string phone = fmt::format("0{}{:08}", random.Chance(60) ? 8 : 9, random.Below(100'000'000));
    const bool alike = phone.find_first_not_of(phone[2], 2) == std::string::npos;
    if (!alike && taken.insert(phone).second) return phone;
  }
}

absl::StatusOr<std::vector<Person>> MakePeople(const EventOptions& options, SeededRandom& random) {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<int32_t> customers, BestCustomers(options));
  std::vector<Person> people;
  std::unordered_set<std::string> phones;
  size_t next_customer = 0;
  for (int32_t i = 0; i < options.people; ++i) {
    const Name& given = Pick(GivenNames(), random);
    const Name& family = Pick(FamilyNames(), random);
    Person person{.prefix = std::string(given.prefix),
                  .given = std::string(given.thai),
                  .family = std::string(family.thai),
                  .language = random.Chance(80) ? "th" : "en",
                  .email = fmt::format("{}.{}{}@example.{}", given.latin, family.latin.substr(0, 3), i + 1,
                                       random.Chance(70) ? "com" : "org"),
                  .phone = NewPhone(random, phones),
                  .loyalty_card = fmt::format("BS{:08}", 10'000'000 + i * 37),
                  .line_user = "U" + Hex(random, 32),
                  .cookie = Hex(random, 20),
                  .device = Hex(random, 32),
                  .customer_id = "",
                  .location = std::string(kLocations[random.Below(kLocations.size())]),
                  .introduced_first = true};
    if (i % 3 != 2 && next_customer < customers.size()) {
      person.customer_id = fmt::format("{:05}", customers[next_customer++]);
      person.introduced_first = i == 0 || random.Chance(80);
    } else {
      person.introduced_first = false;
    }
    // A household with one telephone: its calls reach whoever was known by it first.
    if (i % 20 == 10 && !people.empty()) person.phone = people.back().phone;
    people.push_back(std::move(person));
  }
  return people;
}

std::string SpellPhone(const std::string& phone, SeededRandom& random) {
  switch (random.Below(8)) {
    case 0:
    case 1:
      return phone;
    case 2:
    case 3:
    case 4:
      return fmt::format("{}-{}-{}", phone.substr(0, 3), phone.substr(3, 3), phone.substr(6));
    case 5:
      return fmt::format("+66 {} {} {}", phone.substr(1, 2), phone.substr(3, 3), phone.substr(6));
    case 6:
      return fmt::format("+66 (0){} {} {}", phone.substr(1, 2), phone.substr(3, 3), phone.substr(6));
    default: {
      std::string thai;
      for (const char digit : phone) thai += kThaiDigits[static_cast<size_t>(digit - '0')];
      return thai;
    }
  }
}

}  // namespace tributary::generator
