// What rules say of a customer, one meaning each; all of it at once is in property_test.cc.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "src/fields.h"
#include "tests/journey.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using testing::FakeCustomer;
using testing::Journey;
using testing::PastEvent;

absl::Time Day(int day) { return absl::FromUnixSeconds(0) + absl::Hours(24) * day; }

Amount Number(int64_t units) { return Amount::Of(units, 0).value(); }

PastEvent Order(absl::Time at, int64_t baht, events::v1::Channel channel = events::v1::CHANNEL_WEB) {
  PastEvent out{.occurred_at = at};
  out.event.set_channel(channel);
  out.event.mutable_order_stated()->mutable_total()->set_currency("THB");
  out.event.mutable_order_stated()->mutable_total()->set_units(baht);
  return out;
}

PastEvent Message(absl::Time at, events::v1::Direction direction) {
  PastEvent out{.occurred_at = at};
  out.event.set_direction(direction);
  out.event.mutable_message_exchanged();
  return out;
}

CompiledRule Compiled(std::string_view text) {
  const auto rule = ParseRule(text);
  EXPECT_TRUE(rule.ok()) << rule.status();
  return CompiledRule::Compile(*rule).value();
}

Verdict Ask(std::string_view text, const Journey& journey, absl::Time now, int* visited = nullptr) {
  const FakeCustomer customer(journey, now);
  const Verdict verdict = Compiled(text).Evaluate(customer, now);
  if (visited != nullptr) *visited = customer.visited;
  return verdict;
}

void ExpectVerdict(const Verdict& verdict, bool holds, absl::Time until) {
  EXPECT_EQ(verdict.holds, holds);
  EXPECT_EQ(verdict.stands_until, until);
}

constexpr absl::Duration kMicro = absl::Microseconds(1);

TEST(Evaluate, AnEventCountsFromItsMomentUntilItsWindowEnds) {
  const Journey journey{.events = {Order(Day(10), 5)}};
  const auto rule = "count(order_stated within 3d) >= 1";
  ExpectVerdict(Ask(rule, journey, Day(10) - kMicro), false, Day(10));
  ExpectVerdict(Ask(rule, journey, Day(10)), true, Day(13));
  ExpectVerdict(Ask(rule, journey, Day(13) - kMicro), true, Day(13));
  ExpectVerdict(Ask(rule, journey, Day(13)), false, absl::InfiniteFuture());
}

TEST(Evaluate, ACountStandsUntilTheEventThatIsJustEnoughLeaves) {
  Journey journey;
  for (int day = 1; day <= 5; ++day) journey.events.push_back(Order(Day(day), 1));
  ExpectVerdict(Ask("count(order_stated within 30d) >= 3", journey, Day(6)), true, Day(33));
  ExpectVerdict(Ask("count(order_stated within 30d) < 3", journey, Day(6)), false, Day(33));
  ExpectVerdict(Ask("count(order_stated within 30d) > 3", journey, Day(6)), true, Day(32));
  ExpectVerdict(Ask("count(order_stated within 30d) = 4", journey, Day(6)), false, Day(31));
  ExpectVerdict(Ask("count(order_stated within 30d) = 5", journey, Day(6)), true, Day(31));
  ExpectVerdict(Ask("count(order_stated within 30d) in (0, 2)", journey, Day(6)), false, Day(33));
  ExpectVerdict(Ask("count(order_stated within 30d) >= 6", journey, Day(6)), false, absl::InfiniteFuture());
  ExpectVerdict(Ask("count(order_stated within 30d) >= 2.5", journey, Day(6)), true, Day(33));
  ExpectVerdict(Ask("count(order_stated within 30d) >= 0", journey, Day(6)), true, absl::InfiniteFuture());
  ExpectVerdict(Ask("count(order_stated) >= 3", journey, Day(6)), true, absl::InfiniteFuture());
}

TEST(Evaluate, ACountReadsNoMoreThanItNeeds) {
  Journey journey;
  for (int i = 0; i < 1'000; ++i) journey.events.push_back(Order(Day(1) + absl::Seconds(i), 1));
  int visited = 0;
  Ask("count(order_stated within 30d) >= 3", journey, Day(2), &visited);
  EXPECT_EQ(visited, 3);
  Ask("count(order_stated within 30d) = 3", journey, Day(2), &visited);
  EXPECT_EQ(visited, 4);
  Ask("count(order_stated within 30d) > -1", journey, Day(2), &visited);
  EXPECT_EQ(visited, 0);
  // The field settles it for ever, so the events are not asked.
  Ask("count(order_stated within 30d) >= 3 and order_count > 5", journey, Day(2), &visited);
  EXPECT_EQ(visited, 0);
  Ask("inactive(3d)", journey, Day(2), &visited);
  EXPECT_EQ(visited, 1);
}

TEST(Evaluate, ASumStandsUntilWhatLeavesMatters) {
  const Journey journey{.events = {Order(Day(1), 100), Order(Day(2), 900), Order(Day(3), 0), Order(Day(4), 50)}};
  ExpectVerdict(Ask("sum(total THB of order_stated within 30d) >= 900 THB", journey, Day(5)), true, Day(32));
  ExpectVerdict(Ask("sum(total THB of order_stated within 30d) = 1050 THB", journey, Day(5)), true, Day(31));
  ExpectVerdict(Ask("sum(total USD of order_stated within 30d) = 0 USD", journey, Day(5)), true,
                absl::InfiniteFuture());
  ExpectVerdict(Ask("sum(total THB of order_stated where total > 60 THB) = 1000 THB", journey, Day(5)), true,
                absl::InfiniteFuture());
}

TEST(Evaluate, InactivityIsAboutTheCustomerNotAboutUs) {
  const Journey journey{
      .events = {Message(Day(1), events::v1::DIRECTION_INBOUND), Message(Day(50), events::v1::DIRECTION_OUTBOUND)}};
  ExpectVerdict(Ask("inactive(60d)", journey, Day(55)), false, Day(61));
  ExpectVerdict(Ask("inactive(60d)", journey, Day(61)), true, absl::InfiniteFuture());
  const Journey silent{.events = {Message(Day(50), events::v1::DIRECTION_OUTBOUND)}};
  ExpectVerdict(Ask("inactive(1d)", silent, Day(61)), false, absl::InfiniteFuture());
}

TEST(Evaluate, RecencyRunsWithTime) {
  Journey journey;
  journey.fields["last_order_at"] = Day(1);
  ExpectVerdict(Ask("recency > 60d", journey, Day(61)), false, Day(61) + kMicro);
  ExpectVerdict(Ask("recency >= 60d", journey, Day(60)), false, Day(61));
  ExpectVerdict(Ask("recency in (10d, 20d)", journey, Day(5)), false, Day(11));
  ExpectVerdict(Ask("recency in (10d, 20d)", journey, Day(11)), true, Day(11) + kMicro);
  ExpectVerdict(Ask("recency < 60d", {}, Day(60)), false, absl::InfiniteFuture());
}

TEST(Evaluate, AFalseAndStandsAsLongAsTheFalsePartThatLastsLongest) {
  const Journey journey{.events = {Order(Day(1), 5)}};
  const auto rule = "count(any within 20d) < 1 and count(any within 30d) < 1 and count(any within 10d) < 1";
  ExpectVerdict(Ask(rule, journey, Day(2)), false, Day(31));
  const auto either = "count(any within 20d) >= 1 or count(any within 10d) >= 1";
  ExpectVerdict(Ask(either, journey, Day(2)), true, Day(21));
  const auto both = "count(any within 20d) >= 1 and count(any within 10d) >= 1";
  ExpectVerdict(Ask(both, journey, Day(2)), true, Day(11));
}

TEST(Evaluate, WhatIsUnknownHoldsNoComparisonButNothingIsZero) {
  const Journey nobody;
  for (const auto* rule :
       {"traits.city = \"x\"", "traits.city != \"x\"", "traits.city exists", "recency < 1d",
        "average_order_value.THB < 5 THB", "first_order_at < 2030-01-01", "value_tier != \"gold\""}) {
    EXPECT_FALSE(Ask(rule, nobody, Day(1)).holds) << rule;
    EXPECT_TRUE(Ask(std::string("not ") + rule, nobody, Day(1)).holds) << rule;
  }
  for (const auto* rule : {"order_count = 0", "net_revenue.THB < 1 THB", "points.club = 0", "returned.THB = 0 THB"}) {
    EXPECT_TRUE(Ask(rule, nobody, Day(1)).holds) << rule;
  }
}

TEST(Evaluate, AnotherTypeHoldsNoComparison) {
  Journey journey;
  journey.fields["traits.score"] = std::string("5");
  EXPECT_FALSE(Ask("traits.score = 5", journey, Day(1)).holds);
  EXPECT_FALSE(Ask("traits.score != 5", journey, Day(1)).holds);
  EXPECT_TRUE(Ask("traits.score = \"5\"", journey, Day(1)).holds);
  EXPECT_TRUE(Ask("traits.score in (5, \"5\")", journey, Day(1)).holds);
  journey.fields["traits.score"] = Number(5);
  EXPECT_TRUE(Ask("traits.score >= 5.0", journey, Day(1)).holds);
}

TEST(Evaluate, TextsAreComparedInTheirNormalFormWithTheirCase) {
  Journey journey;
  journey.fields["traits.city"] = std::string("ก\u0E4D\u0E49\u0E32");  // as some keyboards write sara am
  EXPECT_TRUE(Ask("traits.city = \"ก\u0E49\u0E33\"", journey, Day(1)).holds);
  EXPECT_TRUE(Ask("traits.city contains \"\u0E33\"", journey, Day(1)).holds);
  journey.fields["traits.city"] = std::string("Bangkok");
  EXPECT_FALSE(Ask("traits.city = \"bangkok\"", journey, Day(1)).holds);
  journey.fields["traits.likes"] = std::vector<std::string>{"Tea", "Som Tam"};
  EXPECT_TRUE(Ask("traits.likes contains \"Tea\"", journey, Day(1)).holds);
  EXPECT_FALSE(Ask("traits.likes contains \"Te\"", journey, Day(1)).holds);
  EXPECT_FALSE(Ask("traits.likes = \"Tea\"", journey, Day(1)).holds);
}

// A journey of one event that the condition must, or must not, match.
bool Matches(std::string_view condition, std::string_view body, const PastEvent& event) {
  const Journey journey{.events = {event}};
  return Ask("count(" + std::string(body) + " where " + std::string(condition) + ") = 1", journey, Day(9)).holds;
}

TEST(Evaluate, FieldsOfEventsAreRead) {
  PastEvent order = Order(Day(1), 250, events::v1::CHANNEL_STORE);
  order.event.set_source_id("pos");
  order.event.set_location_id("siam");
  order.event.set_brand_id("b1");
  order.event.set_direction(events::v1::DIRECTION_INBOUND);
  order.event.mutable_order_stated()->add_lines()->mutable_product()->set_product_id("p1");
  order.event.mutable_order_stated()->add_lines()->mutable_product()->set_product_id("p2");
  auto& property = *order.event.add_properties();
  property.set_key("table");
  property.mutable_value()->set_decimal_value("12.50");
  for (const auto* condition :
       {"channel = store", "source = \"pos\"", "location = \"siam\"", "brand = \"b1\"", "direction = inbound",
        "product contains \"p2\"", "total = 250 THB", "properties.table = 12.5", "total in (1 USD, 250 THB)"}) {
    EXPECT_TRUE(Matches(condition, "order_stated", order)) << condition;
    EXPECT_TRUE(Matches(condition, "any", order)) << condition;
  }
  // Not stated is placed, by the contract of orders.
  EXPECT_TRUE(Matches("status = placed", "order_stated", order));
  order.event.mutable_order_stated()->set_status(events::v1::OrderStated::STATUS_CANCELLED);
  EXPECT_TRUE(Matches("status = cancelled", "order_stated", order));
  EXPECT_TRUE(Matches("status = \"cancelled\"", "any", order));
  EXPECT_FALSE(Matches("total > 1 USD", "order_stated", order));
  EXPECT_FALSE(Matches("refund exists", "any", order));
}

TEST(Evaluate, FieldsOfOtherBodiesAreRead) {
  PastEvent event{.occurred_at = Day(1)};
  event.event.mutable_tracked()->set_name("Video Played");
  EXPECT_TRUE(Matches("name = \"Video Played\"", "tracked", event));
  event.event.mutable_payment_recorded()->mutable_amount()->set_currency("THB");
  event.event.mutable_payment_recorded()->set_status(events::v1::PaymentRecorded::STATUS_CHARGED_BACK);
  EXPECT_TRUE(Matches("amount = 0 THB and status = charged_back", "payment_recorded", event));
  event.event.mutable_return_stated()->mutable_refund()->set_currency("THB");
  EXPECT_TRUE(Matches("refund = 0 THB and status = completed", "return_stated", event));
  event.event.mutable_points_posted()->set_points(-20);
  event.event.mutable_points_posted()->set_programme("club");
  event.event.mutable_points_posted()->set_kind(events::v1::PointsPosted::KIND_REDEEMED);
  EXPECT_TRUE(Matches("points < 0 and programme = \"club\" and kind = redeemed", "points_posted", event));
  event.event.mutable_feedback_given()->set_kind(events::v1::FeedbackGiven::KIND_COMPLAINT);
  event.event.mutable_feedback_given()->set_topic("delivery");
  EXPECT_TRUE(Matches("kind = complaint and topic = \"delivery\" and not rating exists", "feedback_given", event));
  event.event.mutable_feedback_given()->mutable_rating()->set_units(2);
  EXPECT_TRUE(Matches("rating <= 2", "feedback_given", event));
  event.event.mutable_interaction_recorded()->set_kind("call");
  EXPECT_TRUE(Matches("kind = \"call\"", "interaction_recorded", event));
  event.event.mutable_stay_stated()->set_status(events::v1::StayStated::STATUS_NO_SHOW);
  EXPECT_TRUE(Matches("status = no_show", "stay_stated", event));
  event.event.mutable_product_interacted()->set_action(events::v1::ProductInteracted::ACTION_ADDED_TO_CART);
  event.event.mutable_product_interacted()->mutable_product()->set_product_id("p1");
  EXPECT_TRUE(Matches("action = added_to_cart and product contains \"p1\"", "product_interacted", event));
}

TEST(Evaluate, PartsOfAMicrosecondAreDropped) {
  const Journey journey{.events = {Order(Day(1) + absl::Nanoseconds(300), 5)}};
  ExpectVerdict(Ask("count(any) > 0", journey, Day(1) + absl::Nanoseconds(600)), false, Day(1) + kMicro);
  ExpectVerdict(Ask("count(any within 1d) > 0", journey, Day(1) + kMicro), true, Day(2) + kMicro);
}

TEST(Dependencies, AreWhatIsLookedAt) {
  const auto dependencies =
      Compiled(
          "count(order_stated) > 1 and sum(points of points_posted) > 3 and recency > 1d and traits.b = 1 and "
          "traits.a = 1 and net_revenue.THB > 1 THB")
          .dependencies();
  EXPECT_EQ(dependencies.fields, (std::vector<std::string>{"last_order_at", "net_revenue", "traits"}));
  EXPECT_EQ(dependencies.bodies, (std::vector<int>{events::v1::CustomerEvent::kOrderStatedFieldNumber,
                                                   events::v1::CustomerEvent::kPointsPostedFieldNumber}));
  EXPECT_EQ(Compiled("count(order_stated) > 1 and inactive(1d)").dependencies().bodies, (std::vector<int>{0}));
  EXPECT_TRUE(Compiled("gender exists").dependencies().bodies.empty());
}

TEST(Fields, EveryNameIsOfItsContract) {
  for (const auto& field : EventFields()) {
    if (field.bodies.empty() || field.name == "product") continue;
    std::string bodies(field.bodies);
    for (size_t begin = 0; begin < bodies.size();) {
      const size_t end = std::min(bodies.find(", ", begin), bodies.size());
      const std::string body = bodies.substr(begin, end - begin);
      const auto* of = events::v1::CustomerEvent::descriptor()->FindFieldByName(body);
      ASSERT_NE(of, nullptr) << body;
      EXPECT_NE(of->message_type()->FindFieldByName(std::string(field.name)), nullptr) << body << " " << field.name;
      begin = end + 2;
    }
  }
  for (int number = 1; number < events::v1::Channel_ARRAYSIZE; ++number) {
    EXPECT_EQ(ChannelNames()[static_cast<size_t>(number) - 1], ChannelName(static_cast<events::v1::Channel>(number)));
    EXPECT_TRUE(events::v1::Channel_IsValid(number));
  }
  EXPECT_EQ(ChannelName(events::v1::CHANNEL_LINE), "line");
  EXPECT_EQ(ChannelName(events::v1::CHANNEL_UNSPECIFIED), "");
}

}  // namespace
}  // namespace tributary::rules
