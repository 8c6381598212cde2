// What the simulator found in the task, each said as short as it can be.
#include <gmock/gmock.h>

#include "tests/bench.h"
#include "tributary/processor/moves.h"
#include "tributary/processor/testing/test_driver.h"

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

// Facts are names of profiles. It keeps no rows, and answers each fact with a patched copy of it in the dead-letter
// log. `seen` gets what it is shown.
class Rowless final : public MovableProcessor {
 public:
  explicit Rowless(std::vector<std::string>* seen) : seen_(seen) {}
  std::string_view name() const override { return "rowless"; }
  uint32_t format() const override { return 1; }
  Handling Handles(std::string_view type) const override {
    return type == "word" ? Handling::kApplied : Handling::kUnknown;
  }
  void Prefetch(const Fact&, KeySet&) const override {}
  absl::Status ApplyFact(const Fact&, const KindView<Kind::kFacts>&, Writer<Kind::kFacts>&) override {
    return absl::OkStatus();
  }
  void ApplyDecision(const Decision&, const KindView<Kind::kDecisions>&, Writer<Kind::kDecisions>&) override {}
  void Derive(const Changes&, const View&, Writer<Kind::kCaches>&) override {}
  Decided Decide(const Input& input, const View&, absl::Time) override {
    Decided decided;
    const auto* fact = std::get_if<Fact>(&input);
    if (fact == nullptr) return decided;
    seen_->push_back(fmt::format("{} {} {}{}{}", fact->type, fact->key, absl::ToUnixMicros(fact->appended_at),
                                 fact->historical ? " historical" : "", fact->relayed ? " relayed" : ""));
    decided.outputs.push_back({kLetters, "word", "k", FactPatch{Text("patched").SerializeAsString()}});
    return decided;
  }
  absl::Status CheckFact(const Fact&) const override { return absl::OkStatus(); }
  std::optional<std::string> ProfileOf(const Fact& fact) const override { return TextOf(fact.value); }
  std::optional<std::string> ProfileOf(const Command&) const override { return std::nullopt; }
  bool MustBeHeld(const Fact&) const override { return true; }
  absl::Status ApplyMerge(const events::v1::ProfilesMerged&, bool, bool, const KindView<Kind::kFacts>&,
                          Writer<Kind::kFacts>&) override {
    return absl::OkStatus();
  }
  CopiedRows CopyRows(const View&, const std::string&, const std::string&, std::string_view, int32_t,
                      size_t) const override {
    return {};
  }
  absl::Status ApplyMovedRow(const events::v1::MovedRow&, const std::string&, const std::string&,
                             const KindView<Kind::kFacts>&, Writer<Kind::kFacts>&) override {
    return absl::OkStatus();
  }
  std::vector<Decision> Adopt(const events::v1::MovedRow&, const std::string&, const View&, absl::Time) override {
    return {};
  }
  Decided DecideLost(const events::v1::ProfilesMerged&, const View&, absl::Time) override { return {}; }
  Decided DecideWhole(const std::string&, const std::string&, const View&, absl::Time) override { return {}; }
  std::string Forward(const Fact&, const std::string& winner) const override {
    return Text(winner).SerializeAsString();
  }

 private:
  std::vector<std::string>* const seen_;
};

// The profile "here" lives in the partition under test, all others elsewhere.
class RowlessMoves : public ::testing::Test {
 protected:
  RowlessMoves()
      : driver_([this] {
          return std::make_unique<MovingProcessor>(
              std::make_unique<Rowless>(&seen_), kHere,
              ProfilePlaces{kHere.log, [](std::string_view profile) { return Partition(profile == "here" ? 0 : 1); }});
        }) {}

  static events::v1::ProfilesMerged Merged(const std::string& loser, const std::string& winner) {
    events::v1::ProfilesMerged merged;
    merged.set_merge_id(loser + ">" + winner);
    merged.set_workspace_id("w");
    merged.set_loser_id(loser);
    merged.set_winner_id(winner);
    return merged;
  }
  static events::v1::ProfileMoveEnded Ended(const std::string& loser, const std::string& winner) {
    events::v1::ProfileMoveEnded ended;
    ended.set_processor("rowless");
    ended.set_merge_id(loser + ">" + winner);
    ended.set_workspace_id("w");
    ended.set_loser_id(loser);
    ended.set_winner_id(winner);
    return ended;
  }
  std::vector<std::string> TypesAt(const PartitionRef& ref) {
    std::vector<std::string> types;
    for (const eventlog::RecordPtr& record : driver_.RecordsOf(ref)) types.push_back(record->record.type);
    return types;
  }

  static events::v1::FactForwarded Forwarded(const std::string& processor) {
    events::v1::FactForwarded forwarded;
    forwarded.set_processor(processor);
    forwarded.set_winner_id("here");
    forwarded.set_type("word");
    forwarded.set_key("first key");
    forwarded.set_value(Text("here").SerializeAsString());
    forwarded.set_appended_at_micros(17);
    forwarded.set_historical(true);
    return forwarded;
  }

  std::vector<std::string> seen_;  // before the driver, whose processor fills it
  testing::ProcessorTestDriver driver_;
};

TEST_F(RowlessMoves, AForwardedFactIsSeenAsItWasAndPatchedAsAnyOther) {
  driver_.Pipe("here", Forwarded("rowless"));
  EXPECT_THAT(seen_, ::testing::ElementsAre("word first key 17 historical"));
  const auto patched = driver_.RecordsOf(kLetters);
  ASSERT_EQ(patched.size(), 1U);
  EXPECT_EQ(patched[0]->record.value, Text("here").SerializeAsString() + Text("patched").SerializeAsString());
}

TEST_F(RowlessMoves, AFactThatAnotherProcessorForwardsIsThatOnes) {
  driver_.Pipe("here", Forwarded("another"));
  EXPECT_THAT(seen_, ::testing::IsEmpty());
}

TEST_F(RowlessMoves, WhatIsForwardedTellsWhatItWas) {
  driver_.Pipe("there2", Merged("here", "there2"));
  const absl::Time appended_at = driver_.clock().Now();
  driver_.Pipe(Word("here"));
  const auto records = driver_.RecordsOf({kHere.log, Partition(1)});
  events::v1::FactForwarded forwarded;
  ASSERT_TRUE(!records.empty() && forwarded.ParseFromString(records.back()->record.value));
  EXPECT_EQ(forwarded.processor(), "rowless");
  EXPECT_EQ(forwarded.winner_id(), "there2");
  EXPECT_EQ(forwarded.type(), "word");
  EXPECT_EQ(forwarded.key(), "k");
  EXPECT_EQ(forwarded.value(), Text("there2").SerializeAsString());
  EXPECT_EQ(forwarded.appended_at_micros(), absl::ToUnixMicros(appended_at));
  EXPECT_FALSE(forwarded.historical() || forwarded.relayed());
}

TEST_F(RowlessMoves, AFactThatWasHeldIsPatchedAsAnyOther) {
  driver_.Pipe("here", Merged("there", "here"));
  driver_.Pipe(Word("here"));
  EXPECT_THAT(driver_.RecordsOf(kLetters), ::testing::IsEmpty()) << "it is held";
  driver_.Pipe("here", Ended("there", "here"));
  const auto patched = driver_.RecordsOf(kLetters);
  ASSERT_EQ(patched.size(), 1U);
  EXPECT_EQ(patched[0]->record.value, Text("here").SerializeAsString() + Text("patched").SerializeAsString());
}

TEST_F(RowlessMoves, ALoserThatIsMovingAndHasNothingYetTellsTheWinnerBeforeItForwardsAnything) {
  driver_.Pipe("here", Merged("there", "here"));
  driver_.Pipe("there2", Merged("here", "there2"));
  driver_.Pipe(Word("here"));
  driver_.Pipe("here", Ended("there", "here"));
  EXPECT_THAT(TypesAt({kHere.log, Partition(1)}),
              ::testing::ElementsAre("profile_rows_moved", "fact_forwarded", "profile_move_ended"));
}

}  // namespace
}  // namespace tributary::processor
