#include "tributary/generator/truth.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

// Strict: a truth that is guessed at measures nothing.
absl::Status ReadLine(const nlohmann::json& line, Truth& truth) {
  const std::string record = line.at("record").get<std::string>();
  if (record == "event") {
    truth.events.push_back({line.at("source_id").get<std::string>(), line.at("event_id").get<std::string>(),
                            line.at("person").get<int32_t>()});
  } else if (record == "identifier") {
    truth.identifiers.push_back({line.at("type").get<std::string>(), line.at("issuer").get<std::string>(),
                                 line.at("value").get<std::string>(), line.at("persons").get<std::vector<int32_t>>(),
                                 line.at("group").get<int32_t>()});
    std::vector<int32_t>& persons = truth.identifiers.back().persons;
    std::sort(persons.begin(), persons.end());
    persons.erase(std::unique(persons.begin(), persons.end()), persons.end());
    if (persons.empty()) return absl::InvalidArgumentError("no person");
  } else {
    return absl::InvalidArgumentError("another record");
  }
  return absl::OkStatus();
}

int64_t Pairs(int64_t of) { return of * (of - 1) / 2; }

bool Meet(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  for (auto i = a.begin(), j = b.begin(); i != a.end() && j != b.end();) {
    if (*i == *j) return true;
    *i < *j ? ++i : ++j;
  }
  return false;
}

// How many identifiers there are of each set of persons.
using Counts = std::map<std::vector<int32_t>, int64_t>;

// Pairs of what is one and the same person's alone.
int64_t PairsOfOne(const Counts& counts) {
  int64_t pairs = 0;
  for (const auto& [persons, count] : counts) pairs += persons.size() == 1 ? Pairs(count) : 0;
  return pairs;
}

// Pairs with a person in common, of which at least one identifier is shared.
int64_t PairsOfSeveral(const Counts& counts) {
  int64_t pairs = 0;
  std::vector<const Counts::value_type*> shared;
  for (const Counts::value_type& one : counts) {
    if (one.first.size() > 1) shared.push_back(&one);
  }
  for (size_t i = 0; i < shared.size(); ++i) {
    const auto& [persons, count] = *shared[i];
    pairs += Pairs(count);
    for (const int32_t person : persons) {
      const auto alone = counts.find({person});
      if (alone != counts.end()) pairs += count * alone->second;
    }
    // A profile has few of them, so that each with each is cheap.
    for (size_t j = i + 1; j < shared.size(); ++j) {
      if (Meet(persons, shared[j]->first)) pairs += count * shared[j]->second;
    }
  }
  return pairs;
}

double Share(int64_t part, int64_t whole) {
  return whole == 0 ? 1 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string FormatTruth(const Truth& truth) {
  std::string text;
  for (const TrueEvent& event : truth.events) {
    text += nlohmann::ordered_json({{"record", "event"},
                                    {"source_id", event.source_id},
                                    {"event_id", event.event_id},
                                    {"person", event.person}})
                .dump();
    text += '\n';
  }
  for (const TrueIdentifier& identifier : truth.identifiers) {
    text += nlohmann::ordered_json({{"record", "identifier"},
                                    {"type", identifier.type},
                                    {"issuer", identifier.issuer},
                                    {"value", identifier.value},
                                    {"persons", identifier.persons},
                                    {"group", identifier.group}})
                .dump();
    text += '\n';
  }
  return text;
}

absl::StatusOr<Truth> ParseTruth(std::istream& in) {
  Truth truth;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    absl::Status read;
    try {
      read = ReadLine(nlohmann::json::parse(line), truth);
    } catch (const nlohmann::json::exception&) {
      read = absl::InvalidArgumentError("not of the form");
    }
    if (!read.ok()) {
      return InvalidField("MALFORMED", fmt::format("line {}", number), "is no record of a truth file",
                          "Name the file that `tributary generate --truth` wrote");
    }
  }
  return truth;
}

double PairScore::precision() const { return Share(right, same_profile); }
double PairScore::recall() const { return Share(joined, same_person); }
double PairScore::linkable_recall() const { return Share(linked, linkable); }

PairScore ScorePairs(const std::vector<TrueIdentifier>& identifiers, const std::vector<std::string>& profile_of) {
  PairScore score;
  std::unordered_map<std::string, Counts> profiles;
  Counts persons;
  std::map<int32_t, int64_t> groups;
  std::map<std::pair<int32_t, std::string>, int64_t> parts;  // of a group, by profile
  for (size_t i = 0; i < identifiers.size(); ++i) {
    const TrueIdentifier& identifier = identifiers[i];
    ++score.identifiers;
    ++persons[identifier.persons];
    if (identifier.group > 0) ++groups[identifier.group];
    if (profile_of[i].empty()) continue;
    ++score.found;
    ++profiles[profile_of[i]][identifier.persons];
    if (identifier.group > 0) ++parts[{identifier.group, profile_of[i]}];
  }
  score.profiles = static_cast<int64_t>(profiles.size());
  for (const auto& [profile, counts] : profiles) {
    int64_t members = 0;
    for (const auto& [whose, count] : counts) members += count;
    score.same_profile += Pairs(members);
    const int64_t of_one = PairsOfOne(counts);
    score.joined += of_one;
    score.right += of_one + PairsOfSeveral(counts);
  }
  score.same_person = PairsOfOne(persons);
  for (const auto& [group, count] : groups) score.linkable += Pairs(count);
  for (const auto& [part, count] : parts) score.linked += Pairs(count);
  return score;
}

}  // namespace tributary::generator
