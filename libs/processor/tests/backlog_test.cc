// A buffer much smaller than the backlog: a second cursor runs ahead to the next batch (rule 14). And
// standbys.
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

constexpr int kBacklog = 5'000;
const TaskOptions kTiny{.max_facts_per_batch = 300, .max_buffered_records = 20, .max_ignored_records = 1'000'000};

void Fill(Bench& bench) {
  for (int i = 0; i < kBacklog; ++i) bench.Append(i % 5 == 0 ? Noise() : Word("x"));
}

TEST(Backlog, IsDecidedThroughATinyBuffer) {
  Bench bench;
  Fill(bench);
  Instance a(bench, {}, kTiny);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Noted("x"), kBacklog * 4 / 5);
  EXPECT_TRUE(a.task().Quiet());
  EXPECT_EQ(Rebuild(bench, {}, kTiny)->Digest().facts_and_decisions, a.Digest().facts_and_decisions);
}

TEST(Backlog, OfLargeFactsIsDecidedThoughTheBufferIsFullBeforeABatchIs) {
  Bench bench;
  for (int i = 0; i < 50; ++i) bench.Append(Word(std::string(100 << 10, 'x')));
  Instance a(bench, {.decide = [](const Input&, const View&, absl::Time) { return Decided(); }},
             {.max_buffered_bytes = 1 << 20});
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Seen(std::string(100 << 10, 'x')), 50);
}

TEST(Backlog, IsFollowedThroughATinyBufferAndNothingIsDecidedAgain) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 4'000});  // batches that cover more than the buffer holds
  a.Run();
  Fill(bench);
  a.Run();
  const size_t batches = bench.Batches().size();
  Instance b(bench, {}, kTiny);
  EXPECT_TRUE(b.Run());
  EXPECT_EQ(bench.Batches().size(), batches);
  EXPECT_EQ(b.Digest().facts_and_decisions, a.Digest().facts_and_decisions);
  EXPECT_EQ(b.Digest().caches, a.Digest().caches);
  bench.Append(Word("more"));
  EXPECT_TRUE(b.Run());
  EXPECT_EQ(b.Noted("more"), 1);
}

TEST(Backlog, ALogThatCannotBeReachedIsWaitedForAndHaltsNothing) {
  Bench bench;
  Instance a(bench);
  a.Run();
  bench.Append(Word("x"));
  a.log.SetUnreachable(true);
  const Progress progress = a.task().Step();
  EXPECT_EQ(progress.kind, Progress::Kind::kIdle);
  EXPECT_LE(progress.idle_for, absl::Seconds(1)) << "nothing wakes it when the log is back";
  EXPECT_EQ(a.Noted("x"), 0);
  a.log.SetUnreachable(false);
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Noted("x"), 1);
  EXPECT_EQ(a.log.reported(), *bench.log->End(kHere)) << "lag tools see that it has caught up";
}

TEST(Backlog, AStandbyWithATinyBufferWaitsForTheBatchThatCoversIt) {
  Bench bench;
  Instance a(bench);
  Instance standby(bench, {}, [] {
    TaskOptions options = kTiny;
    options.standby = true;
    return options;
  }());
  a.Run();
  Fill(bench);
  EXPECT_TRUE(standby.Run());
  EXPECT_EQ(standby.Seen("x"), 0) << "no batch covers it yet";
  a.Run();
  EXPECT_TRUE(standby.Run());
  EXPECT_EQ(standby.Digest().facts_and_decisions, a.Digest().facts_and_decisions);
}

TEST(Backlog, ATaskThatFollowsATwinTakesOverInTheMiddle) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 300});
  a.Run();
  Fill(bench);
  for (int i = 0; i < 12; ++i) a.task().Step();
  a.Crash();
  const size_t before = bench.Batches().size();
  ASSERT_GT(before, 1U);
  Instance b(bench, {}, kTiny);
  EXPECT_TRUE(b.Run());
  EXPECT_GT(bench.Batches().size(), before);
  EXPECT_EQ(b.Noted("x"), kBacklog * 4 / 5);
}

// --- Standbys

TEST(Standby, NeverDecidesAndRefusesCommands) {
  Bench bench;
  Instance a(bench);
  a.Run();
  Instance standby(bench, {}, {.standby = true});
  bench.Append(Word("x"));
  standby.Run();
  EXPECT_EQ(bench.Batches().size(), 1U);
  EXPECT_EQ(standby.Seen("x"), 0);
  absl::Status refused;
  standby.task().Submit(Say("r1", "hello"), [&](absl::StatusOr<Reply> reply) { refused = reply.status(); });
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnavailable);
  a.Run();
  standby.Run();
  EXPECT_EQ(standby.Noted("x"), 1);
  EXPECT_TRUE(standby.task().Quiet());
}

TEST(Standby, StopsForGoodAfterTheBatchItIsToldSoThatDigestsAreComparedAtEqualBatches) {
  Bench bench;
  Instance a(bench);
  std::vector<std::pair<Offset, std::string>> history;
  for (int i = 0; i < 5; ++i) {
    bench.Append(Word("x"));
    a.Run();
    history.emplace_back(a.status().last_batch, a.Digest().facts_and_decisions);
  }
  for (const auto& [batch, digest] : history) {
    auto rebuilt = Rebuild(bench, {}, {.stop_at = batch});
    EXPECT_EQ(rebuilt->status().last_batch, batch);
    EXPECT_EQ(rebuilt->Digest().facts_and_decisions, digest);
  }
}

}  // namespace
}  // namespace tributary::processor
