#include "profile/processor.h"

#include "gmock/gmock.h"
#include "profile/tests/journey.h"

namespace tributary::profile::testing {
namespace {

TEST(ProfileProcessor, AnEventBecomesAnEntryAndItsProfileIsSeen) {
  Journey journey;
  journey.Put(Event("p0-1-0", "e1", 100));
  EXPECT_EQ(journey.Entries("p0-1-0"), "e1");
  const v1::Profile profile = journey.Profile("p0-1-0");
  EXPECT_EQ(profile.profile_id(), "p0-1-0");
  EXPECT_EQ(profile.entry_count(), 1);
  EXPECT_EQ(profile.first_seen_at().seconds(), 100);
  EXPECT_EQ(profile.last_seen_at().seconds(), 100);
  EXPECT_EQ(profile.subject_kind(), events::v1::SUBJECT_KIND_PERSON);
  ASSERT_EQ(profile.channels_size(), 1);
  EXPECT_EQ(profile.channels(0).channel(), events::v1::CHANNEL_WEB);
  journey.ExpectSound();
}

TEST(ProfileProcessor, TheSameEntryTwiceCountsOnce) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
  journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
  journey.Put(Order("p0-1-0", "e1", 200, "B", 0, Cents("THB", 99900)));  // the id decides, not the content
  EXPECT_EQ(journey.Entries("p0-1-0"), "e1");
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, OneEventIdOfTwoSourcesIsTwoEntries) {
  Journey journey;
  journey.Put(Event("p0-1-0", "e1", 100));
  CustomerEvent other = Event("p0-1-0", "e1", 100);
  other.set_source_id("till");
  journey.Put(other);
  EXPECT_EQ(journey.Entries("p0-1-0"), "e1 e1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, LateEventsMoveFirstSeenBack) {
  Journey journey;
  for (const int64_t at : {500, 100, 900, 300}) journey.Put(Event("p0-1-0", std::to_string(at), at));
  EXPECT_EQ(journey.Profile("p0-1-0").first_seen_at().seconds(), 100);
  EXPECT_EQ(journey.Profile("p0-1-0").last_seen_at().seconds(), 900);
  EXPECT_EQ(journey.Entries("p0-1-0"), "100 300 500 900");
}

TEST(ProfileProcessor, TheHighestRevisionOfAnOrderCountsInWhateverOrderTheyCome) {
  const std::vector<CustomerEvent> revisions = {Order("p0-1-0", "r1", 100, "A", 1, Cents("THB", 10000)),
                                                Order("p0-1-0", "r2", 300, "A", 2, Cents("THB", 25050)),
                                                Order("p0-1-0", "r3", 200, "A", 3, Cents("THB", 30025))};
  std::vector<size_t> order = {0, 1, 2};
  do {
    Journey journey;
    for (const size_t i : order) journey.Put(revisions[i]);
    EXPECT_EQ(journey.Revenue("p0-1-0"), "300.25 THB less 0.00 THB is 300.25 THB of 1; 1");
    journey.ExpectSound();
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(ProfileProcessor, OfEqualRevisionsTheLaterThenTheHigherSourceThenTheGreaterIdCounts) {
  CustomerEvent early = Order("p0-1-0", "z", 100, "A", 1, Cents("THB", 100));
  CustomerEvent low = Order("p0-1-0", "y", 200, "A", 1, Cents("THB", 200));
  CustomerEvent high = Order("p0-1-0", "a", 200, "A", 1, Cents("THB", 300));
  CustomerEvent higher_id = Order("p0-1-0", "b", 200, "A", 1, Cents("THB", 400));
  high.set_source_priority(5);
  higher_id.set_source_priority(5);
  Journey journey;
  journey.Put(higher_id);
  for (const CustomerEvent& event : {early, low, high}) journey.Put(event);
  EXPECT_EQ(journey.Revenue("p0-1-0"), "4.00 THB less 0.00 THB is 4.00 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, ACancelledOrPendingOrderIsNoRevenue) {
  Journey journey;
  CustomerEvent pending = Order("p0-1-0", "e1", 100, "A", 1, Cents("THB", 10000));
  pending.mutable_order_stated()->set_status(OrderStated::STATUS_PENDING);
  journey.Put(pending);
  EXPECT_EQ(journey.Revenue("p0-1-0"), "0");
  CustomerEvent completed = Order("p0-1-0", "e2", 200, "A", 2, Cents("THB", 10000));
  completed.mutable_order_stated()->set_status(OrderStated::STATUS_COMPLETED);
  journey.Put(completed);
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
  CustomerEvent cancelled = Order("p0-1-0", "e3", 300, "A", 3, Cents("THB", 10000));
  cancelled.mutable_order_stated()->set_status(OrderStated::STATUS_CANCELLED);
  journey.Put(cancelled);
  EXPECT_EQ(journey.Revenue("p0-1-0"), "0");
  journey.ExpectSound();
}

TEST(ProfileProcessor, ReturnsAddUpByIdAndTheirHighestRevisionCountsAlsoBeforeTheirOrder) {
  Journey journey;
  journey.Put(Return("p0-1-0", "e1", 300, "A", "R1", 2, Cents("THB", 2000)));
  EXPECT_EQ(journey.Revenue("p0-1-0"), "0.00 THB less 20.00 THB is -20.00 THB of 0; 0");
  journey.Put(Return("p0-1-0", "e2", 400, "A", "R1", 1, Cents("THB", 9900)));  // an older revision
  CustomerEvent requested = Return("p0-1-0", "e3", 400, "A", "R2", 1, Cents("THB", 700));
  requested.mutable_return_stated()->set_status(ReturnStated::STATUS_REQUESTED);
  journey.Put(requested);
  journey.Put(Return("p0-1-0", "e4", 500, "A", "R3", 0, Cents("THB", 555)));
  journey.Put(Order("p0-1-0", "e5", 200, "A", 0, Cents("THB", 10000)));
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 25.55 THB is 74.45 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, CurrenciesAreSummedApartAndExactly) {
  Journey journey;
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    journey.Put(Order("p0-1-0", "t" + id, 100 + i, "T" + id, 0, Cents("THB", 10)));  // 0.10 has no binary fraction
    if (i % 2 == 0) journey.Put(Order("p0-1-0", "e" + id, 100 + i, "E" + id, 0, Cents("EUR", 33)));
  }
  EXPECT_EQ(journey.Revenue("p0-1-0"),
            "16.50 EUR less 0.00 EUR is 16.50 EUR of 50; 10.00 THB less 0.00 THB is 10.00 THB of 100; 150");
  journey.ExpectSound();
}

TEST(ProfileProcessor, ARetractionVoidsItsEventWhetherItComesAfterOrBefore) {
  for (const bool before : {false, true}) {
    Journey journey;
    const CustomerEvent retraction = Retraction("p0-1-0", "x", 900, "e1");
    if (before) journey.Put(retraction);
    journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
    journey.Put(Event("p0-1-0", "e2", 200));
    if (!before) journey.Put(retraction);
    EXPECT_EQ(journey.Revenue("p0-1-0"), "0");
    EXPECT_EQ(journey.Profile("p0-1-0").entry_count(), 1);
    EXPECT_EQ(journey.Profile("p0-1-0").first_seen_at().seconds(), 200);
    EXPECT_EQ(journey.Profile("p0-1-0").last_seen_at().seconds(), 200) << "a retraction is no sign of the customer";
    EXPECT_EQ(journey.Entries("p0-1-0"), "e2 x");
    EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .include_retracted = true}), "-e1 e2 x");
    journey.ExpectSound();
  }
}

TEST(ProfileProcessor, ARetractedRevisionGivesWayToTheOneBelowIt) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e1", 100, "A", 1, Cents("THB", 10000)));
  journey.Put(Order("p0-1-0", "e2", 200, "A", 2, Cents("THB", 20000)));
  journey.Put(Retraction("p0-1-0", "x", 300, "e2"));
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, ACorrectionReplacesTimeAndContentWhetherItComesAfterOrBefore) {
  CustomerEvent right = Order("", "", 50, "A", 1, Cents("THB", 7000));
  right.set_channel(events::v1::CHANNEL_APP);
  for (const bool before : {false, true}) {
    Journey journey;
    const CustomerEvent correction = Correction("p0-1-0", "x", 900, "e1", 1, right);
    if (before) journey.Put(correction);
    journey.Put(Order("p0-1-0", "e1", 100, "A", 1, Cents("THB", 10000)));
    journey.Put(Event("p0-1-0", "e2", 80));
    if (!before) journey.Put(correction);
    EXPECT_EQ(journey.Revenue("p0-1-0"), "70.00 THB less 0.00 THB is 70.00 THB of 1; 1");
    EXPECT_EQ(journey.Profile("p0-1-0").first_seen_at().seconds(), 50);
    EXPECT_EQ(journey.Profile("p0-1-0").last_seen_at().seconds(), 80);
    EXPECT_EQ(journey.Entries("p0-1-0"), "~e1 e2 x");
    EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .channels = {events::v1::CHANNEL_APP}}), "~e1");
    journey.ExpectSound();
  }
}

TEST(ProfileProcessor, OfCorrectionsTheHighestRevisionCountsAndItsUnsetPartsAreTheEventsOwn) {
  CustomerEvent first = Order("", "", 50, "B", 0, Cents("THB", 7000));
  CustomerEvent second = Order("", "", 0, "A", 0, Cents("THB", 8000));
  second.clear_occurred_at();
  for (const bool second_first : {false, true}) {
    Journey journey;
    journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
    if (second_first) journey.Put(Correction("p0-1-0", "x2", 300, "e1", 2, second));
    journey.Put(Correction("p0-1-0", "x1", 400, "e1", 1, first));
    if (!second_first) journey.Put(Correction("p0-1-0", "x2", 300, "e1", 2, second));
    EXPECT_EQ(journey.Profile("p0-1-0").first_seen_at().seconds(), 100);
    EXPECT_EQ(journey.Revenue("p0-1-0"), "80.00 THB less 0.00 THB is 80.00 THB of 1; 1");
    journey.ExpectSound();
  }
}

TEST(ProfileProcessor, ACorrectionOfAnotherBodyTypeChangesNothing) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
  journey.Put(Correction("p0-1-0", "x", 300, "e1", 1, Event("", "", 50)));
  EXPECT_EQ(journey.Entries("p0-1-0"), "e1 x");
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
}

TEST(ProfileProcessor, ARetractionOutranksCorrectionsAndCannotBeRetracted) {
  Journey journey;
  journey.Put(Event("p0-1-0", "e1", 100));
  journey.Put(Retraction("p0-1-0", "x", 200, "e1"));
  journey.Put(Correction("p0-1-0", "y", 300, "e1", 9, Event("", "", 50)));
  journey.Put(Retraction("p0-1-0", "z", 400, "x"));
  EXPECT_EQ(journey.Profile("p0-1-0").entry_count(), 0);
  EXPECT_FALSE(journey.Profile("p0-1-0").has_first_seen_at());
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .include_retracted = true}), "-~e1 x y z");
  journey.ExpectSound();
}

TEST(ProfileProcessor, AMergeBringsEverythingAndTheRetiredIdAnswers) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e1", 100, "A", 1, Cents("THB", 10000)));
  journey.Put(Event("p0-9-0", "f1", 50));
  journey.Put(Order("p0-9-0", "f2", 200, "B", 0, Cents("THB", 500)));
  journey.Put(Return("p0-9-0", "f3", 300, "A", "R", 0, Cents("THB", 1000)));  // of the winner's order
  journey.Put(Retraction("p0-9-0", "f4", 300, "f1"));
  journey.Put(Retraction("p0-9-0", "f5", 300, "e2"));  // of an event that comes later, to the winner
  journey.Put(Merge("p0-1-0", "p0-9-0"));
  journey.Put(Event("p0-1-0", "e2", 10));
  for (const char* id : {"p0-1-0", "p0-9-0"}) {
    EXPECT_EQ(journey.Profile(id).profile_id(), "p0-1-0");
    EXPECT_EQ(journey.Revenue(id), "105.00 THB less 10.00 THB is 95.00 THB of 2; 2");
    EXPECT_EQ(journey.Entries(id), "e1 f2 f3 f4 f5");
  }
  EXPECT_EQ(journey.Profile("p0-9-0").requested_profile_id(), "p0-9-0");
  EXPECT_EQ(journey.Profile("p0-1-0").requested_profile_id(), "");
  EXPECT_THAT(journey.Profile("p0-1-0").retired_profile_ids(), ::testing::ElementsAre("p0-9-0"));
  const auto snapshot = journey.driver().Snapshot();
  const JourneyPage page = ReadJourney(snapshot->view(), "p0-1-0", {.ascending = true});
  EXPECT_EQ(page.entries[0].merged_from(), "");
  EXPECT_EQ(page.entries[1].merged_from(), "p0-9-0");
  journey.ExpectSound();
}

TEST(ProfileProcessor, EventsThatNameARetiredProfileGoToTheSurvivorThroughAChainOfMerges) {
  Journey journey;
  journey.Put(Event("p0-1-0", "a", 100));
  journey.Put(Event("p0-2-0", "b", 200));
  journey.Put(Event("p0-3-0", "c", 300));
  journey.Put(Merge("p0-2-0", "p0-3-0"));
  journey.Put(Merge("p0-1-0", "p0-2-0"));
  journey.Put(Order("p0-3-0", "d", 400, "A", 0, Cents("THB", 100)));
  journey.Put(Event("p0-3-0", "c", 300));  // a copy of what came before
  journey.Put(Merge("p0-2-0", "p0-3-0"));  // the same merge again
  for (const char* id : {"p0-1-0", "p0-2-0", "p0-3-0"}) EXPECT_EQ(journey.Entries(id), "a b c d");
  EXPECT_EQ(journey.Revenue("p0-3-0"), "1.00 THB less 0.00 THB is 1.00 THB of 1; 1");
  EXPECT_THAT(journey.Profile("p0-1-0").retired_profile_ids(), ::testing::ElementsAre("p0-3-0", "p0-2-0"));
  journey.ExpectSound();
}

TEST(ProfileProcessor, OneOrderReportedUnderTwoProfilesCountsOnceWhenTheyMerge) {
  Journey journey;
  journey.Put(Order("p0-1-0", "till-1", 100, "A", 0, Cents("THB", 10000)));
  CustomerEvent web = Order("p0-2-0", "web-1", 101, "A", 0, Cents("THB", 10000));
  web.set_source_id("web");
  journey.Put(web);
  journey.Put(Merge("p0-1-0", "p0-2-0"));
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
  EXPECT_EQ(journey.Profile("p0-1-0").entry_count(), 2);
  journey.ExpectSound();
}

TEST(ProfileProcessor, AnEntryThatBothProfilesHaveIsOneWhenTheyMergeWithTheAmendmentsOfBoth) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e1", 100, "A", 0, Cents("THB", 10000)));
  journey.Put(Correction("p0-1-0", "x", 150, "e1", 1, Order("", "", 120, "A", 0, Cents("THB", 7000))));
  journey.Put(Order("p0-2-0", "e1", 100, "A", 0, Cents("THB", 10000)));
  journey.Put(Event("p0-2-0", "e2", 200));
  journey.Put(Event("p0-1-0", "e2", 200));
  journey.Put(Retraction("p0-2-0", "y", 300, "e2"));
  journey.Put(Merge("p0-1-0", "p0-2-0"));
  EXPECT_EQ(journey.Entries("p0-1-0", {.ascending = true, .include_retracted = true}), "~e1 x -e2 y");
  EXPECT_EQ(journey.Revenue("p0-1-0"), "70.00 THB less 0.00 THB is 70.00 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, AMergeMayBringAStatementOfAnOrderAndTheRetractionOfAnotherAtOnce) {
  Journey journey;
  journey.Put(Order("p0-1-0", "e2", 100, "A", 2, Cents("THB", 20000)));
  journey.Put(Order("p0-2-0", "e1", 100, "A", 1, Cents("THB", 10000)));
  journey.Put(Retraction("p0-2-0", "x", 300, "e2"));
  journey.Put(Merge("p0-1-0", "p0-2-0"));
  EXPECT_EQ(journey.Revenue("p0-1-0"), "100.00 THB less 0.00 THB is 100.00 THB of 1; 1");
  journey.ExpectSound();
}

TEST(ProfileProcessor, AMalformedRecordHaltsWithoutTellingItsContent) {
  Journey journey;
  CustomerEvent event = Event("p0-1-0", "e1", 100);
  event.clear_resolution();
  event.mutable_page_viewed()->set_title("Somchai");
  journey.Put(event);
  const processor::TaskStatus status = journey.driver().task().status();
  EXPECT_EQ(status.state, processor::TaskState::kHalted);
  EXPECT_THAT(std::string(status.halted.message()), ::testing::HasSubstr("resolution.profile_id"));
  EXPECT_THAT(std::string(status.halted.message()), ::testing::Not(::testing::HasSubstr("Somchai")));
}

TEST(ProfileProcessor, AnUnknownRecordTypeHalts) {
  EXPECT_EQ(ProfileProcessor(processor::Partition(0), 1).Handles("case_opened"), processor::Handling::kUnknown);
}

}  // namespace
}  // namespace tributary::profile::testing
