#include "tributary/generator/events.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"
#include "tributary/identifier/identifier.h"

namespace tributary::generator {
namespace {

namespace ev = tributary::events::v1;
using ::testing::Ge;
using ::testing::IsSupersetOf;
using ::testing::SizeIs;

EventHistory Made(const EventOptions& options) { return MakeEvents(options).value(); }

std::string Text(const EventHistory& history) { return FormatEvents(history.events); }

// The identifier as identity will compare it; the source of an event stands for the issuer of cookies and devices.
std::string NormalIdentifier(const ev::CustomerEvent& event, const ev::Identifier& identifier) {
  const bool of_source = identifier.type() == "cookie" || identifier.type() == "device";
  const auto normal = identifier::Normalise(
      {identifier.type(), of_source ? event.source_id() : identifier.issuer(), identifier.value()});
  EXPECT_TRUE(normal.ok()) << event.event_id() << " " << normal.status();
  return normal.ok() ? normal->type + "/" + normal->issuer + "/" + normal->value : "";
}

TEST(EventsTest, SameSeedGivesTheSameEventsAnotherSeedOthers) {
  const std::string first = Text(Made({.seed = 3, .events = 200}));
  EXPECT_EQ(first, Text(Made({.seed = 3, .events = 200})));
  EXPECT_NE(first, Text(Made({.seed = 4, .events = 200})));
}

TEST(EventsTest, ThereAreAsManyAsAskedForInOrderOfTimeAndEachHasItsOwnId) {
  for (const int32_t wanted : {1, 40, 600, 2'000}) {
    const EventHistory history = Made({.events = wanted});
    EXPECT_THAT(history.events, SizeIs(wanted));
    EXPECT_EQ(history.totals.events, wanted);
    EXPECT_TRUE(std::is_sorted(history.events.begin(), history.events.end(), [](const auto& a, const auto& b) {
      return a.occurred_at().seconds() < b.occurred_at().seconds();
    }));
    std::set<std::string> ids;
    for (const ev::CustomerEvent& event : history.events) ids.insert(event.source_id() + "/" + event.event_id());
    EXPECT_THAT(ids, SizeIs(wanted));
  }
}

TEST(EventsTest, EveryLineIsAnEventInProtobufJson) {
  const EventHistory history = Made({});
  const std::string text = Text(history);
  size_t from = 0;
  for (const ev::CustomerEvent& event : history.events) {
    const size_t end = text.find('\n', from);
    ASSERT_NE(end, std::string::npos);
    ev::CustomerEvent parsed;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(text.substr(from, end - from), &parsed).ok());
    EXPECT_EQ(parsed.SerializeAsString(), event.SerializeAsString());
    from = end + 1;
  }
  EXPECT_EQ(from, text.size());
}

TEST(EventsTest, EveryIdentifierIsOneThatIdentityTakes) {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const ev::CustomerEvent& event : Made({.seed = seed}).events) {
      EXPECT_THAT(event.identifiers_size(), Ge(1)) << event.event_id();
      for (const ev::Identifier& identifier : event.identifiers()) NormalIdentifier(event, identifier);
    }
  }
}

TEST(EventsTest, MailGoesNowhere) {
  for (const ev::CustomerEvent& event : Made({}).events) {
    for (const ev::Identifier& identifier : event.identifiers()) {
      if (identifier.type() != "email") continue;
      const std::string domain = identifier.value().substr(identifier.value().find('@'));
      EXPECT_TRUE(domain == "@example.com" || domain == "@example.org") << event.event_id();
    }
  }
}

TEST(EventsTest, AllChannelsAndManyKindsOccurAndEachSourceIsListed) {
  std::set<int> channels;
  std::set<int> bodies;
  std::set<std::string> sources;
  for (const ev::CustomerEvent& event : Made({}).events) {
    channels.insert(event.channel());
    bodies.insert(event.body_case());
    sources.insert(event.source_id());
  }
  EXPECT_THAT(channels, IsSupersetOf({ev::CHANNEL_WEB, ev::CHANNEL_APP, ev::CHANNEL_STORE, ev::CHANNEL_PROPERTY,
                                      ev::CHANNEL_CALL, ev::CHANNEL_LINE, ev::CHANNEL_EMAIL}));
  EXPECT_THAT(bodies, IsSupersetOf({ev::CustomerEvent::kPageViewed, ev::CustomerEvent::kTraitsStated,
                                    ev::CustomerEvent::kOrderStated, ev::CustomerEvent::kReturnStated,
                                    ev::CustomerEvent::kInteractionRecorded, ev::CustomerEvent::kMessageExchanged,
                                    ev::CustomerEvent::kSurveyAnswered, ev::CustomerEvent::kFeedbackGiven,
                                    ev::CustomerEvent::kConsentStated, ev::CustomerEvent::kStayStated,
                                    ev::CustomerEvent::kPointsPosted, ev::CustomerEvent::kScreenViewed}));
  std::set<std::string> listed;
  for (const EventSource& source : EventSources()) listed.insert(source.source_id);
  EXPECT_EQ(sources, listed);
}

TEST(EventsTest, TotalsAreThoseOfTheEvents) {
  const EventHistory history = Made({.seed = 5, .events = 1'500});
  std::map<std::string, int64_t> orders;
  int64_t returned = 0;
  const auto satang = [](const ev::Money& money) { return money.units() * 100 + money.nanos() / 10'000'000; };
  for (const ev::CustomerEvent& event : history.events) {
    if (event.has_order_stated()) {
      const ev::OrderStated& order = event.order_stated();
      int64_t lines = 0;
      for (const ev::OrderLine& line : order.lines()) lines += line.quantity().units() * satang(line.unit_price());
      EXPECT_EQ(satang(order.total()), lines) << event.event_id();
      EXPECT_TRUE(orders.emplace(order.order().order_id(), lines).second);
    } else if (event.has_return_stated()) {
      const auto order = orders.find(event.return_stated().order().order_id());
      ASSERT_NE(order, orders.end()) << "a return before its order: " << event.event_id();
      EXPECT_LE(satang(event.return_stated().refund()), order->second);
      returned += satang(event.return_stated().refund());
    }
  }
  int64_t gross = 0;
  for (const auto& [id, total] : orders) gross += total;
  EXPECT_EQ(history.totals.orders, static_cast<int64_t>(orders.size()));
  EXPECT_EQ(history.totals.gross_satang, gross);
  EXPECT_EQ(history.totals.returned_satang, returned);
  EXPECT_GT(returned, 0);
}

// Follows shared identifiers, in order, as identity does.
TEST(EventsTest, WidestCustomersChannelsAreReachedFromTheCustomerId) {
  const EventHistory history = Made({});
  ASSERT_FALSE(history.totals.widest_customer.empty());
  std::set<std::string> known = {"customer_id/shop/" + history.totals.widest_customer};
  std::set<int> channels;
  for (const ev::CustomerEvent& event : history.events) {
    std::set<std::string> identifiers;
    for (const ev::Identifier& identifier : event.identifiers()) {
      identifiers.insert(NormalIdentifier(event, identifier));
    }
    if (std::none_of(identifiers.begin(), identifiers.end(), [&](const auto& i) { return known.contains(i); }))
      continue;
    known.insert(identifiers.begin(), identifiers.end());
    channels.insert(event.channel());
  }
  EXPECT_EQ(static_cast<int32_t>(channels.size()), history.totals.widest_channels);
  EXPECT_GE(history.totals.widest_channels, 7);
}

TEST(EventsTest, CustomersOfTheHistoryAreNamedAsItsFileNamesThem) {
  const EventOptions options{.customer_issuer = "records"};
  const std::string purchases = FormatPurchases(MakePurchases(options.purchases).value());
  std::set<std::string> customers;
  for (const ev::CustomerEvent& event : Made(options).events) {
    for (const ev::Identifier& identifier : event.identifiers()) {
      if (identifier.type() != "customer_id") continue;
      EXPECT_EQ(identifier.issuer(), "records");
      EXPECT_NE(purchases.find("\n " + identifier.value() + " "), std::string::npos);
      customers.insert(identifier.value());
    }
  }
  EXPECT_THAT(customers.size(), Ge(30u));
}

TEST(EventsTest, OptionsOutOfBoundsAreNamed) {
  const auto field = [](const EventOptions& options) {
    return DetailOf(MakeEvents(options).status()).value_or(ErrorDetail{}).field;
  };
  EXPECT_EQ(field({.events = 0}), "events");
  EXPECT_EQ(field({.people = 0}), "people");
  EXPECT_EQ(field({.purchases = {.customers = -1}}), "customers");
  EXPECT_EQ(field({.days = 10}), "days");
}

}  // namespace
}  // namespace tributary::generator
