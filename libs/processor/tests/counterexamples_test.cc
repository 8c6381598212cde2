// The counterexamples of docs/protocol.md. Each is played against the rule that answers it, and, where the
// fault can be planted, against the fault: then the test must see the harm.
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

// "x" matters only where "enable" was said before.
Decided OnlyIfEnabled(const Input& input, const View& view, absl::Time now) {
  if (std::holds_alternative<Fact>(input) && CountIn(view, kNoted, "enable") == 0) return {};
  return Script::NoteAll(input, view, now);
}

// Every word goes on to another log.
Decided PassOn(const Input& input, const View&, absl::Time) {
  Decided decided;
  if (const auto* fact = std::get_if<Fact>(&input)) decided.outputs.push_back(WordTo(kThere, TextOf(fact->value)));
  return decided;
}

void Ignore(absl::StatusOr<Reply>) {}

// How often "x" was decided, after a decider that saw nothing to do went on and the other's late batch came.
int64_t PlayC1(bool fault) {
  Bench bench;
  TaskOptions options;
  options.faults.facts_committed_ahead = fault;
  Instance a(bench, {.decide = OnlyIfEnabled}, options);
  Instance b(bench, {.decide = OnlyIfEnabled});
  a.Run();
  b.Run();
  b.log.HoldBatches();
  b.task().Submit(Say("r1", "enable"), Ignore);
  b.Run();  // its batch covers nothing and is on its way
  EXPECT_EQ(b.log.held(), 1U);
  a.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();  // decides it as nothing
  b.log.Deliver();
  b.Crash();
  a.log.DeliverAll();  // void, if there is one
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Noted("enable"), 1);
  return a.Noted("x");
}

TEST(Counterexample, C1_WhatWasDecidedAsNothingWithoutABatchIsDecidedAgain) {
  EXPECT_EQ(PlayC1(false), 1);
  EXPECT_EQ(PlayC1(true), 0) << "the planted fault loses the fact";
}

int64_t PlayC2(bool fault) {
  Bench bench;
  TaskOptions options;
  options.faults.facts_committed_ahead = fault;
  Instance a(bench, {.decide = OnlyIfEnabled}, options);
  a.Run();
  a.log.HoldBatches();
  a.task().Submit(Say("r1", "enable"), Ignore);
  a.Run();
  EXPECT_EQ(a.log.held(), 1U);
  a.Crash();
  bench.Append(Word("x"));
  a.Start();
  a.Run();  // decides it as nothing
  a.log.Land(0);
  a.log.Forget(0);
  a.log.DeliverAll();
  a.log.Hold(nullptr);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Noted("enable"), 1);
  return a.Noted("x");
}

TEST(Counterexample, C2_TheSameWithOneProcessWhoseBatchIsDelayedOverItsCrash) {
  EXPECT_EQ(PlayC2(false), 1);
  EXPECT_EQ(PlayC2(true), 0) << "the planted fault loses the fact";
}

TEST(Counterexample, C3_AFactBetweenABatchAndItsThroughIsReadAgainAfterACrash) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 1});
  a.Run();
  a.log.HoldBatches();
  const Offset first = bench.Append(Word("first"));
  bench.Append(Word("second"));
  a.Run();
  const Offset batch = a.log.Deliver();
  a.Run();
  EXPECT_EQ(a.status().last_batch, batch);
  EXPECT_EQ(a.status().through, first);
  a.Crash();
  a.log.Forget();
  a.log.Hold(nullptr);
  a.Start();
  a.Run();
  EXPECT_EQ(a.Noted("first"), 1);
  EXPECT_EQ(a.Noted("second"), 1);
}

size_t PlayC4(bool fault) {
  Bench bench;
  TaskOptions options;
  options.faults.relay_only_own = fault;
  Instance a(bench, {.decide = PassOn}, options);
  Instance b(bench, {.decide = PassOn});
  a.Run();
  b.Run();
  b.log.HoldTo("there");
  bench.Append(Word("x"));
  b.Run();  // its batch is valid, its relay on its way, and it dies
  b.Crash();
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.status().foreign_batches, 1);
  return bench.Records(kThere, "word").size();
}

TEST(Counterexample, C4_ADeciderRelaysWhatADeadOneDecided) {
  EXPECT_EQ(PlayC4(false), 1U);
  EXPECT_EQ(PlayC4(true), 0U) << "the planted fault loses the output";
}

// Words that a reader of the target has seen, of three that were sent.
std::vector<int64_t> PlayC5(bool highest_ack, bool high_water_mark) {
  Bench bench;
  TaskOptions sends;
  sends.faults.position_as_highest_ack = highest_ack;
  TaskOptions reads{.partition = kThere};
  reads.faults.high_water_mark = high_water_mark;
  Instance a(bench, {.decide = PassOn}, sends);
  Instance reader(bench, {}, reads);
  a.log.HoldTo("there");
  for (const char* word : {"0", "1", "2"}) bench.Append(Word(word));
  a.Run();
  EXPECT_EQ(a.log.held(), 3U);
  a.log.Fail(0);
  a.log.Fail(0);
  a.log.Deliver(0);  // the last one landed all the same
  a.log.Hold(nullptr);
  reader.Run();
  a.Run();
  bench.clock.Advance(absl::Seconds(3));
  a.Run();
  reader.Run();
  return {reader.Seen("0"), reader.Seen("1"), reader.Seen("2")};
}

TEST(Counterexample, C5_AfterAFailureEverythingFromTheFirstHoleIsSentAgain) {
  using ::testing::ElementsAre;
  EXPECT_THAT(PlayC5(false, false), ElementsAre(1, 1, 1));
  EXPECT_THAT(PlayC5(true, false), ElementsAre(0, 0, 0)) << "the planted fault never fills the hole";
  EXPECT_THAT(PlayC5(false, true), ElementsAre(0, 0, 1)) << "the planted fault steps over the hole";
}

TEST(Counterexample, C5_ALateAcknowledgementOfAnOldSessionCountsForNothing) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance reader(bench, {}, {.partition = kThere});
  a.log.HoldTo("there");
  bench.Append(Word("0"));
  bench.Append(Word("1"));
  a.Run();
  a.log.Fail(0);
  a.Run();
  bench.clock.Advance(absl::Seconds(3));
  a.Run();
  ASSERT_EQ(a.log.held(), 3U);  // 1 of the old session; 0 and 1 of the new
  a.log.Deliver(0);
  a.Run();
  EXPECT_EQ(a.status().relayed, 0);
  a.log.Fail(0);  // the new one fails too
  a.log.Forget(0);
  a.log.Hold(nullptr);
  a.Run();
  bench.clock.Advance(absl::Seconds(3));
  a.Run();
  EXPECT_EQ(a.status().relayed, 2);
  reader.Run();
  EXPECT_EQ(reader.Seen("0"), 1);
  EXPECT_EQ(reader.Seen("1"), 1);
}

TEST(Counterexample, C6_AfterARestartOutputsNameThePredecessorThatWasRecorded) {
  for (const bool lose : {false, true}) {
    Bench bench;
    Instance a(bench, {.decide = PassOn});
    Instance reader(bench, {}, {.partition = kThere});
    a.log.HoldTo("there");
    for (const char* word : {"0", "1", "2"}) {
      bench.Append(Word(word));
      a.Run();
    }
    a.Crash();
    while (a.log.held() > 0) a.log.Forget();
    a.log.Hold(nullptr);
    if (lose) a.LoseProjection();
    a.Restart();
    bench.Append(Word("3"));
    a.Run();
    reader.Run();
    EXPECT_EQ(reader.status().holes, 0);
    for (const char* word : {"0", "1", "2", "3"}) EXPECT_EQ(reader.Seen(word), 1) << word;
  }
}

size_t PlayC7(bool fault) {
  Bench bench;
  FakeChannels channels;
  TaskOptions options;
  options.faults.claim_without_incarnation = fault;
  const auto request = [](const Input& input, const View&, absl::Time) {
    Decided decided;
    if (std::holds_alternative<Fact>(input)) decided.decisions.push_back(RequestEffect("e1", "mail", "hello"));
    return decided;
  };
  Instance a(bench, {.decide = request}, options, &channels);
  bench.Append(Word("x"));
  a.Run();
  EXPECT_EQ(channels.calls.size(), 1U);
  a.Crash();
  a.LoseProjection();
  a.Restart();  // reads the claim of its earlier life
  return channels.calls.size();
}

TEST(Counterexample, C7_ARebuildDoesNotCallAgainForAClaimOfAnEarlierLife) {
  EXPECT_EQ(PlayC7(false), 1U);
  EXPECT_EQ(PlayC7(true), 2U) << "the planted fault calls twice";
}

// The answers that one request got, before and after a crash.
std::vector<std::string> PlayC8(bool fault) {
  Bench bench;
  TaskOptions options;
  options.faults.early_reply = fault;
  const auto buy = [](const Input& input, const View& view, absl::Time now) {
    if (!std::holds_alternative<Command>(input) || CountIn(view, kNoted, "stock") > 0) {
      return Script::NoteAll(input, view, now);
    }
    Decided decided;
    decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "SOLD_OUT", "", "nothing is left");
    return decided;
  };
  std::vector<std::string> answers;
  const auto note = [&](absl::StatusOr<Reply> reply) {
    if (reply.ok()) answers.push_back(reply->code == absl::StatusCode::kOk ? "sold" : reply->reason);
  };
  Instance a(bench, {.decide = buy}, options);
  a.Run();
  a.log.HoldBatches();
  a.task().Submit(Say("r1", "one please"), note);
  a.Run();
  a.Crash();
  a.log.Forget();
  a.log.Hold(nullptr);
  bench.Append(Word("stock"));
  a.Restart();
  a.task().Submit(Say("r1", "one please"), note);
  a.Run();
  return answers;
}

TEST(Counterexample, C8_ARejectionIsAnsweredOnlyOnceItsBatchIsValid) {
  using ::testing::ElementsAre;
  EXPECT_THAT(PlayC8(false), ElementsAre("sold"));
  EXPECT_THAT(PlayC8(true), ElementsAre("SOLD_OUT", "sold")) << "the planted fault answers twice";
}

int64_t PlayC9(bool fault) {
  Bench bench;
  TaskOptions options;
  options.faults.keep_pending_on_foreign_batch = fault;
  Instance a(bench, {}, options);
  Instance b(bench);
  a.Run();
  b.Run();
  a.log.HoldBatches();
  bench.Append(Word("x"));
  a.Run();
  a.log.Fail();  // it has not landed
  b.Run();
  a.log.Hold(nullptr);
  a.Run();
  bench.clock.Advance(absl::Seconds(1));
  a.Run();
  return Rebuild(bench)->Noted("x");
}

TEST(Counterexample, C9_AForeignBatchDropsWhatIsPending) {
  EXPECT_EQ(PlayC9(false), 1);
  EXPECT_EQ(PlayC9(true), 2) << "the planted fault decides twice";
}

TEST(Counterexample, C10_TheChainOfAnotherProcessorIsKeptAsOfTheCoveredFact) {
  Bench bench;
  Instance other(bench, {.name = "other"});
  other.Run();
  Instance a(bench, {.applies = {"word", "noted"}}, {.max_facts_per_batch = 1});
  a.Run();
  bench.Append(Word("x"));
  other.Run();  // notes it: a fact to the first
  a.log.HoldBatches();
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  a.log.Deliver();
  a.Run();  // has read beyond what it has committed
  EXPECT_LT(a.status().through, bench.Records(kHere, "decision_batch").back()->offset);
  a.Crash();
  while (a.log.held() > 0) a.log.Forget();
  a.log.Hold(nullptr);
  a.Restart();
  EXPECT_EQ(a.Seen("x"), 2) << "the fact, and what the other noted of it";
}

// --- The other variants that a checker must catch.

TEST(Counterexample, WithoutCompareAndSetTwoDecidersBothCount) {
  const auto play = [](bool fault) {
    Bench bench;
    TaskOptions options;
    options.faults.skip_compare_and_set = fault;
    Instance a(bench, {}, options);
    Instance b(bench, {}, options);
    a.Run();
    b.Run();
    a.log.HoldBatches();
    bench.Append(Word("x"));
    a.Run();
    b.Run();
    a.log.Deliver();
    a.Run();
    return a.Noted("x");
  };
  EXPECT_EQ(play(false), 1);
  EXPECT_EQ(play(true), 2) << "the planted fault decides twice";
}

TEST(Counterexample, WhatIsCommittedBeforeItIsReadBackMayBeVoid) {
  const auto play = [](bool fault) {
    Bench bench;
    TaskOptions options;
    options.faults.commit_before_read_back = fault;
    Instance a(bench, {}, options);
    Instance b(bench);
    a.Run();
    b.Run();
    a.log.HoldBatches();
    b.log.HoldBatches();
    bool answered = false;
    a.task().Submit(Say("r1", "mine"), [&](absl::StatusOr<Reply> reply) { answered = reply.ok(); });
    b.task().Submit(Say("r2", "theirs"), Ignore);
    a.Run();
    b.Run();
    b.log.Deliver();
    a.log.Deliver();  // void
    a.task().Step();
    return answered;
  };
  EXPECT_FALSE(play(false));
  EXPECT_TRUE(play(true)) << "the planted fault promises what never was";
}

TEST(Counterexample, TimersOutsideTheSegmentFireTwice) {
  const auto play = [](bool fault) {
    Bench bench;
    TaskOptions options;
    options.faults.timers_outside_segment = fault;
    const auto timer = [](const Input& input, const View&, absl::Time now) {
      Decided decided;
      if (std::holds_alternative<Fact>(input)) decided.decisions.push_back(ArmTimer("k", "id", now + absl::Hours(1)));
      if (std::holds_alternative<DueTimer>(input)) decided.decisions.push_back(Note("fired"));
      return decided;
    };
    Instance a(bench, {.decide = timer}, options);
    bench.Append(Word("x"));
    a.Run();
    a.log.HoldBatches();
    bench.clock.Advance(absl::Hours(2));
    for (int i = 0; i < 10; ++i) a.task().Step();
    while (a.log.held() > 0) {
      a.log.Deliver();
      for (int i = 0; i < 10; ++i) a.task().Step();
    }
    return a.Noted("fired");
  };
  EXPECT_EQ(play(false), 1);
  EXPECT_GT(play(true), 1) << "the planted fault fires twice";
}

}  // namespace
}  // namespace tributary::processor
