// What cannot be applied, and what is too deep (DESIGN sections 3 and 11).
#include <gmock/gmock.h>

#include "tests/bench.h"
#include "tributary/processor/dead_letters.h"
#include "tributary/processor/testing/test_driver.h"

namespace tributary::processor {
namespace {

using testing::ProcessorTestDriver;

TaskOptions WithLetters() { return {.dead_letter = kLetters}; }

std::vector<DeadLetterInfo> Letters(Instance& instance) {
  std::vector<DeadLetterInfo> letters;
  ForEachDeadLetter(*instance.task().TakeSnapshot(), [&](const DeadLetterInfo& letter) {
    letters.push_back(letter);
    return true;
  });
  return letters;
}

std::string Redrive(Instance& instance, const std::string& request_id, Offset offset) {
  std::string answer = "none";
  instance.task().Submit(RedriveCommand(request_id, offset), [&](absl::StatusOr<Reply> reply) {
    answer = !reply.ok() ? reply.status().ToString() : reply->code == absl::StatusCode::kOk ? "ok" : reply->reason;
  });
  instance.Run();
  return answer;
}

TEST(DeadLetter, AMalformedFactIsNotAppliedThenOrOnARebuildAndTheRestGoesOn) {
  Bench bench;
  Instance a(bench, {}, WithLetters());
  a.Run();
  const Offset bad = bench.Append(Word("bad one"));
  bench.Append(Word("good"));
  EXPECT_TRUE(a.Run());
  auto rebuilt = Rebuild(bench);
  for (Instance* instance : {&a, rebuilt.get()}) {
    EXPECT_EQ(instance->Seen("bad one"), 0) << "what it wrote before it failed is undone";
    EXPECT_EQ(instance->Noted("bad one"), 0);
    EXPECT_EQ(instance->Seen("good"), 1);
    ASSERT_EQ(Letters(*instance).size(), 1U);
    EXPECT_EQ(Letters(*instance)[0].offset, bad);
    EXPECT_EQ(Letters(*instance)[0].reason, "BAD_WORD");
  }
  EXPECT_EQ(a.Digest().facts_and_decisions, rebuilt->Digest().facts_and_decisions);
  EXPECT_EQ(a.Digest().caches, rebuilt->Digest().caches);
  EXPECT_EQ(a.status().dead_letters, 1);
}

TEST(DeadLetter, ACopyForPeopleNamesThePlaceOfOriginAndTheReason) {
  Bench bench;
  Instance a(bench, {}, WithLetters());
  const Offset bad = bench.Append(Word("bad one"));
  a.Run();
  const auto copies = bench.Records(kLetters, "word");
  ASSERT_EQ(copies.size(), 1U);
  EXPECT_EQ(copies[0]->record.key, fmt::format("journey/0@{}", bad));
  EXPECT_EQ(copies[0]->record.value, Word("bad one").value);
  EXPECT_THAT(copies[0]->record.headers, ::testing::Contains(eventlog::Header{"dr", "BAD_WORD"}));
}

TEST(DeadLetter, OurOwnFailureHaltsAndDeadLettersNothing) {
  Bench bench;
  Instance a(bench, {}, WithLetters());
  a.Run();
  bench.Append(Word("broken"));
  EXPECT_FALSE(a.Run());
  EXPECT_EQ(a.status().halted.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(bench.Batches().size(), 1U);
}

TEST(DeadLetter, AMalformedRecordThatOneOfUsWroteHalts) {
  Bench bench;
  const auto pass_on = [](const Input& input, const View&, absl::Time) {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input))
      decided.outputs.push_back(WordTo(kThere, TextOf(fact->value) + " one"));
    return decided;
  };
  Instance a(bench, {.decide = pass_on});
  Instance reader(bench, {}, {.partition = kThere});
  bench.Append(Word("ba"));  // "ba one" is fine
  a.Run();
  EXPECT_TRUE(reader.Run());
  Instance spoils(bench, {.name = "spoils", .decide = [](const Input& input, const View&, absl::Time) {
                            Decided decided;
                            if (std::holds_alternative<Fact>(input)) decided.outputs.push_back(WordTo(kThere, "bad"));
                            return decided;
                          }});
  spoils.Run();
  EXPECT_FALSE(reader.Run());
  EXPECT_EQ(reader.status().halted.code(), absl::StatusCode::kInvalidArgument);
}

TEST(Redrive, AppliesOnceAndASecondOneIsRefused) {
  Bench bench;
  Instance a(bench, {}, WithLetters());
  a.Run();
  const Offset bad = bench.Append(Word("bad one"));
  const Offset good = bench.Append(Word("good"));
  a.Run();
  EXPECT_EQ(Redrive(a, "r0", good), "NO_DEAD_LETTER");
  EXPECT_EQ(Redrive(a, "r1", bad), "ok");
  EXPECT_EQ(Redrive(a, "r1", bad), "ok") << "the same request";
  EXPECT_EQ(Redrive(a, "r2", bad), "ALREADY_REDRIVEN");
  // It is still bad: dead-lettered again, and can be sent again.
  ASSERT_EQ(Letters(a).size(), 2U);
  const Offset again = Letters(a)[1].offset;
  EXPECT_GT(again, bad);
  EXPECT_EQ(Redrive(a, "r3", bad), "ALREADY_REDRIVEN");
  EXPECT_EQ(Redrive(a, "r4", again), "ok");
  EXPECT_EQ(Letters(a).size(), 3U);
  EXPECT_EQ(a.Seen("bad one"), 0);
  EXPECT_EQ(bench.Records(kHere, "word").size(), 4U);
  EXPECT_EQ(Rebuild(bench)->Digest().facts_and_decisions, a.Digest().facts_and_decisions);
}

// A processor that learned a word between two starts.
class Learning final : public Processor {
 public:
  explicit Learning(const bool* knows, std::string name = "tally") : inner_({.name = std::move(name)}), knows_(knows) {}
  std::string_view name() const override { return inner_.name(); }
  uint32_t format() const override { return 1; }
  Handling Handles(std::string_view type) const override { return inner_.Handles(type); }
  void Prefetch(const Fact& fact, KeySet& keys) const override { inner_.Prefetch(fact, keys); }
  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override {
    const absl::Status applied = inner_.ApplyFact(fact, facts, out);
    return *knows_ ? absl::OkStatus() : applied;
  }
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    inner_.ApplyDecision(decision, decisions, out);
  }
  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override {
    inner_.Derive(changes, view, out);
  }
  Decided Decide(const Input& input, const View& view, absl::Time now) override {
    if (const auto* fact = std::get_if<Fact>(&input)) redrive_of = fact->redrive_of;
    return inner_.Decide(input, view, now);
  }
  static inline std::optional<Offset> redrive_of;

 private:
  Scripted inner_;
  const bool* const knows_;
};

TEST(Redrive, ByAMendedReleaseAppliesTheFactAlsoOnARebuildWhichKeepsTheOriginalOut) {
  bool knows = false;
  ProcessorTestDriver driver([&] { return std::make_unique<Learning>(&knows); });
  const Offset bad = driver.Pipe(Word("bad one"));
  knows = true;
  driver.Restart();
  EXPECT_EQ(CountIn(driver.Snapshot()->view(), kSeen, "bad one"), 0);
  ASSERT_TRUE(driver.Send(RedriveCommand("r1", bad)).ok());
  EXPECT_EQ(CountIn(driver.Snapshot()->view(), kSeen, "bad one"), 1);
  EXPECT_EQ(CountIn(driver.Snapshot()->view(), kNoted, "bad one"), 1);
  EXPECT_EQ(Learning::redrive_of, bad);
  driver.LoseProjection();
  EXPECT_EQ(CountIn(driver.Snapshot()->view(), kSeen, "bad one"), 1);
  const auto [live, rebuilt] = driver.DigestLiveAndRebuilt();
  EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
}

TEST(Redrive, IsForWhomDeadLetteredItTheOthersHaveAppliedTheOriginal) {
  Bench bench;
  bool knows = false;
  Learning strict(&knows);
  auto task = *Task::Open({.partition = kHere, .empty_batch_age = absl::ZeroDuration()}, {.log = bench.log.get(),
                                                                                          .store = NewStore(),
                                                                                          .processor = &strict,
                                                                                          .clock = &bench.clock,
                                                                                          .random = &bench.random});
  bool knows_already = true;
  Learning mended(&knows_already, "mended");
  auto other = *Task::Open({.partition = kHere, .empty_batch_age = absl::ZeroDuration()}, {.log = bench.log.get(),
                                                                                           .store = NewStore(),
                                                                                           .processor = &mended,
                                                                                           .clock = &bench.clock,
                                                                                           .random = &bench.random});
  const auto run_both = [&] {
    for (int i = 0; i < 100; ++i) {
      task->Step();
      other->Step();
    }
  };
  run_both();
  const Offset bad = bench.Append(Word("bad one"));
  run_both();
  knows = true;
  task->Submit(RedriveCommand("r1", bad), [](auto) {});
  run_both();
  EXPECT_EQ(CountIn(task->TakeSnapshot()->view(), kSeen, "bad one"), 1);
  EXPECT_EQ(CountIn(other->TakeSnapshot()->view(), kSeen, "bad one"), 1);
}

// --- Depth

TEST(Depth, RulesThatFeedEachOtherStop) {
  Bench bench;
  // Each answers what the other noted.
  const auto make = [](const char* name) {
    return Script{.name = name, .applies = {"word", "noted"}, .ignores = {}, .decide = nullptr};
  };
  Instance ping(bench, make("ping"), {.max_depth = 8});
  Instance pong(bench, make("pong"), {.max_depth = 8});
  for (Instance* instance : {&ping, &pong}) instance->Run();
  bench.Append(Word("x"));
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(ping.Run()) << ping.status().halted;
    ASSERT_TRUE(pong.Run()) << pong.status().halted;
  }
  EXPECT_TRUE(ping.task().Quiet());
  EXPECT_TRUE(pong.task().Quiet());
  EXPECT_GT(Letters(ping).size() + Letters(pong).size(), 0U);
  for (const DeadLetterInfo& letter : Letters(ping)) EXPECT_EQ(letter.reason, "DEPTH_EXCEEDED");
  EXPECT_LE(ping.Noted("x"), 8);
  EXPECT_EQ(Rebuild(bench, make("ping"))->Digest().facts_and_decisions, ping.Digest().facts_and_decisions);
}

TEST(Depth, IsCountedOverARelay) {
  Bench bench;
  // Sends every word back to its own partition: a circle.
  Instance a(bench,
             {.decide =
                  [](const Input& input, const View&, absl::Time) {
                    Decided decided;
                    if (const auto* fact = std::get_if<Fact>(&input)) {
                      decided.outputs.push_back(WordTo(kHere, TextOf(fact->value)));
                    }
                    return decided;
                  }},
             {.max_depth = 5});
  bench.Append(Word("x"));
  EXPECT_TRUE(a.Run());
  EXPECT_EQ(a.Seen("x"), 5);
  EXPECT_EQ(Letters(a).size(), 1U);
}

}  // namespace
}  // namespace tributary::processor
