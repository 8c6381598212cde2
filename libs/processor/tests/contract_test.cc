// What a task asks of a processor and of a projection: types, caches, prefetch, whose store it is.
#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

using ::testing::HasSubstr;

TEST(Types, AnUnknownRecordTypeHaltsAndIsNamed) {
  Bench bench;
  Instance a(bench);
  bench.Append({.key = "k", .type = "from_the_future", .headers = {}, .value = ""});
  EXPECT_FALSE(a.Run());
  EXPECT_EQ(a.status().halted.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(a.status().halted.message()), HasSubstr("from_the_future"));
  EXPECT_FALSE(a.Run()) << "for good";
}

TEST(Types, ABatchWithAnUnknownDecisionTypeHaltsEvenIfTheRestIsIgnored) {
  Bench bench;
  Instance other(bench, {.name = "other", .decide = [](const Input& input, const View&, absl::Time) {
                           Decided decided;
                           if (std::holds_alternative<Fact>(input)) {
                             decided.decisions.push_back(Note("x"));
                             decided.decisions.push_back({"novelty", Payload::Of(Text("y"))});
                           }
                           return decided;
                         }});
  Instance a(bench);
  bench.Append(Word("x"));
  other.Run();
  EXPECT_FALSE(a.Run());
  EXPECT_THAT(std::string(a.status().halted.message()), HasSubstr("novelty"));
}

TEST(Types, DecisionsOfAnotherProcessorAreFactsThoseOfTheLibraryAreNot) {
  Bench bench;
  Instance other(bench, {.name = "other", .decide = [](const Input& input, const View&, absl::Time now) {
                           Decided decided;
                           if (const auto* fact = std::get_if<Fact>(&input)) {
                             decided.decisions.push_back(ArmTimer("k", "id", now + absl::Hours(1)));
                             decided.decisions.push_back(Note(TextOf(fact->value)));
                           }
                           return decided;
                         }});
  std::vector<Fact> facts;
  Instance a(bench,
             {.applies = {"noted"}, .ignores = {"word"}, .decide = [&](const Input& input, const View&, absl::Time) {
                if (const auto* fact = std::get_if<Fact>(&input)) facts.push_back(*fact);
                return Decided();
              }});
  a.Run();
  other.Run();
  bench.Append(Word("x"));
  other.Run();
  EXPECT_TRUE(a.Run());
  ASSERT_EQ(facts.size(), 1U);
  EXPECT_EQ(facts[0].index, 1) << "its place in the batch";
  EXPECT_EQ(facts[0].depth, 1);
  EXPECT_TRUE(facts[0].relayed);
  EXPECT_EQ(a.Seen("x"), 1);
}

TEST(Caches, FollowFromTheTablesLiveAndRebuilt) {
  Bench bench;
  Instance a(bench, {}, {.max_facts_per_batch = 3});
  for (int i = 0; i < 20; ++i) bench.Append(Word(i % 4 == 0 ? "bad" : "x"));
  a.Run();
  EXPECT_EQ(CountIn(a.task().TakeSnapshot()->view(), kSums, "seen"), 15);
  EXPECT_EQ(CountIn(a.task().TakeSnapshot()->view(), kSums, "noted"), 15);
  EXPECT_EQ(Rebuild(bench)->Digest().caches, a.Digest().caches);
}

TEST(Order, AFactIsDecidedWithTheFactsUpToItAndTheDecisionsBeforeItInOneBatch) {
  Bench bench;
  std::vector<std::string> views;
  Instance a(bench, {.decide = [&](const Input& input, const View& view, absl::Time now) {
               views.push_back(fmt::format("seen {} noted {} sums {}/{}", CountIn(view, kSeen, "x"),
                                           CountIn(view, kNoted, "x"), CountIn(view, kSums, "seen"),
                                           CountIn(view, kSums, "noted")));
               return Script::NoteAll(input, view, now);
             }});
  for (int i = 0; i < 3; ++i) bench.Append(Word("x"));
  a.Run();
  EXPECT_THAT(views,
              ::testing::ElementsAre("seen 1 noted 0 sums 1/0", "seen 2 noted 1 sums 2/1", "seen 3 noted 2 sums 3/2"));
  EXPECT_EQ(bench.Batches().size(), 1U);
}

TEST(Historical, IsByTheFirstBatchThatCountsNotByOnesOwn) {
  Bench bench;
  std::vector<std::string> seen;
  const auto script = [&](const char* who) {
    return Script{.decide = [&seen, who](const Input& input, const View& view, absl::Time now) {
      if (const auto* fact = std::get_if<Fact>(&input)) {
        seen.push_back(fmt::format("{}:{}:{}", who, TextOf(fact->value), fact->historical));
      }
      return Script::NoteAll(input, view, now);
    }};
  };
  Instance a(bench, script("a"));
  Instance b(bench, script("b"), {.max_facts_per_batch = 1});
  b.log.HoldBatches();
  b.Run();  // would be born at 1
  for (int i = 0; i < 5; ++i) bench.Append(Word("x"));
  b.Run();  // decides some of them as new, and has looked at the others
  a.Run();  // is born at 6, so they are older
  b.log.DeliverAll();
  b.log.Hold(nullptr);
  EXPECT_TRUE(b.Run());
  bench.Append(Word("y"));
  b.Run();
  EXPECT_EQ(seen.back(), "b:y:false");
  EXPECT_EQ(b.status().void_batches, 1);
  EXPECT_EQ(CountIn(b.task().TakeSnapshot()->view(), kHistorical, "facts"), 5);
  EXPECT_EQ(Rebuild(bench, script("c"))->Digest().facts_and_decisions, b.Digest().facts_and_decisions);
}

// --- Whose store it is

TEST(Open, AStoreOfAnotherFormatProcessorOrLogIsRefused) {
  Bench bench;
  Instance a(bench);
  bench.Append(Word("x"));
  a.Run();
  auto store = a.store();
  a.Crash();
  const auto open = [&](Script script, eventlog::EventLog* log) {
    Scripted processor(std::move(script));
    return Task::Open(
               {.partition = kHere},
               {.log = log, .store = store, .processor = &processor, .clock = &bench.clock, .random = &bench.random})
        .status()
        .code();
  };
  EXPECT_EQ(open({}, bench.log.get()), absl::StatusCode::kOk);
  EXPECT_EQ(open({.format = 2}, bench.log.get()), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(open({.name = "else"}, bench.log.get()), absl::StatusCode::kFailedPrecondition);
  auto other = *eventlog::MakeMemoryLog({.logs = Bench::kLogs, .clock = &bench.clock, .id = "another"});
  EXPECT_EQ(open({}, other.get()), absl::StatusCode::kFailedPrecondition);
}

TEST(Open, ALogThatWasCutOffOrMadeAnewIsNoticed) {
  Bench bench;
  Instance a(bench);
  for (int i = 0; i < 5; ++i) bench.Append(Word("x"));
  a.Run();
  const auto reopen = [&](int words) {
    Bench recreated;  // the same id, other records
    recreated.Append(Word("y"));
    for (int i = 0; i < words; ++i) recreated.Append(Word("y"));
    Scripted processor({});
    return Task::Open({.partition = kHere}, {.log = recreated.log.get(),
                                             .store = a.store(),
                                             .processor = &processor,
                                             .clock = &bench.clock,
                                             .random = &bench.random})
        .status()
        .code();
  };
  EXPECT_EQ(reopen(0), absl::StatusCode::kDataLoss) << "shorter";
  EXPECT_EQ(reopen(20), absl::StatusCode::kDataLoss) << "as long, but another";
}

TEST(Open, AfterACloseAStartWritesNothing) {
  Bench bench;
  Instance a(bench);
  bench.Append(Word("x"));
  a.Run();
  ASSERT_TRUE(a.task().Close().ok());
  ASSERT_TRUE(a.task().Close().ok());
  const Offset end = *bench.log->End(kHere);
  a.Restart();
  EXPECT_EQ(*bench.log->End(kHere), end);
  EXPECT_EQ(a.Noted("x"), 1);
}

TEST(Visible, AReadWaitsForItsPositionOrForItsDeadline) {
  Bench bench;
  Instance a(bench);
  a.Run();
  a.log.HoldBatches();
  const Offset fact = bench.Append(Word("x"));
  a.Run();
  int64_t seen = -1;
  absl::Status late;
  a.task().WhenVisible(fact, bench.clock.Now() + absl::Hours(1), [&](auto snapshot) {
    ASSERT_TRUE(snapshot.ok());
    seen = CountIn((*snapshot)->view(), kSeen, "x");
  });
  a.task().WhenVisible(Offset(100), bench.clock.Now() + absl::Seconds(1),
                       [&](auto snapshot) { late = snapshot.status(); });
  a.Run();
  EXPECT_EQ(seen, -1);
  a.log.DeliverAll();
  a.log.Hold(nullptr);
  a.Run();
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(late.ok());
  bench.clock.Advance(absl::Seconds(1));
  a.Run();
  EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded);
  absl::Status closed;
  a.task().WhenVisible(Offset(100), absl::InfiniteFuture(), [&](auto snapshot) { closed = snapshot.status(); });
  a.Crash();
  EXPECT_EQ(closed.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tributary::processor
