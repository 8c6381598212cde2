// What holds for any events: against a plain recomputation, in batches of any size, without a value leaking.
#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "identity/tables.h"
#include "tests/harness.h"
#include "tributary/base/random.h"

namespace tributary::identity::testing {
namespace {

events::v1::Identifier RandomIdentifier(SeededRandom& random, uint64_t pool) {
  const std::string value = fmt::format("v{}", random.Below(pool));
  switch (random.Below(6)) {
    case 0:
      return Customer(value);
    case 1:
      return Email(value + "@example.com");
    case 2:
      return Phone(fmt::format("08123456{:02}", random.Below(60)));
    case 3:
      return Email("null");
    default:
      return Cookie(value);
  }
}

std::vector<events::v1::CustomerEvent> RandomEvents(uint64_t seed, int count, uint64_t pool) {
  SeededRandom random(seed);
  std::vector<events::v1::CustomerEvent> events;
  for (int i = 0; i < count; ++i) {
    // Some ids come twice.
    events::v1::CustomerEvent event = Event(fmt::format("e{}", random.Below(static_cast<uint64_t>(count) * 5)));
    for (uint64_t n = random.Below(4); n > 0; --n) *event.add_identifiers() = RandomIdentifier(random, pool);
    if (random.Chance(10)) {
      *event.mutable_identifiers_linked()->mutable_a() = RandomIdentifier(random, pool);
      *event.mutable_identifiers_linked()->mutable_b() = RandomIdentifier(random, pool);
    }
    events.push_back(std::move(event));
  }
  return events;
}

// Everything that identity told the journey, in order.
std::vector<std::string> ToldIn(int32_t max_facts_per_batch, const std::vector<events::v1::CustomerEvent>& events) {
  Identity identity({.journey_partitions = 2, .max_facts_per_batch = max_facts_per_batch});
  for (const events::v1::CustomerEvent& event : events) identity.Append(event);
  EXPECT_TRUE(identity.driver().Run());
  EXPECT_TRUE(identity.RebuildsTheSame());
  std::vector<std::string> told;
  for (const auto& record : identity.Journey()) told.push_back(record->record.key + record->record.value);
  return told;
}

TEST(IdentityPropertyTest, BatchSizeChangesNothing) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const auto events = RandomEvents(seed, 120, 12);
    const std::vector<std::string> told = ToldIn(1'000, events);
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(ToldIn(1, events), told);
    EXPECT_EQ(ToldIn(7, events), told);
  }
}

// No limits that random events could reach.
identifier::IdentifierRules WithoutLimits() {
  identifier::IdentifierRules rules = identifier::IdentifierRules::Default();
  for (identifier::TypeRule& rule : rules.types) rule.limit_per_profile = 1'000'000;
  return rules;
}

// Connected sets of identifiers, each named by its oldest, found by plain search over all events.
class Recomputed {
 public:
  void Take(const events::v1::CustomerEvent& event, int64_t offset) {
    std::vector<events::v1::Identifier> given(event.identifiers().begin(), event.identifiers().end());
    if (event.has_identifiers_linked()) {
      given.push_back(event.identifiers_linked().a());
      given.push_back(event.identifiers_linked().b());
    }
    std::set<std::string> names;
    std::string oldest;
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i].value() == "null") continue;
      const auto normal = identifier::Normalise({given[i].type(), given[i].issuer(), given[i].value()});
      if (!normal.ok()) continue;
      names.insert(normal->type + normal->value);
      age_.emplace(normal->type + normal->value, std::pair(offset, static_cast<int>(i)));
    }
    for (const std::string& name : names) {
      for (const std::string& other : names) near_[name].insert(other);
    }
    events_.push_back({event.event_id(), names, offset});
  }

  std::map<std::string, std::string> ProfilesOfEvents() const {
    std::map<std::string, std::string> result;
    for (const auto& [id, names, offset] : events_) {
      std::pair<int64_t, int> oldest{offset, 0};
      std::set<std::string> seen(names.begin(), names.end());
      std::vector<std::string> open(names.begin(), names.end());
      if (!open.empty()) oldest = age_.at(open.front());
      while (!open.empty()) {
        const std::string name = open.back();
        open.pop_back();
        oldest = std::min(oldest, age_.at(name));
        for (const std::string& next : near_.at(name)) {
          if (seen.insert(next).second) open.push_back(next);
        }
      }
      result[id] = fmt::format("p0-{}-{}", oldest.first, oldest.second);
    }
    return result;
  }

 private:
  struct Seen {
    std::string event_id;
    std::set<std::string> names;
    int64_t offset;
  };
  std::map<std::string, std::pair<int64_t, int>> age_;
  std::map<std::string, std::set<std::string>> near_;
  std::vector<Seen> events_;
};

TEST(IdentityPropertyTest, AConnectedSetIsOneProfileNamedByItsOldestIdentifier) {
  const identifier::IdentifierRules rules = WithoutLimits();
  int merges = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Identity identity({.rules = &rules});
    Recomputed expected;
    std::set<std::string> seen;
    for (const events::v1::CustomerEvent& event : RandomEvents(seed, 250, 80)) {
      const processor::Offset offset = identity.Append(event);
      if (seen.insert(event.event_id()).second) expected.Take(event, offset.value());
    }
    ASSERT_TRUE(identity.driver().Run());
    merges += static_cast<int>(identity.driver().Take<events::v1::ProfilesMerged>().size());
    std::map<std::string, std::string> now = identity.ProfilesOfEvents();
    for (auto& [event_id, profile_id] : now) profile_id = identity.Survivor(profile_id);
    EXPECT_EQ(now, expected.ProfilesOfEvents());
    EXPECT_TRUE(identity.RebuildsTheSame());
  }
  EXPECT_GT(merges, 300);  // else nothing was shown
}

// Every row of a table, keys and values.
template <typename T>
void AppendRows(const projection::View& view, const T& table, std::string& out) {
  view.Scan(table, std::tuple<>(), [&](const auto& key, const auto& row) {
    out += projection::EncodeKey(key) + row->SerializeAsString();
    return true;
  });
}

TEST(IdentityPropertyTest, NoPersonalValueLeavesTheEventsOwnBytes) {
  Identity identity;
  const std::vector<std::string> canaries = {"canary-customer", "canary@example.com", "+66812345670", "0812345670",
                                             "canary not mail", "canary-cookie",      "canary type",  "canary-issuer!"};
  identity.Take(Event("e1", {Cookie("canary-cookie")}));
  identity.Take(Event("e2", {Customer("canary-customer"), Email("Canary@example.com")}));
  identity.Take(Event("e3", {Cookie("canary-cookie"), Email("canary@example.com"), Phone("0812345670")}));
  identity.Take(Event("e4", {Email("canary not mail"), Id("canary type", "", "canary-cookie"),
                             Id("email", "canary-issuer!", "canary@example.com"), Customer("canary-other")}));
  identity.Take(Linking("e5", Cookie("canary-cookie"), Customer("canary-third")));
  events::v1::CustomerEvent dead = Event("", {Cookie("canary-cookie")});
  identity.Take(dead);

  std::string scanned;
  // Batches in `intake`, keys and headers everywhere; values of `journey` but the event itself.
  for (const char* log : {"intake", "journey", "dead_letter"}) {
    for (int32_t i = 0; i < (std::string_view(log) == "dead_letter" ? 1 : 8); ++i) {
      auto reader = identity.driver().log().OpenReader({log, eventlog::Partition(i)}, processor::Offset(0)).value();
      for (bool at_end = false; !at_end;) {
        const auto result = reader->Poll({}).value();
        for (const auto& record : result.records) {
          scanned += record->record.key;
          for (const auto& header : record->record.headers) scanned += header.key + header.value;
          if (record->record.type != "customer_event") {
            scanned += record->record.value;
            continue;
          }
          events::v1::CustomerEvent event;
          event.ParseFromString(record->record.value);
          scanned += event.resolution().SerializeAsString();
        }
        at_end = result.at_end;
      }
    }
  }
  const auto snapshot = identity.driver().Snapshot();
  AppendRows(snapshot->view(), kDedupe, scanned);
  AppendRows(snapshot->view(), kIdentifiers, scanned);
  AppendRows(snapshot->view(), kProfiles, scanned);
  AppendRows(snapshot->view(), kProfileIdentifiers, scanned);
  AppendRows(snapshot->view(), kRefusals, scanned);
  AppendRows(snapshot->view(), kMerges, scanned);
  ASSERT_GT(scanned.size(), 1'000u);
  absl::AsciiStrToLower(&scanned);
  for (const std::string& canary : canaries) {
    EXPECT_EQ(scanned.find(canary), std::string::npos) << canary;
  }
  EXPECT_EQ(scanned.find("canary"), std::string::npos);
}

}  // namespace
}  // namespace tributary::identity::testing
