// Merges across partitions (DESIGN section 4). Profiles live in the partition of their first letter: a.., b.., c..
#include "tributary/processor/moves.h"

#include <gmock/gmock.h>

#include "tests/bench.h"

namespace tributary::processor {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// (profile, text) -> how often a fact said it, and a decision.
constexpr projection::Table<Kind::kFacts, std::tuple<std::string, std::string>, Int64Value> kSaid{32, "said"};
constexpr projection::Table<Kind::kDecisions, std::tuple<std::string, std::string>, Int64Value> kHeard{33, "heard"};

constexpr int32_t kRowsPerPart = 3;
constexpr int kPartitions = 3;

std::pair<std::string, std::string> Split(const std::string& text) {
  const size_t colon = text.find(':');
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// Facts "profile:text"; each is decided as heard, and "profile:remind" arms a timer, whose firing is heard, too.
class Notebook final : public MovableProcessor {
 public:
  std::string_view name() const override { return "notebook"; }
  uint32_t format() const override { return 1; }
  Handling Handles(std::string_view type) const override {
    return type == "word" ? Handling::kApplied : Handling::kUnknown;
  }
  void Prefetch(const Fact&, KeySet&) const override {}
  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>&, Writer<Kind::kFacts>& out) override {
    const auto [profile, text] = Split(TextOf(fact.value));
    out.Put(kSaid, {profile, text}, Number(1));
    return absl::OkStatus();
  }
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    const auto [profile, text] = Split(TextOf(decision.value));
    out.Put(kHeard, {profile, text}, Number(CountIn(decisions, profile, text) + 1));
  }
  void Derive(const Changes&, const View&, Writer<Kind::kCaches>&) override {}
  Decided Decide(const Input& input, const View&, absl::Time now) override {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input)) {
      decided.decisions.push_back(Note(TextOf(fact->value)));
      const auto [profile, text] = Split(TextOf(fact->value));
      if (text == "remind") decided.decisions.push_back(ArmTimer(profile, "remind", now + absl::Hours(1)));
    } else if (const auto* timer = std::get_if<DueTimer>(&input)) {
      decided.decisions.push_back(Note(timer->key + ":reminded"));
    } else if (const auto* command = std::get_if<Command>(&input)) {
      decided.reply = Reply::Ok(Text(command->request_id));
    }
    return decided;
  }

  std::optional<std::string> ProfileOf(const Fact& fact) const override { return Split(TextOf(fact.value)).first; }
  std::optional<std::string> ProfileOf(const Command& command) const override {
    return Split(TextOf(Payload(command.body))).first;
  }
  bool Decides(const Fact&) const override { return true; }
  absl::Status ApplyMerge(const events::v1::ProfilesMerged&, bool, bool, const KindView<Kind::kFacts>&,
                          Writer<Kind::kFacts>&) override {
    return absl::OkStatus();
  }
  CopiedRows CopyRows(const View& view, const std::string&, const std::string& profile, std::string_view cursor,
                      int32_t, size_t) const override {
    // In order: said, then heard; the cursor is a number.
    std::vector<events::v1::MovedRow> all;
    const auto take = [&](const char* kind) {
      return [&all, kind](const auto& key, const auto&) {
        all.emplace_back().set_kind(kind);
        all.back().set_value(std::get<1>(key));
        return true;
      };
    };
    view.Scan(kSaid, std::tuple(profile), take("said"));
    view.Scan(kHeard, std::tuple(profile), take("heard"));
    const size_t from = cursor.empty() ? 0 : std::stoul(std::string(cursor));
    CopiedRows copied;
    for (size_t i = from; i < all.size() && i < from + kRowsPerPart; ++i) copied.rows.push_back(all[i]);
    if (from + kRowsPerPart < all.size()) copied.next = std::to_string(from + kRowsPerPart);
    return copied;
  }
  absl::Status ApplyMovedRow(const events::v1::MovedRow& row, const std::string&, const std::string& winner,
                             const KindView<Kind::kFacts>&, Writer<Kind::kFacts>& out) override {
    if (row.kind() == "said") out.Put(kSaid, {winner, row.value()}, Number(1));
    return absl::OkStatus();
  }
  std::vector<Decision> Adopt(const events::v1::MovedRow& row, const std::string& winner, const View&,
                              absl::Time) override {
    if (row.kind() != "heard") return {};
    return {Note(winner + ":" + row.value())};
  }
  Output Forward(const Fact& fact, const std::string& winner) const override {
    return WordTo({}, winner + ":" + Split(TextOf(fact.value)).second);
  }

 private:
  static int64_t CountIn(const KindView<Kind::kDecisions>& view, const std::string& profile, const std::string& text) {
    const auto row = view.Get(kHeard, {profile, text});
    return row == nullptr ? 0 : row->value();
  }
};

Partition PartitionOf(std::string_view profile) { return Partition(profile.front() - 'a'); }
PartitionRef PlaceOf(std::string_view profile) { return {"journey", PartitionOf(profile)}; }

// A task on each partition.
class Moves : public ::testing::Test {
 protected:
  Moves()
      : log_(*eventlog::MakeMemoryLog({.logs = {{"journey", kPartitions}, {"dead_letter", 1}}, .clock = &clock_})),
        producer_(*log_->OpenProducer()) {
    for (int i = 0; i < kPartitions; ++i) {
      stores_[i] = NewStore();
      Open(i);
    }
    Run();
  }

  void Open(int i) {
    tasks_[i].reset();
    processors_[i] = Processor(i);
    tasks_[i] = Task::Open(Options(i), Deps(stores_[i], processors_[i].get())).value();
  }
  static std::unique_ptr<MovingProcessor> Processor(int i) {
    return std::make_unique<MovingProcessor>(std::make_unique<Notebook>(), PartitionRef{"journey", Partition(i)},
                                             ProfilePlaces{"journey", PartitionOf});
  }
  static TaskOptions Options(int i) {
    TaskOptions options;
    options.partition = {"journey", Partition(i)};
    options.dead_letter = kLetters;
    options.empty_batch_age = absl::ZeroDuration();
    return options;
  }
  TaskDeps Deps(std::shared_ptr<projection::Store> store, tributary::processor::Processor* processor) {
    return {.log = log_.get(), .store = std::move(store), .processor = processor, .clock = &clock_, .random = &random_};
  }

  bool Step(int i) {
    const Progress progress = tasks_[i]->Step();
    EXPECT_NE(progress.kind, Progress::Kind::kHalted) << tasks_[i]->status().halted;
    return progress.kind == Progress::Kind::kWorked;
  }
  void RunOne(int i) {
    while (Step(i)) {
    }
  }
  void Run() {
    for (bool worked = true; worked;) {
      worked = false;
      for (int i = 0; i < kPartitions; ++i) worked = Step(i) || worked;
    }
  }
  // Steps in an order drawn from `random`, calling `look` after each, until nothing is left to do.
  template <typename Look>
  void RunInAnyOrder(SeededRandom& random, const Look& look) {
    for (int idle = 0; idle < 60;) {
      idle = Step(static_cast<int>(random.Below(kPartitions))) ? 0 : idle + 1;
      look();
    }
    Run();
  }

  void Say(const std::string& profile, const std::string& text) {
    Append(PlaceOf(profile), Word(profile + ":" + text));
  }
  void Append(const PartitionRef& to, eventlog::Record record) {
    ASSERT_TRUE(eventlog::AppendAndWait(*producer_, to, std::move(record)).ok());
  }
  static eventlog::Record MergeRecord(const std::string& winner, const std::string& loser) {
    events::v1::ProfilesMerged merged;
    merged.set_merge_id("m-" + winner + "-" + loser);
    merged.set_workspace_id("w");
    merged.set_winner_id(winner);
    merged.set_loser_id(loser);
    return {.key = winner,
            .type = std::string(RecordType<events::v1::ProfilesMerged>()),
            .headers = {},
            .value = merged.SerializeAsString()};
  }
  void Merge(const std::string& winner, const std::string& loser) {
    Append(PlaceOf(loser), MergeRecord(winner, loser));
    if (PartitionOf(winner) != PartitionOf(loser)) Append(PlaceOf(winner), MergeRecord(winner, loser));
  }

  std::unique_ptr<projection::Snapshot> At(const std::string& profile) {
    return tasks_[PartitionOf(profile).value()]->TakeSnapshot();
  }
  std::vector<std::string> Said(const std::string& profile) { return Texts(profile, kSaid); }
  std::vector<std::string> Heard(const std::string& profile) { return Texts(profile, kHeard); }
  template <typename T>
  std::vector<std::string> Texts(const std::string& profile, const T& table) {
    std::vector<std::string> texts;
    At(profile)->view().Scan(table, std::tuple(profile), [&](const auto& key, const auto& row) {
      texts.push_back(std::get<1>(key) + (row->value() == 1 ? "" : fmt::format(" x{}", row->value())));
      return true;
    });
    return texts;
  }
  ProfileMoves MovesAt(const std::string& profile) { return MovesOf(At(profile)->view(), "w", profile); }
  std::string Ask(const std::string& profile) {
    std::string answer = "none";
    const int i = PartitionOf(profile).value();
    tasks_[i]->Submit(tributary::processor::Say(fmt::format("r{}", ++requests_), profile + ":?"),
                      [&](absl::StatusOr<Reply> reply) {
                        ASSERT_TRUE(reply.ok()) << reply.status();
                        answer = reply->code == absl::StatusCode::kOk ? "ok" : reply->reason;
                      });
    RunOne(i);
    return answer;
  }

  void ExpectRebuildsTheSame() {
    for (int i = 0; i < kPartitions; ++i) {
      const auto processor = Processor(i);
      const auto store = NewStore();
      TaskOptions options = Options(i);
      options.standby = true;
      options.stop_at = tasks_[i]->status().last_batch;
      const auto standby = Task::Open(options, Deps(store, processor.get())).value();
      while (standby->Step().kind == Progress::Kind::kWorked) {
      }
      EXPECT_EQ(store->TakeSnapshot()->ComputeDigest()->facts_and_decisions,
                stores_[i]->TakeSnapshot()->ComputeDigest()->facts_and_decisions);
    }
  }

  FakeClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  std::shared_ptr<projection::Store> stores_[kPartitions];
  std::unique_ptr<MovingProcessor> processors_[kPartitions];
  std::unique_ptr<Task> tasks_[kPartitions];
  int requests_ = 0;
};

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
