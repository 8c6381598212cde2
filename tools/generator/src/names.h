// Names to give to made-up people.
#pragma once

#include <span>
#include <string_view>

namespace tributary::generator {

struct Name {
  std::string_view thai;
  std::string_view latin;   // lower case
  std::string_view prefix;  // Thai title that goes with a given name
};

struct Foreigner {
  std::string_view given;
  std::string_view family;
  std::string_view language;
  std::string_view calling_code;  // of the mobile numbers there; see NewForeignPhone
};

std::span<const Name> GivenNames();
std::span<const Name> FamilyNames();
std::span<const Foreigner> Foreigners();

}  // namespace tributary::generator
