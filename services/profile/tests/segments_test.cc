// Who enters and leaves segments, and moves between value tiers: by events, by time, by definitions and by merges.
#include "profile/segments.h"

#include "profile/tests/segment_journeys.h"
#include "profile/tests/statements.h"

namespace tributary::profile::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kAnn[] = "p0-1-0";
constexpr char kBob[] = "p0-2-0";

CustomerEvent OrderOf(const std::string& profile, const std::string& id, int64_t at, int64_t baht) {
  return Order(profile, id, at, id, 0, Cents("THB", baht * 100));
}

TEST(Segments, AnEventLetsItsProfileInAndAnotherOut) {
  Journeys journeys;
  journeys.Define("buyers", "order_count >= 2");
  journeys.Define("spenders", "net_revenue.THB >= 1000 THB");
  journeys.Put(OrderOf(kAnn, "a", kStart - 200, 400));
  EXPECT_THAT(journeys.TakeDecisions(), IsEmpty());
  journeys.Put(OrderOf(kAnn, "b", kStart - 100, 600));
  EXPECT_THAT(journeys.TakeDecisions(),
              ElementsAre(std::string(kAnn) + " enters buyers EVENT", std::string(kAnn) + " enters spenders EVENT"));
  journeys.Put(Return(kAnn, "r", kStart, "b", "R1", 0, Cents("THB", 100)));
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre(std::string(kAnn) + " leaves spenders EVENT"));
  EXPECT_EQ(journeys.Members("buyers"), kAnn);
  EXPECT_EQ(journeys.Members("spenders"), "");
  EXPECT_EQ(journeys.Segment("buyers").size(), 1);
  EXPECT_EQ(journeys.Segment("spenders").size(), 0);
  EXPECT_EQ(journeys.SegmentsOf(kAnn).segments_size(), 1);
  journeys.ExpectSound();
}

TEST(Segments, WhoHasNeverDoneAnythingOfTheKindIsAskedOnceAtTheFirstEvent) {
  Journeys journeys;
  journeys.Define("no-orders", "order_count < 1");
  journeys.Define("not-vip", "not traits.vip = true");
  journeys.Put(Event(kAnn, "e1", kStart));
  EXPECT_EQ(journeys.Members("no-orders"), kAnn);
  EXPECT_EQ(journeys.Members("not-vip"), kAnn);
  journeys.Put(OrderOf(kAnn, "a", kStart, 1));
  EXPECT_EQ(journeys.Members("no-orders"), "");
  EXPECT_EQ(journeys.Members("not-vip"), kAnn);
}

TEST(Segments, TraitsPointsAndStaysLetInAsTheyAreStated) {
  Journeys journeys;
  journeys.Define("thai", "language = \"th\"");
  journeys.Define("collectors", "points.gold >= 10");
  journeys.Define("guests", "last_stay_departure exists");
  journeys.Put(Event(kAnn, "e1", kStart));
  CustomerEvent traits = Event(kAnn, "e2", kStart);
  traits.mutable_traits_stated()->set_language("th");
  journeys.Put(traits);
  journeys.Put(PointsEvent(kAnn, "e3", kStart, "gold", "1", 12));
  journeys.Put(StayEvent(kAnn, "e4", kStart, "R1", 0, events::v1::StayStated::STATUS_CHECKED_IN, "2026-01-01"));
  EXPECT_EQ(journeys.Members("thai"), kAnn);
  EXPECT_EQ(journeys.Members("collectors"), kAnn);
  EXPECT_EQ(journeys.Members("guests"), kAnn);
  journeys.ExpectSound();
}

TEST(Segments, TimeAloneLetsInAndOutAtItsVeryMoment) {
  Journeys journeys;
  journeys.Define("frequent", "count(order_stated within 90d) >= 2");
  journeys.Define("silent", "inactive(30d)");
  journeys.Put(OrderOf(kAnn, "a", kStart, 10));
  journeys.Put(OrderOf(kAnn, "b", kStart, 10));
  EXPECT_EQ(journeys.Members("frequent"), kAnn);
  journeys.TakeDecisions();
  journeys.Advance(30 * kDay - 1);
  EXPECT_THAT(journeys.TakeDecisions(), IsEmpty());
  journeys.Advance(1);
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre(std::string(kAnn) + " enters silent TIME"));
  journeys.Put(Event(kAnn, "c", journeys.now()));
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre(std::string(kAnn) + " leaves silent EVENT"));
  journeys.AdvanceStepwise(60 * kDay);
  EXPECT_THAT(journeys.TakeDecisions(),
              ElementsAre(std::string(kAnn) + " enters silent TIME", std::string(kAnn) + " leaves frequent TIME"));
  journeys.ExpectSound();
}

TEST(Segments, AnEventOfAnotherKindLeavesTheTimerOfARuleThatItDoesNotTouch) {
  Journeys journeys;
  journeys.Define("recent", "count(order_stated within 10d) >= 1");
  journeys.Define("readers", "count(page_viewed within 2d) >= 1");
  journeys.Put(OrderOf(kAnn, "a", kStart, 10));
  journeys.Put(Event(kAnn, "b", kStart));
  journeys.Put(Event(kAnn, "c", kStart));
  EXPECT_EQ(journeys.Members("recent"), kAnn);
  journeys.AdvanceStepwise(2 * kDay);
  EXPECT_EQ(journeys.Members("readers"), "");
  EXPECT_EQ(journeys.Members("recent"), kAnn);
  journeys.AdvanceStepwise(8 * kDay);
  EXPECT_EQ(journeys.Members("recent"), "");
}

TEST(Segments, ARetractionAndACorrectionAreFelt) {
  Journeys journeys;
  journeys.Define("spenders", "net_revenue.THB >= 1000 THB");
  journeys.Define("two", "count(order_stated) >= 2");
  journeys.Put(OrderOf(kAnn, "a", kStart, 500));
  journeys.Put(OrderOf(kAnn, "b", kStart, 500));
  EXPECT_EQ(journeys.Members("spenders"), kAnn);
  journeys.Put(Correction(kAnn, "c", kStart, "b", 1, OrderOf(kAnn, "b", kStart, 400)));
  EXPECT_EQ(journeys.Members("spenders"), "");
  EXPECT_EQ(journeys.Members("two"), kAnn);
  journeys.Put(Retraction(kAnn, "d", kStart, "a"));
  EXPECT_EQ(journeys.Members("two"), "");
  journeys.ExpectSound();
}

TEST(Segments, ANewDefinitionTakesInWhoIsThereStepByStep) {
  Journeys journeys;
  constexpr int kProfiles = 3 * kTakeInStep - 50;
  for (int i = 0; i < kProfiles; ++i) {
    const std::string id = fmt::format("p0-{}-0", i);
    journeys.Append(OrderOf(id, "a", kStart, i % 2 == 0 ? 100 : 10));
  }
  journeys.Run();
  journeys.Define("half", "net_revenue.THB >= 100 THB");
  const v1::Segment segment = journeys.Segment("half");
  EXPECT_EQ(segment.size(), kProfiles / 2);
  EXPECT_TRUE(segment.take_in().done());
  EXPECT_EQ(segment.take_in().profiles_done(), kProfiles);
  EXPECT_EQ(segment.take_in().profiles_total(), kProfiles);
  const std::vector<std::string> decisions = journeys.TakeDecisions();
  ASSERT_EQ(decisions.size(), static_cast<size_t>(kProfiles / 2));
  EXPECT_EQ(decisions.front(), "p0-0-0 enters half DEFINITION");
  journeys.ExpectSound();
}

TEST(Segments, ProgressIsSeenWhileATakeInRunsAndLiveEventsPassIt) {
  Journeys journeys;
  for (int i = 0; i < 5 * kTakeInStep; ++i) {
    journeys.Append(OrderOf(fmt::format("p0-{:04}-0", i), "a", kStart, 100));
  }
  journeys.Run();
  bool seen = false;
  bool passed = false;
  journeys.BeginUpdate("all", "order_count >= 1");
  while (journeys.Step()) {
    const v1::TakeInProgress progress = journeys.Segment("all").take_in();
    if (progress.profiles_done() == 0 || progress.done()) continue;
    EXPECT_EQ(progress.profiles_done() % kTakeInStep, 0);
    EXPECT_THAT(progress.profiles_total(), AnyOf(5 * kTakeInStep, 5 * kTakeInStep + 1));
    if (!seen) journeys.Append(OrderOf("p0-9999-0", "a", kStart, 100));
    seen = true;
    passed = passed || journeys.SegmentsOf("p0-9999-0").segments_size() == 1;
  }
  EXPECT_TRUE(seen);
  EXPECT_TRUE(passed);
  EXPECT_EQ(journeys.Segment("all").size(), 5 * kTakeInStep + 1);
  journeys.ExpectSound();
}

TEST(Segments, AChangedRuleStopsTheTakeInOfTheOneBefore) {
  Journeys journeys;
  for (int i = 0; i < 3 * kTakeInStep; ++i) {
    journeys.Append(OrderOf(fmt::format("p0-{:04}-0", i), "a", kStart, i));
  }
  journeys.Run();
  journeys.BeginUpdate("some", "net_revenue.THB >= 1 THB");
  while (journeys.Segment("some").take_in().profiles_done() == 0) ASSERT_TRUE(journeys.Step());
  journeys.Define("some", "net_revenue.THB < 1 THB");
  EXPECT_EQ(journeys.Members("some"), "p0-0000-0");
  EXPECT_EQ(journeys.Segment("some").size(), 1);
  EXPECT_EQ(journeys.Segment("some").revision(), 2);
  journeys.ExpectSound();
}

TEST(Segments, ADeletedSegmentIsLeftByAllAndItsIdCanBeginAnew) {
  Journeys journeys;
  for (int i = 0; i < kTakeInStep + 10; ++i) {
    journeys.Append(OrderOf(fmt::format("p0-{:04}-0", i), "a", kStart, i));
  }
  journeys.Run();
  journeys.Define("all", "order_count >= 1");
  journeys.TakeDecisions();
  journeys.Delete("all");
  EXPECT_EQ(journeys.TakeDecisions().size(), static_cast<size_t>(kTakeInStep + 10));
  EXPECT_EQ(journeys.Members("all"), "");
  EXPECT_EQ(journeys.SegmentsOf("p0-0000-0").segments_size(), 0);
  EXPECT_EQ(journeys.Segment("all").segment_id(), "");
  journeys.Define("all", "net_revenue.THB < 1 THB");
  EXPECT_EQ(journeys.Segment("all").revision(), 3);
  EXPECT_EQ(journeys.Members("all"), "p0-0000-0");
  journeys.ExpectSound();
}

TEST(Segments, WhatIsHistoricalIsToldSo) {
  Journeys journeys;
  journeys.Define("buyers", "order_count >= 1");
  CustomerEvent imported = OrderOf(kAnn, "a", kStart, 1);
  imported.set_historical(true);
  journeys.Put(imported);
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre(std::string(kAnn) + " enters buyers EVENT historical"));
}

TEST(Segments, ARestartInTheMiddleOfATakeInGoesOnWhereItWas) {
  Journeys journeys;
  for (int i = 0; i < 3 * kTakeInStep; ++i) {
    journeys.Append(OrderOf(fmt::format("p0-{:04}-0", i), "a", kStart, i));
  }
  journeys.Run();
  journeys.BeginUpdate("all", "order_count >= 1");
  while (journeys.Segment("all").take_in().profiles_done() == 0) ASSERT_TRUE(journeys.Step());
  journeys.Restart();
  EXPECT_EQ(journeys.Segment("all").size(), 3 * kTakeInStep);
  EXPECT_EQ(journeys.TakeDecisions().size(), static_cast<size_t>(3 * kTakeInStep));
  journeys.ExpectSound();
}

// --- Value tiers

TEST(ValueTiers, EachChangeUpAndDownIsADecision) {
  Journeys journeys;
  journeys.DefineTiers("net_revenue.THB", {{"silver", "100 THB"}, {"gold", "1000 THB"}});
  journeys.Put(OrderOf(kAnn, "a", kStart, 50));
  EXPECT_EQ(journeys.TierOf(kAnn), "");
  journeys.Put(OrderOf(kAnn, "b", kStart, 100));
  journeys.Put(OrderOf(kAnn, "c", kStart, 900));
  journeys.Put(Event(kAnn, "d", kStart));
  journeys.Put(Retraction(kAnn, "e", kStart, "c"));
  journeys.Put(Retraction(kAnn, "f", kStart, "b"));
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre("p0-1-0 '' to 'silver' EVENT", "p0-1-0 'silver' to 'gold' EVENT",
                                                    "p0-1-0 'gold' to 'silver' EVENT", "p0-1-0 'silver' to '' EVENT"));
  journeys.ExpectSound();
}

TEST(ValueTiers, NewBoundsTakeInWhoIsThereAndSegmentsFollowTheTier) {
  Journeys journeys;
  journeys.Define("best", "value_tier = \"gold\"");
  journeys.Put(OrderOf(kAnn, "a", kStart, 500));
  journeys.Put(OrderOf(kBob, "a", kStart, 50));
  journeys.DefineTiers("net_revenue.THB", {{"gold", "500 THB"}});
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre("p0-1-0 '' to 'gold' DEFINITION", "p0-1-0 enters best DEFINITION"));
  EXPECT_EQ(journeys.Tiers().tiers(0).size(), 1);
  EXPECT_TRUE(journeys.Tiers().take_in().done());
  journeys.Put(OrderOf(kBob, "b", kStart, 450));
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre("p0-2-0 '' to 'gold' EVENT", "p0-2-0 enters best EVENT"));
  journeys.DefineTiers("net_revenue.THB", {{"gold", "501 THB"}});
  EXPECT_THAT(journeys.TakeDecisions(), ElementsAre("p0-1-0 'gold' to '' DEFINITION", "p0-1-0 leaves best DEFINITION",
                                                    "p0-2-0 'gold' to '' DEFINITION", "p0-2-0 leaves best DEFINITION"));
  journeys.ExpectSound();
}

TEST(ValueTiers, ATakeInThatMovesEveryoneInAndOutOfManySegmentsIsNoStep) {
  Journeys journeys;
  for (int i = 0; i < 60; ++i) journeys.Define(fmt::format("s{:02}", i), "value_tier = \"gold\"");
  for (int i = 0; i < kTakeInStep; ++i) journeys.Append(OrderOf(fmt::format("p0-{}-0", i), "a", kStart, 500));
  journeys.Run();
  journeys.DefineTiers("net_revenue.THB", {{"gold", "500 THB"}});
  EXPECT_TRUE(journeys.Tiers().take_in().done());
  EXPECT_EQ(journeys.Tiers().take_in().profiles_done(), kTakeInStep);
  EXPECT_EQ(journeys.Segment("s59").size(), kTakeInStep);
  journeys.ExpectSound();
}

TEST(ValueTiers, WithoutTiersNobodyIsInOne) {
  Journeys journeys;
  journeys.DefineTiers("order_count", {{"buyer", "1"}});
  journeys.Put(OrderOf(kAnn, "a", kStart, 500));
  EXPECT_EQ(journeys.TierOf(kAnn), "buyer");
  journeys.DefineTiers("", {});
  EXPECT_EQ(journeys.TierOf(kAnn), "");
  EXPECT_EQ(journeys.Tiers().tiers_size(), 0);
  journeys.ExpectSound();
}

TEST(ValueTiers, ATierOverAWindowFallsWithTime) {
  Journeys journeys;
  journeys.DefineTiers("sum(total THB of order_stated within 30d)", {{"hot", "100 THB"}});
  journeys.Put(OrderOf(kAnn, "a", kStart, 500));
  EXPECT_EQ(journeys.TierOf(kAnn), "hot");
  journeys.AdvanceStepwise(30 * kDay);
  EXPECT_EQ(journeys.TierOf(kAnn), "");
}

// --- Merges across partitions

class SegmentMerges : public ::testing::Test {
 protected:
  SegmentMerges() {
    journeys_.Define("buyers", "order_count >= 2");
    journeys_.Define("silent", "inactive(30d)");
    journeys_.DefineTiers("order_count", {{"one", "1"}, {"three", "3"}});
  }
  Journeys journeys_{2};
  const std::string winner_ = ProfileIn(0, 2);
  const std::string loser_ = ProfileIn(1, 2);
};

TEST_F(SegmentMerges, TheLoserLeavesAndTheWinnerEntersOnceItIsWhole) {
  journeys_.Put(OrderOf(winner_, "a", kStart, 1));
  journeys_.Put(OrderOf(loser_, "b", kStart, 1));
  journeys_.Put(OrderOf(loser_, "c", kStart, 1));
  EXPECT_EQ(journeys_.Members("buyers"), loser_);
  journeys_.TakeDecisions();
  journeys_.AppendMerge(winner_, loser_);
  journeys_.Run();
  EXPECT_THAT(journeys_.TakeDecisions(),
              UnorderedElementsAre(loser_ + " leaves buyers MERGE historical", loser_ + " 'one' to '' MERGE historical",
                                   winner_ + " 'one' to 'three' MERGE", winner_ + " enters buyers MERGE"));
  EXPECT_EQ(journeys_.Members("buyers"), winner_);
  EXPECT_EQ(journeys_.Segment("buyers").size(), 1);
  EXPECT_EQ(journeys_.Tiers().tiers(0).size(), 0);
  EXPECT_EQ(journeys_.Tiers().tiers(1).size(), 1);
  journeys_.ExpectSound();
}

TEST_F(SegmentMerges, WhatAnImportJoinsStartsNothing) {
  journeys_.Put(OrderOf(winner_, "a", kStart, 1));
  journeys_.Put(OrderOf(loser_, "b", kStart, 1));
  journeys_.TakeDecisions();
  CustomerEvent imported = OrderOf(winner_, "c", kStart - 300 * kDay, 1);
  imported.set_historical(true);
  journeys_.AppendMerge(winner_, loser_);
  journeys_.Append(imported);
  journeys_.Run();
  EXPECT_THAT(journeys_.TakeDecisions(), UnorderedElementsAre(loser_ + " 'one' to '' MERGE historical",
                                                              winner_ + " 'one' to 'three' MERGE historical",
                                                              winner_ + " enters buyers MERGE historical"));
}

TEST_F(SegmentMerges, EventsAndTimersOfTheLoserCountAtTheWinner) {
  journeys_.Put(OrderOf(winner_, "a", kStart - 20 * kDay, 1));
  journeys_.Put(OrderOf(loser_, "b", kStart, 1));
  journeys_.AppendMerge(winner_, loser_);
  journeys_.Append(OrderOf(loser_, "c", kStart, 1));
  journeys_.Run();
  EXPECT_EQ(journeys_.TierOf(winner_), "three");
  journeys_.AdvanceStepwise(29 * kDay);
  EXPECT_EQ(journeys_.Members("silent"), "");
  journeys_.AdvanceStepwise(kDay);
  EXPECT_EQ(journeys_.Members("silent"), winner_);
  journeys_.ExpectSound();
}

TEST_F(SegmentMerges, ADefinitionThatComesInTheMiddleOfAMoveIsAppliedToTheWinnerInTheEnd) {
  for (int i = 0; i < 3'000; ++i) journeys_.Append(OrderOf(loser_, fmt::format("b{}", i), kStart, 1));
  journeys_.Put(OrderOf(winner_, "a", kStart, 1));
  journeys_.AppendMerge(winner_, loser_);
  journeys_.Step();
  journeys_.BeginUpdate("many", "net_revenue.THB >= 3001 THB");
  journeys_.Run();
  EXPECT_EQ(journeys_.Members("many"), winner_);
  EXPECT_TRUE(journeys_.Segment("many").take_in().done());
  journeys_.ExpectSound();
}

// --- Definitions

TEST(Definitions, OfAReleaseThatKnowsMoreHaltTheTask) {
  events::v1::SegmentDefined defined;
  defined.mutable_rule()->mutable_comparison()->mutable_left()->set_field("order_count");
  defined.mutable_rule()->mutable_comparison()->set_operator_(static_cast<events::v1::RuleOperator>(77));
  processor::Fact fact;
  fact.type = processor::RecordType<events::v1::SegmentDefined>();
  fact.value = processor::Payload::Of(defined);
  const ProfileProcessor processor(processor::Partition(0), 1);
  EXPECT_EQ(processor.CheckFact(fact).code(), absl::StatusCode::kInternal);
  defined.set_deleted(true);
  fact.value = processor::Payload::Of(defined);
  EXPECT_TRUE(processor.CheckFact(fact).ok()) << "what is gone needs no rule";
}

TEST(Definitions, ReachEveryPartition) {
  Journeys journeys(4);
  journeys.Define("buyers", "order_count >= 1");
  for (int32_t i = 0; i < 4; ++i) journeys.Put(OrderOf(ProfileIn(i, 4), "a", kStart, 1));
  EXPECT_EQ(journeys.Segment("buyers").size(), 4);
  EXPECT_EQ(journeys.Segment("buyers").take_in().partitions(), 4);
  EXPECT_TRUE(journeys.Segment("buyers").take_in().done());
  journeys.ExpectSound();
}

TEST(Definitions, ARetryChangesNothingAndAnotherRequestOfThatIdIsAConflict) {
  Journeys journeys;
  const auto first = journeys.Update("buyers", "order_count >= 1", "r");
  const auto again = journeys.Update("buyers", "order_count >= 1", "r");
  EXPECT_EQ(first.value().body, again.value().body);
  EXPECT_EQ(journeys.Segment("buyers").revision(), 1);
  EXPECT_EQ(journeys.Update("buyers", "order_count >= 2", "r").status().code(), absl::StatusCode::kAlreadyExists);
}

TEST(Definitions, ANewNameLeavesMembersAndProgressAlone) {
  Journeys journeys;
  journeys.Put(OrderOf(kAnn, "a", kStart, 1));
  journeys.Define("buyers", "order_count >= 1");
  journeys.TakeDecisions();
  v1::UpdateSegmentRequest request;
  request.mutable_segment()->set_segment_id("buyers");
  request.mutable_segment()->set_display_name("Buyers");
  ASSERT_EQ(journeys.Send(kUpdateSegment, CommandOf(request, kWorkspace).value()).value().code, absl::StatusCode::kOk);
  EXPECT_EQ(journeys.Segment("buyers").display_name(), "Buyers");
  EXPECT_EQ(journeys.Segment("buyers").revision(), 2);
  EXPECT_TRUE(journeys.Segment("buyers").take_in().done());
  EXPECT_THAT(journeys.TakeDecisions(), IsEmpty());
}

TEST(Definitions, AWorkspaceHasTwoHundredSegmentsAtMost) {
  Journeys journeys;
  for (int i = 0; i < kMaxSegments; ++i) journeys.Define(fmt::format("s{}", i), "order_count >= 1");
  EXPECT_EQ(journeys.Update("one-more", "order_count >= 1").value().reason, "TOO_MANY_SEGMENTS");
  journeys.Delete("s7");
  journeys.Define("one-more", "order_count >= 1");
}

TEST(Definitions, OfAnotherWorkspaceConcernNobodyHere) {
  Journeys journeys;
  v1::UpdateSegmentRequest request;
  request.set_allow_missing(true);
  request.mutable_segment()->set_segment_id("buyers");
  request.mutable_segment()->set_rule_text("order_count >= 1");
  ASSERT_EQ(journeys.Send(kUpdateSegment, CommandOf(request, "w2").value()).value().code, absl::StatusCode::kOk);
  journeys.Put(OrderOf(kAnn, "a", kStart, 1));
  EXPECT_THAT(journeys.TakeDecisions(), IsEmpty());
  EXPECT_EQ(journeys.Segment("buyers").segment_id(), "");
}

}  // namespace
}  // namespace tributary::profile::testing
