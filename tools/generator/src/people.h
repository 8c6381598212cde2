// The people of the made-up events, and who of them is a customer of the purchase history.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/base/random.h"
#include "tributary/generator/events.h"

namespace tributary::generator {

struct Person {
  std::string prefix;  // Thai title
  std::string given;
  std::string family;
  std::string language;  // "th" or "en"
  std::string email;
  std::string phone;  // ten digits from 0; see SpellPhone
  std::string loyalty_card;
  std::string line_user;
  std::string cookie;
  std::string device;
  std::string customer_id;  // as in the purchase history's file; empty: not in it
  std::string location;     // where they mostly are
  // Known by name before anything else; else they come as a visitor whose name is learned later.
  bool introduced_first = true;
};

absl::StatusOr<std::vector<Person>> MakePeople(const EventOptions& options, SeededRandom& random);

// Lower-case hexadecimal; at most 32 digits.
std::string Hex(SeededRandom& random, int digits);
// 08x and 09x, of which no two people get the same. Numbers whose last eight digits are alike stand for nobody.
std::string NewPhone(SeededRandom& random, std::unordered_set<std::string>& taken);

// The number as people write it: with dashes, with blanks, with +66, now and then with Thai digits.
std::string SpellPhone(const std::string& phone, SeededRandom& random);

}  // namespace tributary::generator
