// Batches: which are valid, what they cover, when they are written (rules 1 to 5, 7, 10, 11, 13, 14).
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

Decided Nothing(const Input&, const View&, absl::Time) { return {}; }
void Ignore(absl::StatusOr<Reply>) {}

TEST(Chain, ABatchIsValidOnlyOnTheLastValidOne) {
  Bench bench;
  Instance a(bench);
  Instance b(bench);
  a.Run();
  b.Run();
  a.log.HoldBatches();
  b.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  b.Run();
  const Offset first = a.log.Deliver();
  b.log.Deliver();  // names the same predecessor
  for (Instance* instance : {&a, &b}) {
    EXPECT_TRUE(instance->Run());
    EXPECT_EQ(instance->status().last_batch, first);
    EXPECT_EQ(instance->status().void_batches, 1);
    EXPECT_EQ(instance->Noted("x"), 1);
  }
  EXPECT_EQ(Rebuild(bench)->Noted("x"), 1);
}

TEST(Chain, AVoidBatchOfAnotherProcessorIsNoFact) {
  Bench bench;
  Instance a(bench, {.name = "other"});
  Instance b(bench, {.name = "other"});
  Instance reader(bench, {.applies = {"noted"}, .ignores = {"word"}});
  a.Run();
  b.Run();
  a.log.HoldBatches();
  b.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  b.Run();
  a.log.Deliver();
  b.log.Deliver();
  reader.Run();
  EXPECT_EQ(reader.Seen("x"), 1);
}

TEST(Chain, AForeignBatchDropsWhatIsPendingAndItsCommandsAreDecidedAnew) {
  Bench bench;
  Instance a(bench);
  Instance b(bench);
  a.Run();
  b.Run();
  a.log.HoldBatches();
  bench.Append(Word("x"));
  int answers = 0;
  a.task().Submit(Say("r1", "hello"), [&](absl::StatusOr<Reply> reply) { answers += reply.ok() ? 1 : 100; });
  a.Run();
  b.Run();  // decides x first
  a.log.DeliverAll();
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(answers, 1);
  EXPECT_EQ(a.Noted("x"), 1);
  EXPECT_EQ(a.Noted("hello"), 1);
  b.Run();
  EXPECT_EQ(a.Digest().facts_and_decisions, b.Digest().facts_and_decisions);
}

TEST(Chain, ThroughAndDecidedAtNeverGoBack) {
  Bench bench;
  Instance a(bench);
  a.Run();
  bench.Append(Word("x"));
  a.Run();
  bench.clock.Set(bench.clock.Now() - absl::Hours(1));
  a.task().Submit(Say("r1", "hello"), Ignore);
  a.Run();
  bench.clock.Set(bench.clock.Now() - absl::Hours(1));
  a.Restart();
  bench.Append(Word("y"));
  a.Run();
  int64_t through = -1;
  int64_t decided_at = 0;
  for (const auto& batch : bench.Batches()) {
    EXPECT_GE(batch.through(), through);
    EXPECT_GE(batch.decided_at_micros(), decided_at);
    through = batch.through();
    decided_at = batch.decided_at_micros();
  }
  EXPECT_EQ(bench.Batches().size(), 4U);
}

TEST(Chain, AProcessorsFirstBatchStatesItsBirthAndOlderFactsAreHistorical) {
  Bench bench;
  std::vector<std::string> historical;
  const auto note = [&](const Input& input, const View& view, absl::Time now) {
    if (const auto* fact = std::get_if<Fact>(&input); fact && fact->historical)
      historical.push_back(TextOf(fact->value));
    return Script::NoteAll(input, view, now);
  };
  bench.Append(Word("old"));
  Instance a(bench, {.decide = note});
  a.Run();
  bench.Append(Word("new"));
  a.Run();
  EXPECT_THAT(historical, ::testing::ElementsAre("old"));
  EXPECT_EQ(bench.Batches().front().birth(), 2);
  EXPECT_EQ(bench.Batches().front().previous(), -1);
}

TEST(Chain, AnEmptyBatchCoversWhatLedToNothingAsSoonAsTheTaskHasCaughtUp) {
  Bench bench;
  Instance a(bench, {.decide = Nothing});
  a.Run();
  const Offset fact = bench.Append(Word("x"));
  a.Run();
  ASSERT_EQ(bench.Batches().size(), 2U);
  EXPECT_EQ(bench.Batches().back().decisions_size(), 0);
  EXPECT_EQ(bench.Batches().back().through(), fact.value());
  EXPECT_TRUE(a.task().Quiet());
}

TEST(Chain, AnEmptyBatchWaitsUntilTheLastOneIsOldByTheMonotonicClock) {
  Bench bench;
  Scripted processor({.decide = Nothing});
  auto task = *Task::Open({.partition = kHere, .empty_batch_age = absl::Milliseconds(10)}, {.log = bench.log.get(),
                                                                                            .store = NewStore(),
                                                                                            .processor = &processor,
                                                                                            .clock = &bench.clock,
                                                                                            .random = &bench.random});
  const auto run = [&] {
    for (;;) {
      const Progress progress = task->Step();
      if (progress.kind != Progress::Kind::kWorked) return progress;
    }
  };
  run();
  bench.Append(Word("x"));
  const Progress waiting = run();
  EXPECT_EQ(bench.Batches().size(), 1U);
  EXPECT_THAT(waiting.idle_for, AllOf(Ge(absl::Milliseconds(1)), Le(absl::Milliseconds(10))));
  EXPECT_FALSE(task->Quiet());
  bench.clock.Set(bench.clock.Now() - absl::Hours(5));  // the wall clock does not matter
  EXPECT_EQ(run().kind, Progress::Kind::kIdle);
  EXPECT_EQ(bench.Batches().size(), 1U);
  bench.clock.Advance(absl::Milliseconds(10));
  run();
  EXPECT_EQ(bench.Batches().size(), 2U);
  EXPECT_TRUE(task->Quiet());
}

TEST(Chain, EmptyBatchesAreFactsToNobodySoThreeProcessorsQuiesce) {
  Bench bench;
  Instance a(bench, {.name = "one", .decide = Nothing});
  Instance b(bench, {.name = "two", .decide = Nothing});
  Instance c(bench, {.name = "three", .decide = Nothing});
  const auto run_all = [&] {
    for (int i = 0; i < 20; ++i) {
      for (Instance* instance : {&a, &b, &c}) instance->Run();
    }
  };
  run_all();
  bench.Append(Word("x"));
  run_all();
  for (const char* name : {"one", "two", "three"}) EXPECT_EQ(bench.Batches(name).size(), 2U) << name;
  for (Instance* instance : {&a, &b, &c}) EXPECT_TRUE(instance->task().Quiet());
}

TEST(Chain, ABatchClosesAtItsNumberOfFacts) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 10});
  a.Run();
  for (int i = 0; i < 35; ++i) bench.Append(Word("x"));
  a.Run();
  EXPECT_EQ(bench.Batches().size(), 5U);
  for (const auto& batch : bench.Batches()) EXPECT_LE(batch.decisions_size(), 10);
  EXPECT_EQ(a.Noted("x"), 35);
}

TEST(Chain, ABatchClosesAtItsBytesKeysCounted) {
  Bench bench;
  const auto send = [](const Input& input, const View&, absl::Time) {
    Decided decided;
    if (!std::holds_alternative<Fact>(input)) return decided;
    for (int i = 0; i < 100; ++i) decided.outputs.push_back({kThere, "word", std::string(500, 'k'), ""});
    return decided;
  };
  Instance a(bench, {.decide = send});
  a.Run();
  for (int i = 0; i < 100; ++i) bench.Append(Word("x"));
  EXPECT_TRUE(a.Run()) << a.status().halted;
  for (const auto& batch : bench.Batches()) EXPECT_LE(batch.ByteSizeLong(), size_t{700} << 10);
  EXPECT_EQ(bench.Records(kThere, "word").size(), 10'000U);
}

TEST(Chain, ManyIgnoredRecordsAreCoveredByOneEmptyBatch) {
  Bench bench;
  Instance a(bench, {}, {.max_ignored_records = 100});
  a.Run();
  for (int i = 0; i < 99; ++i) bench.Append(Noise());
  a.Run();
  EXPECT_EQ(bench.Batches().size(), 1U);
  const Offset last = bench.Append(Noise());
  a.Run();
  EXPECT_EQ(bench.Batches().size(), 2U);
  EXPECT_EQ(a.status().through, last);
}

TEST(Chain, LaterBatchesGoOutBeforeTheFirstIsReadBackAndNameEachOther) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 1});
  a.Run();
  for (int i = 0; i < 10; ++i) bench.Append(Word("x"));
  a.Run();
  EXPECT_EQ(a.Noted("x"), 10);
  EXPECT_EQ(a.status().void_batches, 0);
  EXPECT_EQ(Rebuild(bench)->Digest().facts_and_decisions, a.Digest().facts_and_decisions);
}

// --- Unknown outcomes (rule 10)

Decided PassOn(const Input& input, const View& view, absl::Time now) {
  Decided decided = Script::NoteAll(input, view, now);
  if (const auto* fact = std::get_if<Fact>(&input)) decided.outputs.push_back(WordTo(kThere, TextOf(fact->value)));
  return decided;
}

// The first batch with "x" meets `fate`; "y" comes while it is open. What the outputs' reader sees.
void UnknownOutcome(const std::function<void(HeldLog&)>& fate) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance reader(bench, {}, {.partition = kThere});
  a.Run();
  a.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  bench.Append(Word("y"));
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  fate(a.log);
  a.log.Hold(nullptr);
  a.Run();
  bench.clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(a.Run());
  bench.Append(Word("z"));
  EXPECT_TRUE(a.Run());
  reader.Run();
  EXPECT_EQ(reader.status().holes, 0) << "each output names the one before it";
  for (const char* word : {"x", "y", "z"}) {
    EXPECT_EQ(a.Noted(word), 1) << word;
    EXPECT_EQ(reader.Seen(word), 1) << word;
  }
}

TEST(UnknownOutcome, ABatchThatDidNotLandIsSentAgain) {
  UnknownOutcome([](HeldLog& log) { log.Fail(); });
}
TEST(UnknownOutcome, ABatchThatLandedUnheardIsRecognisedBeforeItIsSentAgain) {
  UnknownOutcome([](HeldLog& log) {
    log.Land(0);
    log.Fail();
  });
}
TEST(UnknownOutcome, TheFirstOfTwoCopiesCounts) {
  UnknownOutcome([](HeldLog& log) {
    log.Land(0);
    log.Land(0);
    log.Fail();
  });
}
TEST(UnknownOutcome, ACopyMayLandFirstAndTheAcknowledgementBeTheOthers) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance reader(bench, {}, {.partition = kThere});
  a.Run();
  a.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  a.log.Fail();
  a.Run();
  bench.clock.Advance(absl::Seconds(1));
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);  // sent again
  bench.Append(Word("y"));
  a.Run();
  a.log.Land(0);  // the copy of the first time
  a.log.Deliver();
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  reader.Run();
  EXPECT_EQ(reader.status().holes, 0);
  EXPECT_EQ(reader.Seen("x"), 1);
  EXPECT_EQ(reader.Seen("y"), 1);
}

TEST(UnknownOutcome, ABatchOfAnEarlierLifeIsAppliedAsTheLogHasIt) {
  Bench bench;
  Instance a(bench);
  a.Run();
  a.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  a.Crash();
  a.log.Land(0);
  a.log.Forget();
  a.log.Hold(nullptr);
  a.Restart();
  EXPECT_EQ(a.Noted("x"), 1);
  EXPECT_EQ(a.status().foreign_batches, 1) << "recognised by incarnation, not by name";
}

// --- Commit and restart (rules 11 and 13)

TEST(Commit, OnlyAValidBatchThatWasReadBackIsCommitted) {
  Bench bench;
  Instance a(bench);
  a.Run();
  a.log.HoldBatches();
  const Offset fact = bench.Append(Word("x"));
  a.Run();
  EXPECT_EQ(a.Seen("x"), 0);
  EXPECT_LT(a.status().visible, fact);
  a.log.Deliver();
  a.Run();
  EXPECT_EQ(a.Seen("x"), 1);
  EXPECT_GE(a.status().visible, fact);
}

TEST(Commit, WhatABatchDecidedIsNotVisibleBeforeItIsCommitted) {
  Bench bench;
  Instance a(bench);
  Instance standby(bench, {}, {.standby = true});
  a.Run();
  for (int i = 0; i < 5; ++i) {
    a.task().Submit(Say("r" + std::to_string(i), "hello"), Ignore);
    a.Run();
  }
  const Offset last = a.status().last_batch;
  for (bool worked = true; worked;) {
    worked = standby.task().Step().kind == Progress::Kind::kWorked;
    if (standby.status().visible >= last) {
      EXPECT_EQ(standby.Noted("hello"), 5);
    }
  }
  EXPECT_GE(standby.status().visible, last);
}

TEST(Commit, ARestartReadsFromTheFactAfterTheLastCoveredOneAndDecidesNothingAgain) {
  Bench bench;
  int decided = 0;
  Instance a(bench, {.decide = [&](const Input& input, const View& view, absl::Time now) {
               if (std::holds_alternative<Fact>(input)) ++decided;
               return Script::NoteAll(input, view, now);
             }});
  for (int i = 0; i < 10; ++i) bench.Append(Word("x"));
  a.Run();
  a.Restart();
  EXPECT_EQ(decided, 10);
  EXPECT_EQ(a.status().facts, 0);
  EXPECT_EQ(a.Noted("x"), 10);
  EXPECT_EQ(bench.Batches().size(), 1U) << "a second start writes nothing";
}

}  // namespace
}  // namespace tributary::processor
