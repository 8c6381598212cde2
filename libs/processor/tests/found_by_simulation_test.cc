// What the simulator found in the task, each said as short as it can be.
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

Script EffectScript() {
  return {.decide = [](const Input& input, const View&, absl::Time) {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input)) {
      decided.decisions.push_back(RequestEffect(TextOf(fact->value), "idempotent", "payload"));
    } else if (const auto* ended = std::get_if<EndedEffect>(&input)) {
      decided.decisions.push_back(Note("ended " + ended->effect_id));
    }
    return decided;
  }};
}

TEST(FoundBySimulation, AVoidBatchThatIsReadTogetherWithAValidOneIsDecidedAnew) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 1});
  a.Run();
  a.log.HoldBatches();
  bench.Append(Word("first"));
  bench.Append(Word("second"));
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  for (int i = 0; i < 1'500; ++i) bench.Append(Noise());  // more than one poll
  a.log.Land(0);
  a.log.Land(0);
  a.log.Acknowledge(0);  // with the offset of the second copy
  a.task().Step();
  ASSERT_EQ(a.log.held(), 1U) << "the next batch went out and names the second copy";
  a.log.Deliver();
  a.log.Hold(nullptr);
  a.Run();
  EXPECT_EQ(a.Noted("first"), 1);
  EXPECT_EQ(a.Noted("second"), 1);
  EXPECT_TRUE(a.task().Quiet());
}

TEST(FoundBySimulation, ATimerThatFellDueWhileACommandWasDecidedWaitsForASegmentOfItsTime) {
  Bench bench;
  int fired = 0;
  Instance a(bench, {.decide = [&](const Input& input, const View&, absl::Time now) {
               Decided decided;
               if (std::holds_alternative<Fact>(input))
                 decided.decisions.push_back(ArmTimer("k", "1", now + absl::Seconds(10)));
               if (std::holds_alternative<Command>(input)) {
                 bench.clock.Advance(absl::Seconds(20));
                 decided.decisions.push_back(Note("said"));
                 decided.reply = Reply::Ok(Text("said"));
               }
               if (const auto* timer = std::get_if<DueTimer>(&input)) {
                 EXPECT_GE(now, timer->due);
                 ++fired;
               }
               return decided;
             }});
  bench.Append(Word("arm"));
  a.Run();
  a.task().Submit(Say("r1", "slowly"), [](const absl::StatusOr<Reply>& reply) { EXPECT_TRUE(reply.ok()); });
  a.Run();
  EXPECT_EQ(fired, 1);
}

TEST(FoundBySimulation, ATimerThatWasDueDoesNotFireOnceTheClockWasSetBack) {
  Bench bench;
  std::vector<absl::Time> fired;
  Instance a(bench, {.decide = [&](const Input& input, const View&, absl::Time now) {
               Decided decided;
               const auto* fact = std::get_if<Fact>(&input);
               if (fact != nullptr && TextOf(fact->value) == "arm") {
                 decided.decisions.push_back(ArmTimer("k", "1", now + absl::Seconds(10)));
               }
               if (const auto* timer = std::get_if<DueTimer>(&input)) {
                 EXPECT_GE(now, timer->due);
                 fired.push_back(now);
               }
               return decided;
             }});
  bench.Append(Word("arm"));
  a.Run();
  for (int i = 0; i < 1'500; ++i) bench.Append(Word("more than one poll reads"));
  bench.clock.Advance(absl::Seconds(10));
  a.task().Step();  // it is due, and waits for the facts
  bench.clock.Advance(-absl::Seconds(5));
  a.Run();
  EXPECT_TRUE(fired.empty());
  bench.clock.Advance(absl::Seconds(5));
  a.Run();
  EXPECT_EQ(fired.size(), 1U);
}

TEST(FoundBySimulation, AnEffectWhoseSecondClaimantDiedIsTakenUpByTheFirstWhenItsOutcomeCameTooLate) {
  Bench bench;
  FakeChannels of_a;
  FakeChannels of_b;
  Instance a(bench, EffectScript(), {}, &of_a);
  bench.Append(Word("e1"));
  a.Run();
  ASSERT_EQ(of_a.calls.size(), 1U);
  bench.clock.Advance(absl::Seconds(61));
  {
    Instance b(bench, EffectScript(), {}, &of_b);
    b.Run();
    ASSERT_EQ(of_b.calls.size(), 1U);
    EXPECT_EQ(of_b.calls[0].attempt, 2);
  }
  a.Run();
  of_a.End(0, {EffectStatus::kDelivered, "LATE"});
  a.Run();
  EXPECT_EQ(a.Noted("ended e1"), 0) << "the second attempt counts";
  EXPECT_FALSE(a.task().Quiet());
  bench.clock.Advance(absl::Seconds(61));
  a.Run();
  ASSERT_EQ(of_a.calls.size(), 2U);
  EXPECT_EQ(of_a.calls[1].attempt, 3);
  of_a.End(1, {EffectStatus::kDelivered, ""});
  a.Run();
  EXPECT_EQ(a.Noted("ended e1"), 1);
  EXPECT_TRUE(a.task().Quiet());
}

TEST(FoundBySimulation, AStandbyIsQuietWhateverEffectsAreOpen) {
  Bench bench;
  FakeChannels channels;
  Instance a(bench, EffectScript(), {}, &channels);
  bench.Append(Word("e1"));
  a.Run();
  Instance standby(bench, EffectScript(), {.standby = true}, &channels);
  standby.Run();
  EXPECT_TRUE(standby.task().Quiet());
}

TEST(FoundBySimulation, AStandbyIsQuietThoughItWouldHaveCoveredIgnoredRecordsSooner) {
  Bench bench;
  Instance a(bench);
  a.Run();
  for (int i = 0; i < 10; ++i) bench.Append(Noise());
  a.Run();
  Instance standby(bench, {}, {.standby = true, .max_ignored_records = 4});
  standby.Run();
  EXPECT_TRUE(a.task().Quiet());
  EXPECT_TRUE(standby.task().Quiet());
}

}  // namespace
}  // namespace tributary::processor
