// The people of a history: what they are called, what they carry, how they use to come.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tributary/base/random.h"
#include "tributary/generator/history.h"

namespace tributary::generator {

enum class Habit {
  kRegular,     // of one restaurant
  kClubMember,  // everywhere, by app and LINE
  kHotelGuest,  // for nights and long week-ends
  kWebVisitor,  // looks, seldom buys, often never says who it is
  kTourist,     // two weeks in English
};
inline constexpr int kHabits = 5;

// How somebody becomes known by a customer number.
enum class Joining { kNever, kBefore, kWeb, kStore, kApp, kLine, kCheckIn };

struct Character {
  int32_t number = 0;  // from 1
  Habit habit = Habit::kRegular;
  Joining joining = Joining::kNever;
  std::string language;  // "th" or "en"
  std::string prefix;    // Thai title; empty for foreigners
  std::string given;
  std::string family;
  std::string email;
  std::string work_email;  // empty: none
  // As dialled at home: ten digits from 0, or with + for foreigners.
  std::string phone;
  // Somebody else's number, one slip of the finger from `phone`, which this person's is now and then taken for;
  // empty: none.
  std::string near_phone;
  std::string customer_id;
  std::string card;
  std::string line_user;
  std::string restaurant;
  std::string hotel;
  double activity = 1;    // times the habit's rates
  int32_t first_day = 0;  // of the history, on which they may be met
  int32_t last_day = 0;   // the day after the last
  bool has_app = false;
  bool has_line = false;
  bool shares_phone = false;  // with others of the family

  // What becomes of them as the story goes.
  std::vector<std::string> cookies;
  std::vector<std::string> devices;
  bool known = false;  // has a customer number
  bool line_linked = false;
  bool takes_news = false;
  int64_t points = 0;
};

// Whose number or address something is, whoever uses it: by Canonical() value.
using Owners = std::map<std::string, std::vector<int32_t>, std::less<>>;

struct Cast {
  std::vector<Character> people;
  Owners owners;
};

Cast MakeCast(const HistoryOptions& options, SeededRandom& random);

// The form that identity compares: E.164 of a number as in Character::phone, lower case of an address.
std::string CanonicalPhone(const std::string& phone);
std::string CanonicalEmail(const std::string& email);

// One slip of the finger: never the same, still a number or an address.
std::string MistypePhone(const std::string& phone, SeededRandom& random);
std::string MistypeEmail(const std::string& email, SeededRandom& random);

// As people write it; foreigners with their country's code.
std::string Spell(const std::string& phone, SeededRandom& random);

}  // namespace tributary::generator
