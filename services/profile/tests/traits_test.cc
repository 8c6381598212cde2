// Stated and computed traits.
#include "gmock/gmock.h"
#include "profile/computed.h"
#include "profile/tests/journey.h"
#include "profile/tests/statements.h"

namespace tributary::profile::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kP[] = "p0-1-0";

v1::GetTraitsResponse Traits(Journey& journey, absl::Time now = absl::FromUnixSeconds(0)) {
  journey.ExpectSound();
  return ReadTraits(journey.driver().Snapshot()->view(), kP, now);
}

CustomerEvent Language(const std::string& id, int64_t seconds, const std::string& language) {
  CustomerEvent event = Event(kP, id, seconds);
  event.mutable_traits_stated()->set_language(language);
  return event;
}

CustomerEvent Named(const std::string& id, int64_t seconds, const std::string& language, const std::string& name) {
  CustomerEvent event = Event(kP, id, seconds);
  AddName(language, name, event.mutable_traits_stated());
  return event;
}

CustomerEvent Clearing(const std::string& id, int64_t seconds, const std::string& cleared) {
  CustomerEvent event = Event(kP, id, seconds);
  event.mutable_traits_stated()->add_cleared(cleared);
  return event;
}

TEST(StatedTraits, CountByTheTimeOfOccurrenceNotOfArrival) {
  Journey journey;
  journey.Put(Language("late", 200, "th"));
  journey.Put(Language("early", 100, "en"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=th");
}

TEST(StatedTraits, TiesInTimeGoToTheHigherPriorityThenTheGreaterEventId) {
  Journey journey;
  journey.Put(Language("b", 100, "de"));
  journey.Put(Language("a", 100, "en"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=de");
  CustomerEvent trusted = Language("0", 100, "th");
  trusted.set_source_priority(5);
  journey.Put(trusted);
  EXPECT_EQ(StatedText(Traits(journey)), "language=th");
  journey.Put(Language("z", 100, "fr"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=th");
}

TEST(StatedTraits, NamesAddressesAndFurtherTraitsCountOneByOne) {
  Journey journey;
  CustomerEvent first = Event(kP, "e1", 100);
  AddName("th", "สมชาย", first.mutable_traits_stated());
  AddName("en", "Somchai", first.mutable_traits_stated());
  AddAddress("home", "10110", first.mutable_traits_stated());
  AddTrait("size", "M", first.mutable_traits_stated());
  AddTrait("vip", "yes", first.mutable_traits_stated());
  first.mutable_traits_stated()->set_birth_date("1990-02-03");
  CustomerEvent second = Event(kP, "e2", 200);
  AddName("en", "Somchai J.", second.mutable_traits_stated());
  AddAddress("work", "10200", second.mutable_traits_stated());
  AddTrait("size", "L", second.mutable_traits_stated());
  journey.Put(second);
  journey.Put(first);
  const v1::GetTraitsResponse traits = Traits(journey);
  EXPECT_EQ(StatedText(traits),
            "birth_date=1990-02-03 names.en=Somchai J. names.th=สมชาย addresses.home=10110 addresses.work=10200 "
            "traits.size=L traits.vip=yes");
  ASSERT_EQ(traits.origins_size(), 7);
  EXPECT_EQ(traits.origins(3).name(), "names.en");
  EXPECT_EQ(traits.origins(3).entry_id(), "shop/e2");
  EXPECT_EQ(traits.origins(3).occurred_at().seconds(), 200);
}

TEST(StatedTraits, ARetractionBringsBackWhatWasSaidBefore) {
  Journey journey;
  journey.Put(Language("e1", 100, "en"));
  journey.Put(Language("e2", 200, "th"));
  journey.Put(Retraction(kP, "x", 300, "e2"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=en");
  journey.Put(Retraction(kP, "y", 300, "e1"));
  EXPECT_EQ(StatedText(Traits(journey)), "");
  EXPECT_THAT(Traits(journey).origins(), IsEmpty());
}

TEST(StatedTraits, ACorrectionReplacesAndMovesWhatWasSaid) {
  Journey journey;
  journey.Put(Language("e1", 100, "en"));
  CustomerEvent replacement = Language("", 50, "th");
  AddTrait("size", "M", replacement.mutable_traits_stated());
  replacement.mutable_traits_stated()->clear_language();
  journey.Put(Language("e0", 70, "de"));
  journey.Put(Correction(kP, "c", 300, "e1", 1, replacement));
  EXPECT_EQ(StatedText(Traits(journey)), "language=de traits.size=M");
}

TEST(StatedTraits, WhatWasClearedDoesNotReturnButMayBeSaidAgain) {
  Journey journey;
  journey.Put(Clearing("c", 200, "language"));
  journey.Put(Language("e1", 100, "en"));
  EXPECT_EQ(StatedText(Traits(journey)), "");
  journey.Put(Language("e2", 300, "th"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=th");
}

TEST(StatedTraits, ClearingNamesClearsThoseOfEveryLanguageSaidBefore) {
  Journey journey;
  journey.Put(Named("e1", 100, "en", "Old"));
  journey.Put(Named("e2", 300, "th", "ใหม่"));
  CustomerEvent replaced = Clearing("c", 200, "names");
  AddName("ja", "和", replaced.mutable_traits_stated());
  journey.Put(replaced);
  EXPECT_EQ(StatedText(Traits(journey)), "names.ja=和 names.th=ใหม่") << "what one event clears and states, it states";
  journey.Put(Retraction(kP, "x", 400, "c"));
  EXPECT_EQ(StatedText(Traits(journey)), "names.en=Old names.th=ใหม่");
}

TEST(StatedTraits, UnknownNamesToClearAreIgnored) {
  Journey journey;
  journey.Put(Language("e1", 100, "en"));
  for (const char* name : {"cleared", "somchai@example.com", "language.x", "trait"}) {
    journey.Put(Clearing(name, 200, name));
  }
  EXPECT_EQ(StatedText(Traits(journey)), "language=en");
}

TEST(StatedTraits, AreThoseOfBothAfterAMerge) {
  Journey journey;
  journey.Put(Language("e1", 100, "en"));
  CustomerEvent other = Language("e2", 200, "th");
  other.mutable_resolution()->set_profile_id("p0-2-0");
  journey.Put(other);
  journey.Put(Merge(kP, "p0-2-0"));
  EXPECT_EQ(StatedText(Traits(journey)), "language=th");
}

TEST(ComputedTraits, TellWhenAndHowOftenOrdersCame) {
  Journey journey;
  constexpr int64_t kDay = 86'400;
  journey.Put(Order(kP, "e1", 0, "A", 0, Cents("THB", 10000)));
  EXPECT_FALSE(Traits(journey).computed().has_orders_per_30_days());
  journey.Put(Order(kP, "e2", 45 * kDay, "B", 0, Cents("THB", 10000)));
  journey.Put(Order(kP, "e3", 15 * kDay, "C", 0, Cents("EUR", 100)));
  CustomerEvent cancelled = Order(kP, "e4", 90 * kDay, "D", 0, Cents("THB", 1));
  cancelled.mutable_order_stated()->set_status(OrderStated::STATUS_CANCELLED);
  journey.Put(cancelled);
  const auto computed = Traits(journey, absl::FromUnixSeconds(46 * kDay) + absl::Milliseconds(1)).computed();
  EXPECT_EQ(computed.order_count(), 3);
  EXPECT_EQ(computed.first_order_at().seconds(), 0);
  EXPECT_EQ(computed.last_order_at().seconds(), 45 * kDay);
  EXPECT_EQ(computed.recency().seconds(), kDay);
  EXPECT_EQ(computed.recency().nanos(), 1'000'000);
  EXPECT_EQ(computed.orders_per_30_days().units(), 1);
  EXPECT_EQ(computed.orders_per_30_days().nanos(), 333'333'333);
  EXPECT_EQ(Traits(journey, absl::FromUnixSeconds(1)).computed().recency().seconds(), 0) << "never negative";
}

TEST(ComputedTraits, ForgetTheLastOrderWhenItIsRetractedCancelledOrMovedInward) {
  Journey journey;
  journey.Put(Order(kP, "e1", 100, "A", 0, Cents("THB", 100)));
  journey.Put(Order(kP, "e2", 200, "B", 0, Cents("THB", 100)));
  journey.Put(Order(kP, "e3", 300, "C", 0, Cents("THB", 100)));
  journey.Put(Order(kP, "e4", 400, "D", 0, Cents("THB", 100)));
  journey.Put(Retraction(kP, "x", 500, "e4"));
  EXPECT_EQ(Traits(journey).computed().last_order_at().seconds(), 300);
  CustomerEvent cancelled = Order(kP, "e5", 500, "C", 1, Cents("THB", 100));
  cancelled.mutable_order_stated()->set_status(OrderStated::STATUS_CANCELLED);
  journey.Put(cancelled);
  EXPECT_EQ(Traits(journey).computed().last_order_at().seconds(), 200);
  CustomerEvent moved = Order(kP, "e6", 600, "A", 1, Cents("THB", 100));
  *moved.mutable_order_stated()->mutable_placed_at() = At(150);
  journey.Put(moved);
  EXPECT_EQ(Traits(journey).computed().first_order_at().seconds(), 150);
}

TEST(ComputedTraits, AverageOrderValueIsExactPerCurrencyToTheBillionth) {
  Journey journey;
  for (int i = 0; i < 3; ++i) {
    journey.Put(Order(kP, "e" + std::to_string(i), 100, std::string(1, static_cast<char>('A' + i)), 0,
                      Cents("THB", i == 0 ? 200 : 400)));
  }
  journey.Put(Order(kP, "e9", 100, "X", 0, Cents("EUR", 1050)));
  journey.Put(Return(kP, "r", 200, "Y", "R", 0, Cents("USD", 100)));
  const auto computed = Traits(journey).computed();
  ASSERT_THAT(computed.revenues(), SizeIs(3));
  EXPECT_EQ(Text(computed.revenues(0).average_order_value()), "10.50 EUR");
  EXPECT_EQ(Text(computed.revenues(1).average_order_value()), "3.333333333 THB");
  EXPECT_FALSE(computed.revenues(2).has_average_order_value()) << "a refund is no order";
  EXPECT_EQ(Text(journey.Profile(kP).revenues(1).average_order_value()), "3.333333333 THB");
}

TEST(ComputedTraits, FavouriteChannelIsWhereTheCustomerComesFromNotWhereWeSend) {
  Journey journey;
  for (int i = 0; i < 3; ++i) {
    CustomerEvent mail = Event(kP, "m" + std::to_string(i), 100 + i);
    mail.set_channel(events::v1::CHANNEL_EMAIL);
    mail.set_direction(events::v1::DIRECTION_OUTBOUND);
    journey.Put(mail);
  }
  EXPECT_EQ(Traits(journey).computed().favourite_channel(), events::v1::CHANNEL_UNSPECIFIED);
  for (const auto channel : {events::v1::CHANNEL_LINE, events::v1::CHANNEL_STORE}) {
    CustomerEvent event = Event(kP, "c" + std::to_string(channel), 200);
    event.set_channel(channel);
    journey.Put(event);
  }
  EXPECT_EQ(Traits(journey).computed().favourite_channel(), events::v1::CHANNEL_LINE) << "of equal ones the lowest";
}

TEST(Points, CountEachEntryOncePerProgrammeWhateverSourceReportsIt) {
  Journey journey;
  journey.Put(PointsEvent(kP, "e1", 100, "gold", "1", 50));
  journey.Put(PointsEvent(kP, "e2", 200, "gold", "1", 50));  // the same posting by another event
  journey.Put(PointsEvent(kP, "e3", 300, "gold", "2", -20));
  journey.Put(PointsEvent(kP, "e4", 300, "spa", "1", 7));
  EXPECT_EQ(PointsText(Traits(journey)), "gold 30 of 2, spa 7 of 1");
}

TEST(Points, AreTakenBackByReversalsAndByRetractions) {
  Journey journey;
  CustomerEvent reversal = PointsEvent(kP, "e2", 200, "gold", "2", -50);
  reversal.mutable_points_posted()->set_kind(events::v1::PointsPosted::KIND_REVERSED);
  reversal.mutable_points_posted()->set_reverses("1");
  journey.Put(reversal);
  journey.Put(PointsEvent(kP, "e1", 100, "gold", "1", 50));
  EXPECT_EQ(PointsText(Traits(journey)), "gold 0 of 2");
  journey.Put(Retraction(kP, "x", 300, "e2"));
  EXPECT_EQ(PointsText(Traits(journey)), "gold 50 of 1");
  journey.Put(Retraction(kP, "y", 300, "e1"));
  EXPECT_EQ(PointsText(Traits(journey)), "");
}

TEST(LastStay, IsTheOneThatBeganLastAmongThoseThatBegan) {
  using events::v1::StayStated;
  Journey journey;
  journey.Put(StayEvent(kP, "e1", 100, "R1", 0, StayStated::STATUS_CHECKED_OUT, "2026-01-05"));
  journey.Put(StayEvent(kP, "e2", 90, "R2", 0, StayStated::STATUS_CHECKED_IN, "2026-03-05"));
  journey.Put(StayEvent(kP, "e3", 110, "R3", 0, StayStated::STATUS_BOOKED, "2026-06-05"));
  EXPECT_EQ(Traits(journey).computed().last_stay().stay().reservation_id(), "R2");
  EXPECT_EQ(Traits(journey).computed().last_stay().location_id(), "hotel-R2");
  journey.Put(StayEvent(kP, "e4", 80, "R2", 1, StayStated::STATUS_CANCELLED, "2026-03-05"));
  EXPECT_EQ(Traits(journey).computed().last_stay().stay().reservation_id(), "R1") << "the highest revision counts";
  journey.Put(Retraction(kP, "x", 200, "e1"));
  EXPECT_FALSE(Traits(journey).computed().has_last_stay());
}

}  // namespace
}  // namespace tributary::profile::testing
