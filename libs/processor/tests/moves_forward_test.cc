// What is sent on to a winner, what is held there, and how much of it there may be.
#include <gmock/gmock.h>

#include "tests/notebook.h"

namespace tributary::processor {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int kMany = 10'001;  // more than one input may lead to

class MovesOfMany : public Moves {
 protected:
  MovesOfMany() {
    rows_per_part_ = 1'000;
    for (int i = 0; i < kPartitions; ++i) Open(i);
    Run();
  }
};

TEST_F(Moves, FactsThatAreSentOnAlongAChainAreNotWithinOneAnother) {
  Merge("b1", "a1");
  Merge("c1", "b1");
  Run();
  Say("a1", "late");
  Run();
  EXPECT_THAT(Heard("c1"), ElementsAre("late"));
  ASSERT_THAT(ForwardedTo("c1"), SizeIs(1));
  EXPECT_EQ(ForwardedTo("c1")[0].type(), "word");
  EXPECT_EQ(ForwardedTo("c1")[0].processor(), "notebook");
}

TEST_F(Moves, WhatIsMalformedIsDeadLetteredWhereItNamesALoser) {
  Merge("a1", "b1");
  Say("b1", "bad");
  Say("b1", "good");
  Run();
  EXPECT_THAT(Said("a1"), ElementsAre("good"));
  EXPECT_THAT(ForwardedTo("a1"), SizeIs(1));
  EXPECT_EQ(eventlog::ReadAll(*log_, kLetters)->back()->record.key, "journey/1@3");
}

TEST_F(Moves, AFactIsAsDeepAsItWasAfterItWasHeld) {
  Say("a1", "echo2");
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  Run();
  EXPECT_EQ(DepthOf("a1", "echo1"), "1") << "it is held";
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  Run();
  EXPECT_EQ(DepthOf("a1", "echo0"), "2");
}

TEST_F(Moves, AFactIsAsDeepAsItWasAfterItWasHeldAndSentOn) {
  Say("b1", "echo2");
  Append(PlaceOf("b1"), MergeRecord("b1", "a1"));
  Run();
  Merge("c1", "b1");
  Run();
  Append(PlaceOf("a1"), MergeRecord("b1", "a1"));
  Run();
  EXPECT_EQ(DepthOf("c1", "echo0"), "2");
}

TEST_F(MovesOfMany, HeldFactsAreSentOnInTheirOrderBeforeLaterOnes) {
  Append(PlaceOf("b1"), MergeRecord("b1", "a1"));
  std::vector<std::string> expected;
  for (int i = 0; i < kMany; ++i) expected.push_back(fmt::format("w{:05}", i));
  for (const std::string& text : expected) Say("b1", text);
  Run();
  Append(PlaceOf("b1"), MergeRecord("c1", "b1"));
  Append(PlaceOf("c1"), MergeRecord("c1", "b1"));
  for (int i = 0; i < 3; ++i) {
    Step(1);
    Say("b1", fmt::format("x{}", i));
    expected.push_back(fmt::format("x{}", i));
  }
  Run();
  Append(PlaceOf("a1"), MergeRecord("b1", "a1"));
  Run();
  std::vector<std::string> arrived;
  for (const events::v1::FactForwarded& forwarded : ForwardedTo("c1")) {
    arrived.push_back(Split(TextOf(Payload(forwarded.value()))).second);
  }
  EXPECT_EQ(arrived, expected);
  EXPECT_EQ(Heard("c1"), expected) << "each once";
  EXPECT_THAT(Moments("c1"), Contains(fmt::format("whole: {0} said, {0} heard", kMany + 3)));
}

TEST_F(MovesOfMany, AProfileCountsAsMovingUntilAllThatWasHeldIsDecided) {
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  for (int i = 0; i < kMany; ++i) Say("a1", fmt::format("w{:05}", i));
  Run();
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  bool in_part = false;
  bool late = false;
  for (bool worked = true; worked;) {
    worked = false;
    for (int i = 0; i < kPartitions; ++i) worked = Step(i) || worked;
    const size_t heard = Heard("a1").size();
    if (heard == 0 || heard > kMany) continue;
    in_part = true;
    EXPECT_TRUE(MovesAt("a1").moving || heard == kMany) << "so that what comes now is decided in its turn";
    if (!late) Say("a1", "then");
    late = true;
  }
  EXPECT_TRUE(in_part) << "else nothing was seen";
  EXPECT_EQ(Heard("a1").size(), kMany + 1U);
  EXPECT_THAT(Moments("a1"), ElementsAre("whole: 10002 said, 10002 heard"));
  EXPECT_FALSE(MovesAt("a1").moving);
  ExpectRebuildsTheSame();
}

TEST_F(MovesOfMany, TimersGoAlongInPartsAndFireOnceWheneverTheyFallDue) {
  std::vector<std::string> armed;
  std::vector<std::string> expected;
  for (int i = 0; i < kMany; ++i) {
    armed.push_back(fmt::format("remind{:05}", i));
    expected.push_back(armed.back());
    expected.push_back(armed.back() + "ed");
  }
  for (const std::string& text : armed) Say("b1", text);
  Run();
  Merge("a1", "b1");
  while (Heard("a1").empty()) {
    Step(1);
    Step(0);
  }
  clock_.Advance(absl::Hours(1));
  for (bool worked = true; worked;) {
    Run();
    worked = MovesAt("a1").moving;
    clock_.Advance(absl::Seconds(1));
  }
  Run();
  EXPECT_EQ(Heard("a1"), expected) << "each once";
  EXPECT_EQ(Heard("b1"), armed) << "none fired at the loser's";
}

TEST_F(Moves, AClaimedEffectStaysWhereItWasAndTheEndMarkerWaitsForItsOutcome) {
  Say("b1", "do x");
  Run();
  ASSERT_THAT(channels_->calls, SizeIs(1));
  Merge("a1", "b1");
  clock_.Advance(absl::Hours(1));
  Run();
  EXPECT_TRUE(MovesAt("a1").moving);
  EXPECT_THAT(Said("a1"), ElementsAre("do x")) << "all but the end has come";
  channels_->End(0, {EffectStatus::kDelivered, "ACCEPTED"});
  Run();
  EXPECT_FALSE(MovesAt("a1").moving);
  EXPECT_THAT(channels_->calls, SizeIs(1));
  EXPECT_THAT(Heard("b1"), ElementsAre("do x"));
  EXPECT_THAT(Heard("a1"), ElementsAre("do x", "x done"));
  EXPECT_THAT(Moments("a1"), ElementsAre("whole: 1 said, 2 heard"));
  ExpectRebuildsTheSame();
}

TEST_F(Moves, AClaimIsTriedAgainAtTheLosersWhereTheChannelDoesNothingTwice) {
  Say("b1", "do sure");
  Run();
  Merge("a1", "b1");
  Run();
  Open(1);  // the claimant is gone
  clock_.Advance(absl::Hours(1));
  Run();
  ASSERT_THAT(channels_->calls, SizeIs(2));
  EXPECT_TRUE(MovesAt("a1").moving);
  channels_->End(1, {EffectStatus::kDelivered, "ACCEPTED"});
  Run();
  EXPECT_FALSE(MovesAt("a1").moving);
  EXPECT_THAT(Heard("a1"), ElementsAre("do sure", "sure done"));
}

TEST_F(Moves, WhatNobodyCanKnowOfAClaimIsHandedOnToo) {
  Say("b1", "do x");
  Run();
  Merge("a1", "b1");
  Run();
  Open(1);
  clock_.Advance(absl::Hours(1));
  Run();
  EXPECT_FALSE(MovesAt("a1").moving);
  EXPECT_THAT(Heard("a1"), ElementsAre("do x", "x ?"));
}

TEST_F(Moves, AnEffectThatNobodyClaimedIsWithheldAndTheWinnerIsTold) {
  WithoutChannels();
  Say("b1", "do x");
  Say("b1", "do y");
  Run();
  Merge("a1", "b1");
  Run();
  EXPECT_FALSE(MovesAt("a1").moving);
  EXPECT_THAT(Heard("a1"), ElementsAre("do x", "do y", "x withheld", "y withheld"));
  EXPECT_THAT(Heard("b1"), ElementsAre("do x", "do y"));
  channels_ = std::make_unique<FakeChannels>();
  for (int i = 0; i < kPartitions; ++i) Open(i);
  Run();
  EXPECT_THAT(channels_->calls, IsEmpty());
}

TEST_F(Moves, AnOutcomeForAProfileThatIsMovingIsHeld) {
  Say("a1", "do x");
  Run();
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  Run();
  channels_->End(0, {EffectStatus::kDelivered, "ACCEPTED"});
  Run();
  EXPECT_THAT(Heard("a1"), ElementsAre("do x"));
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  Run();
  EXPECT_THAT(Heard("a1"), ElementsAre("do x", "x done"));
  EXPECT_THAT(Moments("a1"), ElementsAre("whole: 1 said, 2 heard"));
}

TEST_F(Moves, AnOutcomeIsHandedOnAlongAChain) {
  Say("b1", "do x");
  Run();
  Append(PlaceOf("b1"), MergeRecord("b1", "a1"));
  Merge("c1", "b1");
  Run();
  channels_->End(0, {EffectStatus::kFailed, "BOUNCED"});
  Run();
  EXPECT_TRUE(MovesAt("c1").moving) << "what a1 has is missing still";
  Append(PlaceOf("a1"), MergeRecord("b1", "a1"));
  Run();
  EXPECT_FALSE(MovesAt("c1").moving);
  EXPECT_THAT(Heard("c1"), ElementsAre("do x", "x ?"));
}

}  // namespace
}  // namespace tributary::processor
