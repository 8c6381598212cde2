// A service that keeps state by profile, and a task of it on each of three partitions. Profiles live in the partition
// of their first letter: a.., b.., c..
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench.h"
#include "tributary/processor/moves.h"

namespace tributary::processor {

// (profile, text) -> how often a fact said it, and a decision.
inline constexpr projection::Table<Kind::kFacts, std::tuple<std::string, std::string>, Int64Value> kSaid{32, "said"};
inline constexpr projection::Table<Kind::kDecisions, std::tuple<std::string, std::string>, Int64Value> kHeard{33,
                                                                                                              "heard"};
// (profile, text) -> how often it was decided that the profile has lost, or is whole, and what was there then.
inline constexpr projection::Table<Kind::kDecisions, std::tuple<std::string, std::string>, Int64Value> kMoments{
    34, "moments"};

inline constexpr int kPartitions = 3;

inline std::pair<std::string, std::string> Split(const std::string& text) {
  const size_t colon = text.find(':');
  return {text.substr(0, colon), text.substr(colon + 1)};
}

// Facts "profile:text"; each is decided as heard. Besides, what begins with "remind" arms a timer for an hour later, or
// as many milliseconds earlier as a number behind it says, whose firing is heard, too; "do x" requests an effect x,
// whose outcome is heard; "echo3" puts out "echo2", and so on. What begins with "quiet" need not be held, with "bad" is
// malformed.
class Notebook final : public MovableProcessor {
 public:
  explicit Notebook(size_t rows_per_part) : rows_per_part_(rows_per_part) {}
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
    if (decision.type == "moment") {
      out.Put(kMoments, {profile, text}, Number(CountIn(decisions, kMoments, profile, text) + 1));
    } else {
      out.Put(kHeard, {profile, text}, Number(CountIn(decisions, kHeard, profile, text) + 1));
    }
  }
  void Derive(const Changes&, const View&, Writer<Kind::kCaches>&) override {}
  Decided Decide(const Input& input, const View&, absl::Time now) override {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input)) {
      decided.decisions.push_back(Note(TextOf(fact->value)));
      const auto [profile, text] = Split(TextOf(fact->value));
      if (text.starts_with("remind")) {
        const auto earlier = absl::Milliseconds(std::atoi(text.c_str() + 6));
        decided.decisions.push_back(ArmTimer(profile, text, now + absl::Hours(1) - earlier));
      } else if (text.starts_with("do ")) {
        const char* const channel = text == "do sure" ? "idempotent" : "mail";
        decided.decisions.push_back(RequestEffect(EffectIdOf(profile, text.substr(3)), channel, ""));
      } else if (text.starts_with("echo") && text != "echo0") {
        decided.outputs.push_back(WordTo({"journey", Partition(profile.front() - 'a')},
                                         fmt::format("{}:echo{}", profile, std::atoi(text.c_str() + 4) - 1)));
      }
    } else if (const auto* timer = std::get_if<DueTimer>(&input)) {
      decided.decisions.push_back(Note(timer->key + ":" + timer->id + "ed"));
    } else if (const auto* command = std::get_if<Command>(&input)) {
      decided.reply = Reply::Ok(Text(command->request_id));
    }
    return decided;
  }

  absl::Status CheckFact(const Fact& fact) const override {
    if (!Split(TextOf(fact.value)).second.starts_with("bad")) return absl::OkStatus();
    return InvalidField("BAD_WORD", "text", "is bad", "Mind your words");
  }
  std::optional<std::string> ProfileOf(const Fact& fact) const override { return Split(TextOf(fact.value)).first; }
  std::optional<std::string> ProfileOf(const Command& command) const override {
    return Split(TextOf(Payload(command.body))).first;
  }
  bool MustBeHeld(const Fact& fact) const override { return !Split(TextOf(fact.value)).second.starts_with("quiet"); }
  absl::Status ApplyMerge(const events::v1::ProfilesMerged&, bool, bool, const KindView<Kind::kFacts>&,
                          Writer<Kind::kFacts>&) override {
    return absl::OkStatus();
  }
  CopiedRows CopyRows(const View& view, const std::string&, const std::string& profile, std::string_view cursor,
                      int32_t max_rows, size_t) const override {
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
    const size_t to = from + std::min(rows_per_part_, static_cast<size_t>(max_rows));
    CopiedRows copied;
    for (size_t i = from; i < all.size() && i < to; ++i) copied.rows.push_back(all[i]);
    if (to < all.size()) copied.next = std::to_string(to);
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
  Decided DecideLost(const events::v1::ProfilesMerged& merged, const View&, absl::Time) override {
    Decided decided;
    decided.decisions.push_back(Moment(merged.loser_id() + ":lost"));
    return decided;
  }
  Decided DecideWhole(const std::string&, const std::string& profile, const View& view, absl::Time) override {
    const auto rows = [&](const auto& table) {
      int count = 0;
      view.Scan(table, std::tuple(profile), [&](const auto&, const auto&) { return ++count > 0; });
      return count;
    };
    Decided decided;
    decided.decisions.push_back(Moment(fmt::format("{}:whole: {} said, {} heard", profile, rows(kSaid), rows(kHeard))));
    return decided;
  }
  Decided DecideOutcome(const EndedEffect& ended, const std::string& profile, const View&, absl::Time) override {
    const char* const how = ended.status == EffectStatus::kDelivered  ? "done"
                            : ended.status == EffectStatus::kWithheld ? "withheld"
                                                                      : "?";
    Decided decided;
    decided.decisions.push_back(
        Note(fmt::format("{}:{} {}", profile, ended.effect_id.substr(ended.effect_id.find('/') + 1), how)));
    return decided;
  }
  std::string Forward(const Fact& fact, const std::string& winner) const override {
    return Text(winner + ":" + Split(TextOf(fact.value)).second).SerializeAsString();
  }

 private:
  const size_t rows_per_part_;
  static Decision Moment(const std::string& text) { return {"moment", Payload::Of(Text(text))}; }
  template <typename T>
  static int64_t CountIn(const KindView<Kind::kDecisions>& view, const T& table, const std::string& profile,
                         const std::string& text) {
    const auto row = view.Get(table, {profile, text});
    return row == nullptr ? 0 : row->value();
  }
};

inline Partition PartitionOf(std::string_view profile) { return Partition(profile.front() - 'a'); }
inline PartitionRef PlaceOf(std::string_view profile) { return {"journey", PartitionOf(profile)}; }

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
    tasks_[i].reset();  // before the processor that it uses
    processors_[i] = Processor(i);
    tasks_[i] = Task::Open(Options(i), Deps(stores_[i], processors_[i].get())).value();
  }
  std::unique_ptr<MovingProcessor> Processor(int i) const {
    return std::make_unique<MovingProcessor>(std::make_unique<Notebook>(rows_per_part_),
                                             PartitionRef{"journey", Partition(i)},
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
    return {.log = log_.get(),
            .store = std::move(store),
            .processor = processor,
            .clock = &clock_,
            .random = &random_,
            .effects = channels_.get()};
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
  std::vector<std::string> Moments(const std::string& profile) { return Texts(profile, kMoments); }
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

  // What is opened from then on asks nobody to do effects.
  void WithoutChannels() {
    channels_.reset();
    for (int i = 0; i < kPartitions; ++i) Open(i);
  }
  // What came to the partition of `profile` as forwarded, in order.
  std::vector<events::v1::FactForwarded> ForwardedTo(const std::string& profile) {
    std::vector<events::v1::FactForwarded> all;
    const std::vector<eventlog::RecordPtr> records = eventlog::ReadAll(*log_, PlaceOf(profile)).value();
    for (const eventlog::RecordPtr& record : records) {
      if (record->record.type != RecordType<events::v1::FactForwarded>()) continue;
      EXPECT_TRUE(all.emplace_back().ParseFromString(record->record.value));
    }
    return all;
  }
  // The depth of the first fact "profile:text" that came out of a decision.
  std::string DepthOf(const std::string& profile, const std::string& text) {
    const std::vector<eventlog::RecordPtr> records = eventlog::ReadAll(*log_, PlaceOf(profile)).value();
    for (const eventlog::RecordPtr& record : records) {
      if (record->record.type != "word" || TextOf(Payload(record->record.value)) != profile + ":" + text) continue;
      if (const auto depth = record->record.FindHeader("d")) return std::string(*depth);
    }
    return "none";
  }

  size_t rows_per_part_ = 3;
  FakeClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<FakeChannels> channels_ = std::make_unique<FakeChannels>();
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  std::shared_ptr<projection::Store> stores_[kPartitions];
  std::unique_ptr<MovingProcessor> processors_[kPartitions];
  std::unique_ptr<Task> tasks_[kPartitions];
  int requests_ = 0;
};

}  // namespace tributary::processor
