// Outputs from one partition to another (rules 16 to 20).
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

// "text" goes to one partition; "both:text" to two.
Decided PassOn(const Input& input, const View&, absl::Time) {
  Decided decided;
  const auto* fact = std::get_if<Fact>(&input);
  if (fact == nullptr) return decided;
  const std::string text = TextOf(fact->value);
  decided.outputs.push_back(WordTo(kThere, text));
  if (text.starts_with("both:")) decided.outputs.push_back(WordTo(kAlsoThere, text));
  return decided;
}
const TaskOptions kReads{.partition = kThere};

// A record as a relay would send it.
eventlog::Record Relayed(std::string_view text, OutputPlace place, OutputPlace previous,
                         const std::string& source = "sender|journey/1") {
  events::v1::Output output;
  const eventlog::Record word = Word(text);
  output.set_type(word.type);
  output.set_key(word.key);
  output.set_value(word.value);
  ToProto(previous, output.mutable_previous());
  return RelayRecord(output, source, place, "");
}

TEST(Relay, EachTargetHasItsOwnUnbrokenSequence) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance one(bench, {}, kReads);
  Instance two(bench, {}, {.partition = kAlsoThere});
  for (const char* text : {"1", "both:2", "3", "both:4"}) {
    bench.Append(Word(text));
    a.Run();
  }
  one.Run();
  two.Run();
  for (const char* text : {"1", "both:2", "3", "both:4"}) EXPECT_EQ(one.Seen(text), 1) << text;
  for (const char* text : {"both:2", "both:4"}) EXPECT_EQ(two.Seen(text), 1) << text;
  EXPECT_EQ(one.status().holes + two.status().holes, 0);
  EXPECT_TRUE(a.task().Quiet());
}

TEST(Relay, ManyOutputsOfOneBatchArriveInOrder) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  a.Run();
  for (int i = 0; i < 500; ++i) bench.Append(Word("both:" + std::to_string(i)));
  a.Run();
  const auto records = bench.Records(kAlsoThere, "word");
  ASSERT_EQ(records.size(), 500U);
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(TextOf(Payload(records[i]->record.value)), "both:" + std::to_string(i));
  }
}

TEST(Relay, TwinsSendTheSameAndItCountsOnce) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance b(bench, {.decide = PassOn});
  Instance reader(bench, {}, kReads);
  a.Run();
  b.Run();
  for (const char* text : {"1", "2", "3"}) {
    bench.Append(Word(text));
    a.Run();
    b.Run();
  }
  EXPECT_EQ(bench.Records(kThere, "word").size(), 6U);
  reader.Run();
  for (const char* text : {"1", "2", "3"}) EXPECT_EQ(reader.Seen(text), 1);
  EXPECT_EQ(reader.status().holes, 0);
}

TEST(Relay, AHoleIsReportedNotSteppedOverAndCloses) {
  Bench bench;
  Instance reader(bench, {}, kReads);
  bench.Append(Relayed("1", {10, 0}, {}), kThere);
  bench.Append(Relayed("3", {12, 0}, {11, 0}), kThere);
  reader.Run();
  EXPECT_EQ(reader.status().holes, 1);
  EXPECT_EQ(reader.status().open_holes, 1);
  EXPECT_EQ(reader.Seen("3"), 0);
  bench.Append(Relayed("2", {11, 0}, {10, 0}), kThere);
  bench.Append(Relayed("3", {12, 0}, {11, 0}), kThere);
  EXPECT_TRUE(reader.Run());
  EXPECT_EQ(reader.status().open_holes, 0);
  for (const char* text : {"1", "2", "3"}) EXPECT_EQ(reader.Seen(text), 1);
  bench.clock.Advance(absl::Hours(1));
  EXPECT_TRUE(reader.Run());
}

TEST(Relay, AHoleThatStaysOpenHalts) {
  for (const bool standby : {false, true}) {
    Bench bench;
    Instance reader(bench, {}, {.partition = kThere, .standby = standby, .max_hole_age = absl::Seconds(60)});
    bench.Append(Relayed("2", {11, 0}, {10, 0}), kThere);
    EXPECT_TRUE(reader.Run());
    bench.clock.Advance(absl::Seconds(59));
    EXPECT_TRUE(reader.Run());
    bench.clock.Advance(absl::Seconds(2));
    EXPECT_FALSE(reader.Run());
    EXPECT_EQ(reader.status().halted.code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(reader.status().state, TaskState::kHalted);
  }
}

TEST(Relay, ASequenceThatContradictsItselfHalts) {
  Bench bench;
  Instance reader(bench, {}, kReads);
  bench.Append(Relayed("1", {10, 0}, {}), kThere);
  bench.Append(Relayed("2", {11, 0}, {10, 0}), kThere);
  EXPECT_TRUE(reader.Run());
  bench.Append(Relayed("3", {12, 0}, {10, 0}), kThere);
  EXPECT_FALSE(reader.Run());
  EXPECT_EQ(reader.status().halted.code(), absl::StatusCode::kDataLoss);
}

TEST(Relay, OriginsAreKeptOverARestartAlsoOfRecordsThatAreIgnored) {
  Bench bench;
  Script ignores{.applies = {"else"}, .ignores = {"word"}};
  Instance reader(bench, ignores, kReads);
  reader.Run();
  bench.Append(Relayed("1", {10, 0}, {}), kThere);
  bench.Append({.key = "k", .type = "else", .headers = {}, .value = ""}, kThere);
  reader.Run();
  reader.Restart();
  bench.Append(Relayed("2", {11, 0}, {10, 0}), kThere);
  EXPECT_TRUE(reader.Run());
  EXPECT_EQ(reader.status().holes, 0);
}

TEST(Relay, AFailureStartsANewSessionFromTheFirstThatWasNotAcknowledged) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  a.Run();
  bench.Append(Word("1"));
  a.Run();
  a.log.HoldTo("there");
  bench.Append(Word("2"));
  bench.Append(Word("3"));
  a.Run();
  ASSERT_EQ(a.log.held(), 2U);
  a.log.Deliver();
  a.log.Fail();
  a.Run();
  EXPECT_EQ(a.log.held(), 0U) << "it waits a little";
  EXPECT_EQ(a.status().relayed, 2);
  EXPECT_EQ(a.status().relay_backlog, 1);
  bench.clock.Advance(absl::Seconds(3));
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  EXPECT_EQ(TextOf(Payload(a.log.record(0).value)), "3");
}

TEST(Relay, NothingIsSentAgainAfterAClose) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  for (const char* text : {"1", "both:2", "3"}) bench.Append(Word(text));
  a.Run();
  ASSERT_TRUE(a.task().Close().ok());
  a.Restart();
  EXPECT_EQ(bench.Records(kThere, "word").size(), 3U);
  EXPECT_EQ(bench.Records(kAlsoThere, "word").size(), 1U);
  bench.Append(Word("4"));
  a.Run();
  EXPECT_EQ(bench.Records(kThere, "word").size(), 4U);
}

TEST(Relay, AfterACrashWhatMayNotHaveArrivedIsSentAgain) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  Instance reader(bench, {}, kReads);
  for (const char* text : {"1", "2", "3"}) {
    bench.Append(Word(text));
    a.Run();
  }
  a.Restart();  // the last commit knew of two acknowledgements
  EXPECT_EQ(bench.Records(kThere, "word").size(), 4U);
  reader.Run();
  for (const char* text : {"1", "2", "3"}) EXPECT_EQ(reader.Seen(text), 1);
}

TEST(Relay, WhoLostItsProjectionLearnsFromTheBatchesWhatWasRelayed) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  for (const char* text : {"1", "2", "3"}) {
    bench.Append(Word(text));
    a.Run();
  }
  a.LoseProjection();
  a.Restart();
  EXPECT_EQ(bench.Records(kThere, "word").size(), 4U);
}

// --- Patched outputs

Decided Patch(const Input& input, const View&, absl::Time) {
  Decided decided;
  if (std::holds_alternative<Fact>(input)) {
    decided.outputs.push_back({kThere, "word", "k", FactPatch{Text("patched").SerializeAsString()}});
  }
  return decided;
}

TEST(Relay, APatchedOutputIsTheFactWithThePatchBehindItAlsoAfterARestart) {
  Bench bench;
  Instance a(bench, {.decide = Patch});
  a.Run();
  a.log.HoldTo("there");
  const eventlog::Record fact = Word("x");
  bench.Append(fact);
  a.Run();
  ASSERT_EQ(a.log.held(), 1U);
  const std::string value = a.log.record(0).value;
  EXPECT_EQ(value, fact.value + Text("patched").SerializeAsString());
  EXPECT_EQ(bench.Batches().back().outputs(0).value(), Text("patched").SerializeAsString()) << "no copy in the batch";
  a.Crash();
  a.log.Forget();
  a.log.Hold(nullptr);
  a.Restart();
  ASSERT_EQ(bench.Records(kThere, "word").size(), 1U);
  EXPECT_EQ(bench.Records(kThere, "word")[0]->record.value, value);
}

TEST(Relay, AnOutputThatTheLogRefusesHalts) {
  Bench bench;
  Instance a(bench, {.decide = [](const Input& input, const View&, absl::Time) {
               Decided decided;
               if (std::holds_alternative<Fact>(input))
                 decided.outputs.push_back(WordTo({"nowhere", Partition(0)}, "x"));
               return decided;
             }});
  bench.Append(Word("x"));
  EXPECT_FALSE(a.Run());
  EXPECT_EQ(a.status().halted.code(), absl::StatusCode::kNotFound);
}

TEST(Relay, WhenRelayedWaitsForTheAcknowledgementsOfWhatFollowed) {
  Bench bench;
  Instance a(bench, {.decide = PassOn});
  a.Run();
  a.log.HoldTo("there");
  const Offset fact = bench.Append(Word("x"));
  absl::Status relayed = absl::UnknownError("not called");
  a.task().WhenRelayed(fact, bench.clock.Now() + absl::Seconds(1), [&](absl::Status status) { relayed = status; });
  a.Run();
  EXPECT_EQ(relayed.code(), absl::StatusCode::kUnknown);
  a.log.Deliver();
  a.Run();
  EXPECT_TRUE(relayed.ok());
  a.task().WhenRelayed(Offset(1000), bench.clock.Now() + absl::Seconds(1),
                       [&](absl::Status status) { relayed = status; });
  bench.clock.Advance(absl::Seconds(1));
  a.Run();
  EXPECT_EQ(relayed.code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace tributary::processor
