#include "tributary/generator/history.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "ingestion/event_preparation.h"
#include "tributary/base/status.h"
#include "tributary/generator/events.h"
#include "tributary/identifier/identifier.h"

namespace tributary::generator {
namespace {

namespace ev = tributary::events::v1;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Gt;
using ::testing::IsSupersetOf;
using ::testing::Le;
using ::testing::Lt;

using Name = std::tuple<std::string, std::string, std::string>;  // type, issuer, value

const History& Whole() {
  static const History* const history = new History(MakeHistory({}).value());
  return *history;
}

bool IsSubject(const ev::Identifier& identifier) {
  return identifier.role() == ev::IDENTIFIER_ROLE_UNSPECIFIED || identifier.role() == ev::IDENTIFIER_ROLE_SUBJECT;
}

// As identity will compare it; the source of an event stands for the issuer of cookies and devices.
Name NormalName(const ev::CustomerEvent& event, const ev::Identifier& identifier) {
  const bool of_source = identifier.type() == "cookie" || identifier.type() == "device";
  const auto normal = identifier::Normalise(
      {identifier.type(), of_source ? event.source_id() : identifier.issuer(), identifier.value()});
  EXPECT_TRUE(normal.ok()) << event.event_id() << " " << normal.status();
  return normal.ok() ? Name(normal->type, normal->issuer, normal->value) : Name();
}

std::set<Name> SubjectNames(const ev::CustomerEvent& event) {
  std::set<Name> names;
  for (const ev::Identifier& identifier : event.identifiers()) {
    if (IsSubject(identifier)) names.insert(NormalName(event, identifier));
  }
  return names;
}

std::map<Name, TrueIdentifier> ByName(const Truth& truth) {
  std::map<Name, TrueIdentifier> by_name;
  for (const TrueIdentifier& identifier : truth.identifiers) {
    EXPECT_TRUE(by_name.emplace(Name(identifier.type, identifier.issuer, identifier.value), identifier).second);
  }
  return by_name;
}

std::string Text(const HistoryOptions& options) {
  const History history = MakeHistory(options).value();
  return FormatEvents(history.events) + FormatTruth(history.truth);
}

TEST(HistoryTest, SameSeedGivesTheSameBytesAnotherSeedOthers) {
  const HistoryOptions options{.seed = 3, .people = 60, .days = 60};
  const std::string first = Text(options);
  EXPECT_EQ(first, Text(options));
  EXPECT_NE(first, Text({.seed = 4, .people = 60, .days = 60}));
}

TEST(HistoryTest, EventsAreWrittenAsProtobufWritesThem) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  for (size_t i = 0; i < Whole().events.size(); i += 13) {
    std::string line;
    ASSERT_TRUE(google::protobuf::util::MessageToJsonString(Whole().events[i], &line, options).ok());
    ASSERT_EQ(FormatEvents({Whole().events[i]}), line + "\n");
  }
}

TEST(HistoryTest, ByDefaultThereAreAboutAHundredThousandEvents) {
  EXPECT_THAT(Whole().events.size(), AllOf(Gt(90'000u), Lt(115'000u)));
  EXPECT_EQ(Whole().totals.events, static_cast<int64_t>(Whole().events.size()));
  EXPECT_THAT(Whole().totals.people, AllOf(Gt(1'800), Le(2'000)));
}

TEST(HistoryTest, EventsAreInOrderOfTimeWithinTheDaysAndEachHasItsOwnId) {
  const int64_t start =
      absl::ToUnixSeconds(absl::FromCivil(absl::CivilDay(2025, 1, 1), absl::FixedTimeZone(7 * 3'600)));
  std::set<std::pair<std::string, std::string>> ids;
  int64_t last = start;
  for (const ev::CustomerEvent& event : Whole().events) {
    EXPECT_GE(event.occurred_at().seconds(), last);
    last = event.occurred_at().seconds();
    EXPECT_TRUE(ids.emplace(event.source_id(), event.event_id()).second) << event.event_id();
  }
  EXPECT_LT(last, start + 180 * 86'400);
}

TEST(HistoryTest, IngestionTakesEveryEvent) {
  auto workspace = std::make_shared<ingestion::WorkspaceEntry>();
  workspace->workspace_id = "w";
  workspace->default_currency = "THB";
  for (const EventSource& source : EventSources()) {
    workspace->sources[source.source_id] = {source.source_id, ev::CHANNEL_UNSPECIFIED, 0, true};
  }
  const absl::Time now = absl::FromCivil(absl::CivilDay(2026, 1, 1), absl::UTCTimeZone());
  ingestion::EventPreparation preparation(workspace, "", now, "");
  for (const ev::CustomerEvent& event : Whole().events) {
    ev::CustomerEvent sent = event;
    eventlog::Record record;
    tributary::ingestion::v1::IngestError error;
    ASSERT_TRUE(preparation.Prepare(sent, &record, &error))
        << event.event_id() << " " << error.field() << " " << error.message() << "\n"
        << event.ShortDebugString();
  }
}

TEST(HistoryTest, TruthNamesEveryEventOnceInItsOrder) {
  ASSERT_EQ(Whole().truth.events.size(), Whole().events.size());
  for (size_t i = 0; i < Whole().events.size(); ++i) {
    EXPECT_EQ(Whole().truth.events[i].source_id, Whole().events[i].source_id());
    EXPECT_EQ(Whole().truth.events[i].event_id, Whole().events[i].event_id());
    EXPECT_GE(Whole().truth.events[i].person, 1);
  }
}

TEST(HistoryTest, TruthNamesEveryIdentifierOfASubjectAndNoOther) {
  const std::map<Name, TrueIdentifier> truth = ByName(Whole().truth);
  std::set<Name> used;
  int64_t of_others = 0;
  for (size_t i = 0; i < Whole().events.size(); ++i) {
    for (const Name& name : SubjectNames(Whole().events[i])) {
      used.insert(name);
      const auto found = truth.find(name);
      ASSERT_NE(found, truth.end()) << Whole().events[i].event_id() << " " << std::get<0>(name);
      const std::vector<int32_t>& persons = found->second.persons;
      if (std::binary_search(persons.begin(), persons.end(), Whole().truth.events[i].person)) continue;
      // Mistyped into somebody else's.
      ++of_others;
      EXPECT_TRUE(found->second.type == "phone" || found->second.type == "email") << found->second.type;
    }
  }
  EXPECT_EQ(used.size(), truth.size());
  EXPECT_THAT(of_others, AllOf(Ge(1), Lt(100)));
}

TEST(HistoryTest, AGroupIsOnePersonsAndKeepsWithinIdentitysLimits) {
  std::map<int32_t, int32_t> person_of;
  std::map<std::pair<int32_t, std::string>, int> counts;
  for (const TrueIdentifier& identifier : Whole().truth.identifiers) {
    if (identifier.persons.size() > 1) {
      EXPECT_EQ(identifier.group, 0);
      continue;
    }
    ASSERT_GE(identifier.group, 1);
    EXPECT_EQ(person_of.try_emplace(identifier.group, identifier.persons[0]).first->second, identifier.persons[0]);
    const int count = ++counts[{identifier.group, identifier.type}];
    EXPECT_LE(count, identifier::IdentifierRules::Default().For(identifier.type).limit_per_profile);
  }
}

// Joins identifiers in order as identity's rules say: what an event states together is one person's, unless that would
// be more of a type than a profile may have; then the least of the event's identifiers is left out, and so on.
class Rules {
 public:
  void Take(const std::set<Name>& names) {
    std::vector<Name> remaining(names.begin(), names.end());
    std::stable_sort(remaining.begin(), remaining.end(),
                     [](const Name& a, const Name& b) { return Rank(a) < Rank(b); });
    while (!remaining.empty() && Breaks(remaining)) remaining.pop_back();
    const std::set<int> profiles = ProfilesOf(remaining);
    const int winner = profiles.empty() ? ++last_ : *profiles.begin();
    for (const int loser : profiles) {
      if (loser == winner) continue;
      for (const Name& moved : members_[loser]) profile_of_[moved] = winner;
      members_[winner].insert(members_[loser].begin(), members_[loser].end());
      members_.erase(loser);
    }
    for (const Name& name : remaining) {
      profile_of_[name] = winner;
      members_[winner].insert(name);
    }
  }
  std::string ProfileOf(const Name& name) const {
    const auto found = profile_of_.find(name);
    return found == profile_of_.end() ? "" : std::to_string(found->second);
  }

 private:
  static int Rank(const Name& name) { return identifier::IdentifierRules::Default().For(std::get<0>(name)).priority; }

  std::set<int> ProfilesOf(const std::vector<Name>& names) const {
    std::set<int> profiles;
    for (const Name& name : names) {
      const auto found = profile_of_.find(name);
      if (found != profile_of_.end()) profiles.insert(found->second);
    }
    return profiles;
  }

  bool Breaks(const std::vector<Name>& names) const {
    std::set<Name> together(names.begin(), names.end());
    for (const int profile : ProfilesOf(names)) {
      const std::set<Name>& members = members_.at(profile);
      together.insert(members.begin(), members.end());
    }
    std::map<std::string, int> counts;
    for (const Name& name : together) ++counts[std::get<0>(name)];
    return std::any_of(counts.begin(), counts.end(), [](const auto& count) {
      return count.second > identifier::IdentifierRules::Default().For(count.first).limit_per_profile;
    });
  }

  std::map<Name, int> profile_of_;
  std::map<int, std::set<Name>> members_;
  int last_ = 0;
};

PairScore ScoreByRules(const History& history) {
  Rules rules;
  for (const ev::CustomerEvent& event : history.events) rules.Take(SubjectNames(event));
  std::vector<std::string> profile_of;
  for (const TrueIdentifier& identifier : history.truth.identifiers) {
    profile_of.push_back(rules.ProfileOf({identifier.type, identifier.issuer, identifier.value}));
  }
  return ScorePairs(history.truth.identifiers, profile_of);
}

TEST(HistoryTest, RulesFindNearlyAllThatCanBeLinkedAndAreSeldomDeceived) {
  const PairScore score = ScoreByRules(Whole());
  EXPECT_GE(score.precision(), 0.999) << score.right << " of " << score.same_profile;
  EXPECT_GE(score.linkable_recall(), 0.99) << score.linked << " of " << score.linkable;
  // It is no game without traps: some strangers are joined, and some pieces nobody can join.
  EXPECT_LT(score.precision(), 1);
  EXPECT_LT(score.linkable_recall(), 1);
  EXPECT_LT(score.recall(), score.linkable_recall());
}

TEST(HistoryTest, AllChannelsAndMostKindsOccurAndEachSourceIsListed) {
  std::set<int> channels;
  std::set<int> bodies;
  std::set<int> roles;
  std::set<std::string> sources;
  std::set<std::string> languages;
  for (const ev::CustomerEvent& event : Whole().events) {
    channels.insert(event.channel());
    bodies.insert(event.body_case());
    sources.insert(event.source_id());
    for (const ev::Identifier& identifier : event.identifiers()) roles.insert(identifier.role());
    if (event.feedback_given().kind() == ev::FeedbackGiven::KIND_COMPLAINT) {
      languages.insert(event.feedback_given().language());
    }
  }
  EXPECT_THAT(channels, IsSupersetOf({ev::CHANNEL_WEB, ev::CHANNEL_APP, ev::CHANNEL_STORE, ev::CHANNEL_PROPERTY,
                                      ev::CHANNEL_CALL, ev::CHANNEL_LINE, ev::CHANNEL_EMAIL, ev::CHANNEL_KIOSK}));
  EXPECT_THAT(roles, IsSupersetOf({ev::IDENTIFIER_ROLE_BOOKER, ev::IDENTIFIER_ROLE_GUEST, ev::IDENTIFIER_ROLE_PAYER,
                                   ev::IDENTIFIER_ROLE_RECIPIENT}));
  EXPECT_EQ(languages, (std::set<std::string>{"en", "th"}));
  EXPECT_THAT(bodies.size(), Ge(22u));
  std::set<std::string> listed;
  for (const EventSource& source : EventSources()) listed.insert(source.source_id);
  EXPECT_EQ(sources, listed);
}

TEST(HistoryTest, AReturnAndACancellationComeAfterTheirOrder) {
  std::map<std::pair<std::string, std::string>, int64_t> revisions;
  int64_t returns = 0;
  int64_t reported_twice = 0;
  for (const ev::CustomerEvent& event : Whole().events) {
    if (event.has_order_stated()) {
      const ev::OrderStated& order = event.order_stated();
      int64_t& revision = revisions[{order.order().issuer(), order.order().order_id()}];
      if (revision > 0) ++reported_twice;
      EXPECT_GT(order.revision(), revision) << event.event_id();
      revision = order.revision();
    } else if (event.has_return_stated()) {
      ++returns;
      const ev::OrderRef& order = event.return_stated().order();
      EXPECT_TRUE(revisions.contains({order.issuer(), order.order_id()})) << event.event_id();
    }
  }
  EXPECT_EQ(
      Whole().totals.orders, static_cast<int64_t>(revisions.size()) - [] {
        std::set<std::string> cancelled;
        for (const ev::CustomerEvent& event : Whole().events) {
          if (event.order_stated().status() == ev::OrderStated::STATUS_CANCELLED) {
            cancelled.insert(event.order_stated().order().order_id());
          }
        }
        return static_cast<int64_t>(cancelled.size());
      }());
  EXPECT_GT(returns, 50);
  EXPECT_GT(reported_twice, 500);
  EXPECT_GT(Whole().totals.returned_satang, 0);
}

TEST(HistoryTest, TheExampleCameUnknownAndIsMetOnManyChannels) {
  EXPECT_FALSE(Whole().totals.example_customer.empty());
  EXPECT_GE(Whole().totals.example_channels, 5);
}

TEST(HistoryTest, ASmallHistoryIsAHistory) {
  for (const int32_t people : {1, 2, 30}) {
    const History history = MakeHistory({.people = people, .days = 30}).value();
    EXPECT_EQ(history.truth.events.size(), history.events.size());
  }
}

TEST(HistoryTest, OptionsOutOfBoundsAreNamed) {
  const auto field = [](const HistoryOptions& options) {
    return DetailOf(MakeHistory(options).status()).value_or(ErrorDetail{}).field;
  };
  EXPECT_EQ(field({.people = 0}), "people");
  EXPECT_EQ(field({.people = 10'001}), "people");
  EXPECT_EQ(field({.days = 29}), "days");
  EXPECT_EQ(field({.days = 366}), "days");
}

}  // namespace
}  // namespace tributary::generator
