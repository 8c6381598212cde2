// Merges across partitions (DESIGN section 4).
#include "tributary/processor/moves.h"

#include <gmock/gmock.h>

#include "tests/notebook.h"

namespace tributary::processor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(Moves, BringAllThatWasKnownOfTheLoserOnceAndLeaveItsRowsHidden) {
  for (int i = 0; i < 10; ++i) Say("b1", fmt::format("w{}", i));
  Say("a1", "own");
  Run();
  Merge("a1", "b1");
  Run();
  const std::vector<std::string> all = {"own", "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9"};
  EXPECT_EQ(Said("a1"), all);
  EXPECT_EQ(Heard("a1"), all);
  EXPECT_EQ(Said("b1").size(), 10U);
  EXPECT_FALSE(MovesAt("a1").moving);
  EXPECT_TRUE(MoveHasEnded(At("a1")->view(), "m-a1-b1"));
  ASSERT_TRUE(MovesAt("b1").pointer.has_value());
  EXPECT_EQ(MovesAt("b1").pointer->winner_id, "a1");
  EXPECT_FALSE(MovesOf(At("b1")->view(), "another workspace", "b1").pointer.has_value());
  ExpectRebuildsTheSame();
}

TEST_F(Moves, WithinOnePartitionGoTheSameWay) {
  for (int i = 0; i < 10; ++i) Say("a2", fmt::format("w{}", i));
  Merge("a1", "a2");
  Run();
  EXPECT_EQ(Said("a1").size(), 10U);
  EXPECT_EQ(Heard("a1").size(), 10U);
  EXPECT_FALSE(MovesAt("a1").moving);
  ExpectRebuildsTheSame();
}

TEST_F(Moves, AreSeenWholeOrNotAtAllInWhateverOrderTheTasksRun) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const std::string winner = fmt::format("a{}", seed);
    const std::string loser = fmt::format("b{}", seed);
    for (int i = 0; i < 8; ++i) Say(loser, fmt::format("w{}", i));
    Say(winner, "own");
    Run();
    Merge(winner, loser);
    RunInAnyOrder(random, [&] {
      const auto pointer = MovesAt(loser).pointer;
      if (!pointer.has_value()) {
        EXPECT_EQ(Said(loser).size(), 8U);
      }
      const auto snapshot = At(winner);
      const bool ended = MoveHasEnded(snapshot->view(), "m-" + winner + "-" + loser);
      if (!MovesOf(snapshot->view(), "w", winner).moving) {
        EXPECT_EQ(Said(winner).size(), ended ? 9U : 1U);
      }
    });
    EXPECT_EQ(Said(winner).size(), 9U);
  }
}

TEST_F(Moves, MayEndBeforeTheWinnerHearsOfTheMerge) {
  for (int i = 0; i < 7; ++i) Say("b1", fmt::format("w{}", i));
  Run();
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  bool in_part = false;
  RunInAnyOrder(random_, [&] {
    const auto snapshot = At("a1");
    if (Said("a1").empty() || MoveHasEnded(snapshot->view(), "m-a1-b1")) return;
    in_part = true;
    EXPECT_TRUE(MovesOf(snapshot->view(), "w", "a1").moving) << "its first part is the first sign";
  });
  EXPECT_TRUE(in_part) << "else nothing was seen";
  EXPECT_EQ(Said("a1").size(), 7U);
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  Run();
  EXPECT_FALSE(MovesAt("a1").moving);
}

TEST_F(Moves, HoldFactsUntilThePiecesAreThereAndAnswerCommandsMeanwhile) {
  for (int i = 0; i < 7; ++i) Say("b1", fmt::format("w{}", i));
  Run();
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  Say("a1", "meanwhile");
  RunOne(0);
  EXPECT_EQ(Said("a1"), std::vector<std::string>{"meanwhile"}) << "facts are applied";
  EXPECT_THAT(Heard("a1"), IsEmpty()) << "and wait to be decided";
  EXPECT_EQ(Ask("a1"), "PROFILE_MOVING");
  EXPECT_EQ(Ask("a2"), "ok");
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  Run();
  EXPECT_EQ(Heard("a1"), Said("a1"));
  EXPECT_EQ(Heard("a1").size(), 8U);
  EXPECT_EQ(Ask("a1"), "ok");
  EXPECT_EQ(Ask("b1"), "PROFILE_MERGED");
  ExpectRebuildsTheSame();
}

TEST_F(Moves, TellTheServiceOnceThatAProfileHasLostAndOnceThatTheOtherIsWhole) {
  for (int i = 0; i < 7; ++i) Say("b1", fmt::format("w{}", i));
  Run();
  Merge("a1", "b1");
  Say("a1", "held");
  Merge("a1", "b1");
  Run();
  EXPECT_THAT(Moments("b1"), ElementsAre("lost"));
  EXPECT_THAT(Moments("a1"), ElementsAre("whole: 8 said, 8 heard")) << "after what was held";
  ExpectRebuildsTheSame();
}

TEST_F(Moves, LeaveToOneDecisionInTheEndWhatNeedNotBeHeld) {
  Say("a1", "quiet before");
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  Say("a1", "quiet meanwhile");
  Run();
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  Run();
  Say("a1", "quiet after");
  Run();
  EXPECT_THAT(Said("a1"), ElementsAre("quiet after", "quiet before", "quiet meanwhile"));
  EXPECT_THAT(Heard("a1"), ElementsAre("quiet after", "quiet before"));
  EXPECT_THAT(Moments("a1"), ElementsAre("whole: 2 said, 1 heard"));
}

TEST_F(Moves, SendOnWhatStillNamesTheLoser) {
  Merge("a1", "b1");
  Run();
  Say("b1", "late");
  Run();
  EXPECT_THAT(Said("a1"), ElementsAre("late"));
  EXPECT_THAT(Heard("a1"), ElementsAre("late"));
  EXPECT_THAT(Said("b1"), IsEmpty());
}

TEST_F(Moves, TakeTimersAlongThatThenFireAtTheWinnersAlone) {
  Say("b1", "remind");
  Run();
  Merge("a1", "b1");
  Run();
  clock_.Advance(absl::Hours(1));
  Run();
  EXPECT_THAT(Heard("a1"), ElementsAre("remind", "reminded"));
  EXPECT_THAT(Heard("b1"), ElementsAre("remind"));
}

TEST_F(Moves, ATimerThatFallsDueMeanwhileWaitsForThePieces) {
  Say("a1", "remind");
  Run();
  Append(PlaceOf("a1"), MergeRecord("a1", "b1"));
  clock_.Advance(absl::Hours(1));
  Run();
  EXPECT_THAT(Heard("a1"), ElementsAre("remind"));
  Append(PlaceOf("b1"), MergeRecord("a1", "b1"));
  Run();
  clock_.Advance(absl::Seconds(1));
  Run();
  EXPECT_THAT(Heard("a1"), ElementsAre("remind", "reminded"));
}

TEST_F(Moves, AChainOfMergesBringsEverythingToItsEndWhateverComesFirst) {
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random(seed);
    const auto id = [&](char letter) { return fmt::format("{}{}", letter, seed); };
    for (const char letter : {'a', 'b', 'c'}) {
      for (int i = 0; i < 5; ++i) Say(id(letter), fmt::format("{}{}", letter, i));
    }
    for (uint64_t n = random.Below(8); n > 0; --n) Step(static_cast<int>(random.Below(kPartitions)));
    Merge(id('b'), id('a'));
    Say(id('b'), "held at b");
    for (uint64_t n = random.Below(8); n > 0; --n) Step(static_cast<int>(random.Below(kPartitions)));
    Merge(id('c'), id('b'));
    Say(id('c'), "held at c");
    RunInAnyOrder(random, [&] {
      // Asked for as a reader would who came by the first of the three.
      const auto snapshot = At(id('c'));
      const bool ended = MoveHasEnded(snapshot->view(), fmt::format("m-c{0}-b{0}", seed));
      if (ended && !MovesOf(snapshot->view(), "w", id('c')).moving) {
        EXPECT_GE(Said(id('c')).size(), 16U);
      }
    });
    EXPECT_EQ(Said(id('c')).size(), 17U);
    EXPECT_EQ(Heard(id('c')), Said(id('c')));
    EXPECT_EQ(Moments(id('b')).back(), "lost");
    EXPECT_THAT(Moments(id('c')), ::testing::Contains("whole: 17 said, 17 heard"));
    EXPECT_FALSE(MovesAt(id('c')).moving);
  }
  ExpectRebuildsTheSame();
}

TEST_F(Moves, AChainMayBeLongerThanDecisionsMayBeDeep) {
  Say("a0", "first");
  for (int i = 0; i < 40; ++i) {
    const auto id = [](int n) { return fmt::format("{}{}", static_cast<char>('a' + n % kPartitions), n); };
    Merge(id(i + 1), id(i));
  }
  Run();
  EXPECT_THAT(Said("b40"), ElementsAre("first"));
  EXPECT_THAT(eventlog::ReadAll(*log_, kLetters).value(), ::testing::SizeIs(1)) << "its genesis alone";
}

TEST_F(Moves, GoOnWhereTheyWereAfterACrashAtAnyStep) {
  for (int crash_at = 0; crash_at < 30; ++crash_at) {
    SCOPED_TRACE(crash_at);
    const std::string winner = fmt::format("a-{}", crash_at);
    const std::string loser = fmt::format("b-{}", crash_at);
    for (int i = 0; i < 8; ++i) Say(loser, fmt::format("w{}", i));
    Run();
    Merge(winner, loser);
    Say(winner, "own");
    for (int i = 0; i < crash_at; ++i) Step(i % kPartitions);
    Open(crash_at % 2);
    Run();
    EXPECT_EQ(Said(winner).size(), 9U);
    EXPECT_EQ(Heard(winner), Said(winner));
  }
  ExpectRebuildsTheSame();
}

}  // namespace
}  // namespace tributary::processor
