#include "profile/queries.h"

#include "gmock/gmock.h"
#include "profile/tests/journey.h"

namespace tributary::profile::testing {
namespace {

using ::testing::ElementsAre;

// The journey read page by page; `between` is called between pages.
std::vector<std::string> AllPages(
    Journey& journey, const std::string& profile, JourneyQuery query, const std::function<void()>& between = [] {}) {
  std::vector<std::string> ids;
  for (;;) {
    const auto snapshot = journey.driver().Snapshot();
    const JourneyPage page = ReadJourney(snapshot->view(), profile, query);
    EXPECT_LE(page.entries.size(), static_cast<size_t>(query.limit));
    for (const v1::JourneyEntry& entry : page.entries) ids.push_back(entry.entry_id());
    if (!page.next_after) return ids;
    query.after = page.next_after;
    between();
  }
}

// 7 entries at each of 3 moments, of two sources and priorities.
void PutEqualTimes(Journey& journey, std::vector<std::string>* in_order) {
  std::map<std::tuple<int64_t, int32_t, std::string, std::string>, std::string> places;
  for (int i = 0; i < 21; ++i) {
    CustomerEvent event = Event("p0-1-0", "e" + std::to_string(i % 11), 100 + i % 3);
    event.set_source_id(i < 11 ? "a" : "b");
    event.set_source_priority(i % 2);
    if (i % 4 == 0) event.set_channel(events::v1::CHANNEL_LINE);
    journey.Put(event);
    places[{100 + i % 3, i % 2, event.event_id(), event.source_id()}] = event.source_id() + "/" + event.event_id();
  }
  for (const auto& [place, id] : places) in_order->push_back(id);
}

TEST(JourneyPages, LoseAndRepeatNothingAtTheirBordersBothWaysAlsoWithEqualTimes) {
  Journey journey;
  std::vector<std::string> in_order;
  PutEqualTimes(journey, &in_order);
  for (const int32_t limit : {1, 2, 3, 7, 20, 21, 22}) {
    EXPECT_EQ(AllPages(journey, "p0-1-0", {.ascending = true, .limit = limit}), in_order) << limit;
    const std::vector<std::string> reverse(in_order.rbegin(), in_order.rend());
    EXPECT_EQ(AllPages(journey, "p0-1-0", {.ascending = false, .limit = limit}), reverse) << limit;
  }
}

TEST(JourneyPages, StayStableWhileEntriesComeAndTheProfileIsMerged) {
  Journey journey;
  std::vector<std::string> in_order;
  PutEqualTimes(journey, &in_order);
  journey.Put(Event("p0-5-0", "other", 50));
  int next = 0;
  const std::vector<std::string> read = AllPages(journey, "p0-1-0", {.ascending = true, .limit = 5}, [&] {
    journey.Put(Event("p0-1-0", "new" + std::to_string(next), 90 + next));  // before what was read
    if (next == 1) journey.Put(Merge("p0-1-0", "p0-5-0"));
    ++next;
  });
  EXPECT_EQ(read, in_order);
}

TEST(JourneyPages, HoldWhatTheFilterLetsPass) {
  Journey journey;
  CustomerEvent line = Event("p0-1-0", "line", 200);
  line.set_channel(events::v1::CHANNEL_LINE);
  journey.Put(Event("p0-1-0", "web", 100));
  journey.Put(line);
  journey.Put(Order("p0-1-0", "order", 300, "A", 0, Cents("THB", 100)));
  journey.Put(Event("p0-1-0", "gone", 250));
  journey.Put(Retraction("p0-1-0", "x", 400, "gone"));
  const auto at = [](int64_t seconds) { return absl::FromUnixSeconds(seconds); };
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .channels = {events::v1::CHANNEL_LINE}}), "line");
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .bodies = {CustomerEvent::kOrderStated}}), "order");
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .from = at(200)}), "line order x");
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .until = at(300)}), "web line") << "until is exclusive";
  EXPECT_EQ(journey.Entries("p0-1-0", {.from = at(200), .until = at(400)}), "order line");
  EXPECT_EQ(journey.Entries("p0-1-0", {.from = at(200), .until = at(400), .include_retracted = true}),
            "order -gone line");
  EXPECT_EQ(journey.Entries("p0-1-0", {.from = at(500)}), "");
  EXPECT_EQ(AllPages(journey, "p0-1-0", {.bodies = {CustomerEvent::kPageViewed}, .limit = 1}),
            (std::vector<std::string>{"shop/line", "shop/web"}));
}

TEST(Orders, AreListedByTimePlacedWithTheirReturns) {
  Journey journey;
  CustomerEvent imported = Order("p0-1-0", "e1", 900, "A", 0, Cents("THB", 10000));
  *imported.mutable_order_stated()->mutable_placed_at() = At(100);
  journey.Put(imported);
  journey.Put(Order("p0-1-0", "e2", 200, "C", 4, Cents("THB", 20000)));
  journey.Put(Order("p0-1-0", "e3", 200, "B", 0, Cents("EUR", 500)));
  CustomerEvent cancelled = Order("p0-1-0", "e4", 300, "D", 0, Cents("THB", 100));
  cancelled.mutable_order_stated()->set_status(OrderStated::STATUS_CANCELLED);
  journey.Put(cancelled);
  journey.Put(Return("p0-1-0", "e5", 400, "C", "R", 0, Cents("THB", 5000)));
  journey.Put(Return("p0-1-0", "e6", 400, "Z", "R", 0, Cents("THB", 1)));
  for (const int32_t limit : {1, 2, 3, 5, 6}) {
    std::vector<std::string> listed;
    std::optional<OrderPosition> after;
    do {
      const auto snapshot = journey.driver().Snapshot();
      const OrdersPage page = ReadOrders(snapshot->view(), "p0-1-0", after, limit);
      for (const v1::Order& order : page.orders) {
        listed.push_back(order.order().order_id() + " " + Text(order.net()) + " " + Text(order.returned()));
      }
      after = page.next_after;
    } while (after);
    EXPECT_THAT(listed, ElementsAre("D 0.00 THB 0.00 THB", "B 5.00 EUR 0.00 EUR", "C 150.00 THB 50.00 THB",
                                    "A 100.00 THB 0.00 THB", "Z -0.01 THB 0.01 THB"));
  }
}

TEST(Profiles, AreListedByIdWithoutRetiredOnesAndWithoutOtherWorkspaces) {
  Journey journey;
  for (const char* id : {"p0-1-0", "p0-2-0", "p0-3-0", "p0-4-0"}) journey.Put(Event(id, id, 100));
  CustomerEvent foreign = Event("p0-25-0", "f", 100);
  foreign.set_workspace_id("w2");
  journey.Put(foreign);
  journey.Put(Merge("p0-1-0", "p0-3-0"));
  for (const int32_t limit : {1, 2, 3, 10}) {
    std::vector<std::string> ids;
    std::string after;
    for (bool more = true; more;) {
      const auto snapshot = journey.driver().Snapshot();
      const ProfilesPage page = ReadProfiles(snapshot->view(), kWorkspace, after, limit);
      for (const v1::Profile& profile : page.profiles) ids.push_back(profile.profile_id());
      more = page.next_after.has_value();
      after = page.next_after.value_or("");
    }
    EXPECT_THAT(ids, ElementsAre("p0-1-0", "p0-2-0", "p0-4-0")) << limit;
  }
  EXPECT_EQ(journey.Profile("p0-25-0", kWorkspace).profile_id(), "");
  EXPECT_EQ(journey.Profile("p0-25-0", "w2").profile_id(), "p0-25-0");
}

}  // namespace
}  // namespace tributary::profile::testing
