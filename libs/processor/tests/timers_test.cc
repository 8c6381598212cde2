// Timers (DESIGN section 6), by the driver that services' tests use too.
#include <gmock/gmock.h>

#include "tests/scripted.h"
#include "tributary/processor/testing/test_driver.h"
#include "tributary/processor/timers.h"

namespace tributary::processor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::ProcessorTestDriver;

// Facts "arm <key>/<id> <seconds>" and "cancel <key>/<id>"; what fires is written down, and arms what `then` says.
struct Clockwork {
  std::vector<std::string> fired;
  std::function<std::vector<Decision>(const DueTimer&, absl::Time)> then;

  Decided operator()(const Input& input, absl::Time now) {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input)) {
      char verb[16];
      char key[16];
      char id[16];
      int seconds = 0;
      std::sscanf(TextOf(fact->value).c_str(), "%15s %15[^/]/%15s %d", verb, key, id, &seconds);
      decided.decisions.push_back(std::string(verb) == "arm" ? ArmTimer(key, id, now + absl::Seconds(seconds), "p")
                                                             : CancelTimer(key, id));
    } else if (const auto* timer = std::get_if<DueTimer>(&input)) {
      fired.push_back(timer->key + "/" + timer->id);
      decided.decisions.push_back(Note(timer->key));
      if (then) {
        for (Decision& decision : then(*timer, now)) decided.decisions.push_back(std::move(decision));
      }
    }
    return decided;
  }
};

class Timers : public ::testing::Test {
 protected:
  std::unique_ptr<ProcessorTestDriver> Make(TaskOptions task = {}) {
    ProcessorTestDriver::Options options;
    options.task = std::move(task);
    return std::make_unique<ProcessorTestDriver>(
        [this] {
          return std::make_unique<Scripted>(Script{
              .decide = [this](const Input& input, const View&, absl::Time now) { return clockwork_(input, now); }});
        },
        options);
  }
  Clockwork clockwork_;
  std::vector<std::string>& fired_ = clockwork_.fired;
};

TEST_F(Timers, WhatIsArmedIsToldUntilItFiresOrIsCancelled) {
  auto driver = Make();
  const absl::Time start = driver->clock().Now();
  const auto due = [&](const std::string& id) { return TimerDue(driver->Snapshot()->view(), "a", id); };
  driver->Pipe(Word("arm a/1 10"));
  driver->Pipe(Word("arm a/2 20"));
  EXPECT_EQ(due("1"), start + absl::Seconds(10));
  driver->Pipe(Word("arm a/1 5"));
  EXPECT_EQ(due("1"), start + absl::Seconds(5));
  driver->Pipe(Word("cancel a/2"));
  EXPECT_EQ(due("2"), std::nullopt);
  driver->Advance(absl::Seconds(5));
  EXPECT_EQ(due("1"), std::nullopt);
}

TEST_F(Timers, FireInOrderOfDueThenKeyThenId) {
  auto driver = Make();
  for (const char* arm : {"arm b/1 10", "arm a/2 10", "arm a/1 10", "arm z/1 5", "arm y/1 20"}) driver->Pipe(Word(arm));
  EXPECT_THAT(fired_, IsEmpty());
  driver->Advance(absl::Seconds(15));
  EXPECT_THAT(fired_, ElementsAre("z/1", "a/1", "a/2", "b/1"));
  driver->Advance(absl::Seconds(5));
  EXPECT_EQ(fired_.back(), "y/1");
  EXPECT_EQ(driver->task().NextTimer(), absl::InfiniteFuture());
}

TEST_F(Timers, ArmedAgainMoveAndCancelledOnesDoNotFire) {
  auto driver = Make();
  for (const char* fact : {"arm a/1 10", "arm b/1 10", "arm a/1 30", "cancel b/1", "cancel c/1"})
    driver->Pipe(Word(fact));
  driver->Advance(absl::Seconds(20));
  EXPECT_THAT(fired_, IsEmpty());
  EXPECT_EQ(driver->task().NextTimer(), driver->clock().Now() + absl::Seconds(10));
  driver->Advance(absl::Seconds(10));
  EXPECT_THAT(fired_, ElementsAre("a/1"));
}

TEST_F(Timers, TheTaskIsNotQuietOnceOneIsDueOrARecordHasComeThoughItHasNotLookedYet) {
  auto driver = Make();
  driver->Pipe(Word("arm a/1 10"));
  EXPECT_TRUE(driver->task().Quiet());
  driver->clock().Advance(absl::Seconds(10));
  EXPECT_FALSE(driver->task().Quiet());
  driver->Run();
  EXPECT_TRUE(driver->task().Quiet());
  driver->Append(Word("cancel b/1"));
  EXPECT_FALSE(driver->task().Quiet());
  driver->Run();
  EXPECT_TRUE(driver->task().Quiet());
}

TEST_F(Timers, OneThatIsArmedNowFiresInALaterBatch) {
  clockwork_.then = [](const DueTimer& timer, absl::Time now) {
    std::vector<Decision> decisions;
    if (timer.key == "a") decisions.push_back(ArmTimer("b", "1", now));
    return decisions;
  };
  auto driver = Make();
  driver->Pipe(Word("arm a/1 10"));
  const int64_t before = driver->task().status().batches;
  driver->Advance(absl::Seconds(10));
  EXPECT_THAT(fired_, ElementsAre("a/1", "b/1"));
  EXPECT_EQ(driver->task().status().batches - before, 2);
}

TEST_F(Timers, OneThatAnEarlierOneCancelsOrMovesInTheSameStepDoesNotFire) {
  clockwork_.then = [](const DueTimer& timer, absl::Time now) {
    std::vector<Decision> decisions;
    if (timer.key == "a") {
      decisions.push_back(CancelTimer("b", "1"));
      decisions.push_back(ArmTimer("c", "1", now + absl::Hours(1)));
    }
    return decisions;
  };
  auto driver = Make();
  for (const char* arm : {"arm a/1 10", "arm b/1 10", "arm c/1 10"}) driver->Pipe(Word(arm));
  driver->Advance(absl::Seconds(10));
  EXPECT_THAT(fired_, ElementsAre("a/1"));
}

TEST_F(Timers, ManyThatAreDueAtOnceBecomeSeveralBatches) {
  auto driver = Make({.max_inputs_per_step = 100});
  for (int i = 0; i < 1000; ++i) driver->Append(Word("arm k" + std::to_string(i) + "/1 10"));
  driver->Run();
  const int64_t before = driver->task().status().batches;
  driver->Advance(absl::Seconds(10));
  EXPECT_EQ(fired_.size(), 1000U);
  EXPECT_EQ(driver->task().status().batches - before, 10);
  EXPECT_EQ(driver->task().status().timers_fired, 1000);
}

TEST_F(Timers, AreDecidedOnceAcrossRestartAndRebuild) {
  auto driver = Make();
  for (const char* arm : {"arm a/1 10", "arm b/1 3600"}) driver->Pipe(Word(arm));
  driver->Advance(absl::Seconds(10));
  driver->Restart();
  driver->LoseProjection();
  EXPECT_THAT(fired_, ElementsAre("a/1"));
  driver->Advance(absl::Hours(1));
  EXPECT_THAT(fired_, ElementsAre("a/1", "b/1"));
  const auto [live, rebuilt] = driver->DigestLiveAndRebuilt();
  EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
  EXPECT_EQ(live.caches, rebuilt.caches);
}

TEST_F(Timers, WaitForTheFactsThatWereVisibleWhenTheyFellDue) {
  auto driver = Make();
  driver->Pipe(Word("arm a/1 10"));
  driver->clock().Advance(absl::Seconds(10));
  driver->Append(Word("cancel a/1"));
  driver->Run();
  EXPECT_THAT(fired_, IsEmpty());
}

TEST_F(Timers, AreNotStarvedByLoadThatNeverEnds) {
  auto driver = Make();
  driver->Pipe(Word("arm a/1 10"));
  driver->clock().Advance(absl::Seconds(10));
  // Each step finds facts that came since the one before.
  for (int step = 0; step < 100 && fired_.empty(); ++step) {
    driver->Append(Word("cancel b/1"));
    driver->Append(Word("cancel b/2"));
    ASSERT_NE(driver->task().Step().kind, Progress::Kind::kHalted);
  }
  EXPECT_THAT(fired_, ElementsAre("a/1"));
}

TEST_F(Timers, AreNamedInTheirDecisionsCause) {
  auto driver = Make();
  driver->Pipe(Word("arm a/1 10"));
  driver->Advance(absl::Seconds(10));
  const auto decisions = driver->TakeDecisions();
  ASSERT_EQ(decisions.size(), 3U);
  EXPECT_EQ(decisions[0].type(), "timer_armed");
  EXPECT_EQ(decisions[0].cause().fact(), 2);
  EXPECT_EQ(decisions[1].type(), "timer_fired");
  EXPECT_EQ(decisions[2].cause().timer(), "a/1");
}

}  // namespace
}  // namespace tributary::processor
