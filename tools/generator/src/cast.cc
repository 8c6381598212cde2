#include "cast.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <unordered_set>

#include "catalogue.h"
#include "distributions.h"
#include "fmt/format.h"
#include "names.h"
#include "people.h"

namespace tributary::generator {
namespace {

// Of a hundred people each.
constexpr std::array<int, kHabits> kShares = {34, 22, 16, 14, 14};

// How those of a habit become known, of a hundred each, in the order of Joining.
constexpr std::array<std::array<int, 7>, kHabits> kJoinings = {{
    {8, 60, 6, 20, 2, 4, 0},
    {0, 45, 18, 9, 16, 12, 0},
    {6, 30, 10, 0, 2, 2, 50},
    {72, 0, 24, 0, 0, 4, 0},
    {25, 0, 0, 0, 0, 0, 75},
}};

template <size_t n>
size_t Draw(const std::array<int, n>& shares, SeededRandom& random) {
  auto left = static_cast<int>(random.Below(100));
  for (size_t i = 0; i + 1 < n; ++i) {
    left -= shares[i];
    if (left < 0) return i;
  }
  return n - 1;
}

// Forms of mobile numbers that their countries hand out.
std::string NewForeignPhone(const Foreigner& foreigner, SeededRandom& random) {
  const auto digits = [&](int count, uint64_t bound) { return fmt::format("{:0{}}", random.Below(bound), count); };
  if (foreigner.calling_code == "44") return "+4474" + digits(8, 50'000'000);
  if (foreigner.calling_code == "49") return "+49151" + digits(8, 100'000'000);
  if (foreigner.calling_code == "81") return fmt::format("+8190{}{}", 1 + random.Below(9), digits(7, 10'000'000));
  return fmt::format("+659{}{}", random.Below(9), digits(6, 1'000'000));
}

std::string LowerLetters(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return letters;
}

std::string NewEmail(const std::string& given, const std::string& family, SeededRandom& random,
                     std::unordered_set<std::string>& taken) {
  for (;;) {
    std::string local;
    switch (random.Below(4)) {
      case 0:
        local = fmt::format("{}.{}", given, family);
        break;
      case 1:
        local = fmt::format("{}.{}{}", given, family.substr(0, 1), 60 + random.Below(45));
        break;
      case 2:
        local = fmt::format("{}_{}{}", given, family.substr(0, 3), random.Below(1'000));
        break;
      default:
        local = fmt::format("{}{}{}", family, given.substr(0, 2), random.Below(10'000));
    }
    std::string email = fmt::format("{}@example.{}", local, random.Chance(70) ? "com" : "org");
    if (taken.insert(email).second) return email;
  }
}

void NameAndAddress(Character& who, SeededRandom& random, std::unordered_set<std::string>& phones,
                    std::unordered_set<std::string>& emails) {
  std::string given;
  std::string family;
  if (who.habit == Habit::kTourist) {
    const Foreigner& foreigner = Pick(Foreigners(), random);
    who.given = foreigner.given;
    who.family = foreigner.family;
    who.language = foreigner.language;
    do {
      who.phone = NewForeignPhone(foreigner, random);
    } while (!phones.insert(who.phone).second);
    given = LowerLetters(foreigner.given);
    family = LowerLetters(foreigner.family);
  } else {
    const Name& first = Pick(GivenNames(), random);
    const Name& last = Pick(FamilyNames(), random);
    who.prefix = first.prefix;
    who.given = first.thai;
    who.family = last.thai;
    who.language = random.Chance(94) ? "th" : "en";
    who.phone = NewPhone(random, phones);
    given = first.latin;
    family = last.latin;
  }
  who.email = NewEmail(given, family, random, emails);
  if (random.Chance(12)) who.work_email = NewEmail(given, family, random, emails);
}

void GiveHabits(Character& who, const HistoryOptions& options, SeededRandom& random) {
  who.joining = static_cast<Joining>(Draw(kJoinings[static_cast<size_t>(who.habit)], random));
  who.activity = std::clamp(Gamma(random, 1.6, 1.9), 0.15, 4.0);
  who.restaurant = Pick(Restaurants(), random);
  who.hotel = Pick(Hotels(), random);
  who.last_day = options.days;
  const auto days = static_cast<uint64_t>(options.days);
  if (who.habit == Habit::kTourist) {
    who.first_day = static_cast<int32_t>(random.Below(days - 10));
    who.last_day = std::min<int32_t>(options.days, who.first_day + 10 + static_cast<int32_t>(random.Below(25)));
  } else if (who.joining != Joining::kBefore) {
    who.first_day = static_cast<int32_t>(random.Below(days * 2 / 3));
  }
  // One of nine turns away for good.
  if (who.habit != Habit::kTourist && random.Below(9) == 0) {
    who.last_day = std::min<int32_t>(options.days, who.first_day + 20 + static_cast<int32_t>(random.Below(days)));
  }
  who.has_app = who.joining == Joining::kApp || (who.habit == Habit::kClubMember && random.Chance(75)) ||
                (who.habit == Habit::kRegular && random.Chance(20));
  who.has_line = who.joining == Joining::kLine || (who.language == "th" && random.Chance(60));
}

// Families with one telephone, and numbers that are a slip from somebody's.
void Entangle(std::vector<Character>& people, SeededRandom& random, std::unordered_set<std::string>& phones) {
  for (size_t i = 1; i < people.size(); ++i) {
    Character& who = people[i];
    Character& other = people[i - 1];
    if (who.habit == Habit::kTourist || other.habit == Habit::kTourist || other.shares_phone) continue;
    const uint64_t fate = random.Below(1'000);
    if (fate < 42) {
      who.phone = other.phone;
      who.family = other.family;
      who.shares_phone = other.shares_phone = true;
    } else if (fate < 58) {
      std::string near = MistypePhone(other.phone, random);
      if (!phones.insert(near).second) continue;
      who.phone = std::move(near);
      // Whoever has been a member for long owns the number that others hit.
      if (who.joining == Joining::kBefore && other.joining != Joining::kBefore) {
        other.near_phone = who.phone;
      } else if (other.joining == Joining::kBefore) {
        who.near_phone = other.phone;
      }
    }
  }
}

}  // namespace

Cast MakeCast(const HistoryOptions& options, SeededRandom& random) {
  Cast cast;
  std::unordered_set<std::string> phones;
  std::unordered_set<std::string> emails;
  for (int32_t number = 1; number <= options.people; ++number) {
    Character& who = cast.people.emplace_back();
    who.number = number;
    who.habit = static_cast<Habit>(Draw(kShares, random));
    NameAndAddress(who, random, phones, emails);
    GiveHabits(who, options, random);
    who.customer_id = fmt::format("C{:06}", 100'000 + number);
    who.card = fmt::format("BS{:08}", 10'000'000 + number * 37);
    who.line_user = "U" + Hex(random, 32);
    who.cookies.push_back(Hex(random, 20));
    who.devices.push_back(Hex(random, 32));
  }
  Entangle(cast.people, random, phones);
  for (const Character& who : cast.people) {
    cast.owners[CanonicalPhone(who.phone)].push_back(who.number);
    cast.owners[CanonicalEmail(who.email)].push_back(who.number);
    if (!who.work_email.empty()) cast.owners[CanonicalEmail(who.work_email)].push_back(who.number);
  }
  return cast;
}

std::string CanonicalPhone(const std::string& phone) { return phone[0] == '+' ? phone : "+66" + phone.substr(1); }

std::string CanonicalEmail(const std::string& email) {
  std::string lower = email;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string MistypePhone(const std::string& phone, SeededRandom& random) {
  // The last seven digits: what is before them tells the kind of number.
  const size_t from = phone.size() - 7;
  for (;;) {
    std::string wrong = phone;
    const size_t at = from + random.Below(6);
    if (random.Chance(50)) {
      std::swap(wrong[at], wrong[at + 1]);
    } else {
      wrong[at] = static_cast<char>('0' + random.Below(10));
    }
    const size_t last_eight = wrong.size() - 8;
    const bool alike = wrong.find_first_not_of(wrong[last_eight], last_eight) == std::string::npos;
    if (wrong != phone && !alike) return wrong;
  }
}

std::string MistypeEmail(const std::string& email, SeededRandom& random) {
  const size_t local = email.find('@');
  for (;;) {
    std::string wrong = email;
    const size_t at = random.Below(local - 1);
    switch (random.Below(3)) {
      case 0:
        std::swap(wrong[at], wrong[at + 1]);
        break;
      case 1:
        wrong.insert(at, 1, wrong[at]);
        break;
      default:
        wrong.erase(at, 1);
    }
    // A dot at either end, or two in a row, would be no address.
    const bool address = wrong[0] != '.' && wrong.find("..") == std::string::npos &&
                         wrong.find(".@") == std::string::npos && wrong[0] != '@';
    if (wrong != email && address) return wrong;
  }
}

std::string Spell(const std::string& phone, SeededRandom& random) {
  if (phone[0] != '+') return SpellPhone(phone, random);
  if (random.Chance(40)) return phone;
  return fmt::format("{} {} {}", phone.substr(0, 3), phone.substr(3, 4), phone.substr(7));
}

}  // namespace tributary::generator
