// The inside of a Task. task.cc: opening, stepping, status; task_decide.cc: segments and batches;
// task_follow.cc: recorded batches, commits; then one file for each other kind of input.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/feed.h"
#include "src/relay.h"
#include "src/tables.h"
#include "tributary/processor/task.h"

namespace tributary::processor {

// A command and whoever waits for its answer.
struct WaitingCommand {
  Command command;
  std::string digest;
  std::vector<std::pair<std::string, ReplyFn>> waiters;  // digest of each one's own body
};

struct EffectResult {
  std::string effect_id;
  int32_t attempt;
  EffectOutcome outcome;
};

// The facts in (T, through] and the decisions of one batch, while the batch is not committed (rule 7).
struct PendingSegment {
  enum class Stage { kOpen, kClosed, kSent, kAcknowledged };
  Stage stage = Stage::kOpen;
  uint64_t counter = 0;
  absl::Time now;
  Offset through{-1};
  int32_t facts = 0;     // covered
  int64_t items = 0;     // of the feed, facts and others
  int64_t covering = 0;  // of those, facts and checkpoints
  bool checkpoint = false;
  size_t bytes = 0;  // of the batch, near enough
  std::shared_ptr<events::v1::DecisionBatch> batch = std::make_shared<events::v1::DecisionBatch>();
  FactRecords patched;  // facts that outputs refer to
  std::vector<WaitingCommand> commands;
  std::vector<std::string> claims;     // effects that it claims
  std::vector<EffectResult> outcomes;  // of calls, that it records
  absl::Time last_fact_appended_at = absl::InfinitePast();
  // Once sent.
  eventlog::Record record;
  Offset offset{-1};  // once acknowledged
  int32_t sends = 0;

  bool HasContent() const { return batch->decisions_size() + batch->outputs_size() + batch->replies_size() > 0; }
  // Opened for nothing, e.g. for a command that decided nothing: it waits for what comes.
  bool Unused() const { return stage == Stage::kOpen && covering == 0 && !HasContent(); }
};

class Task::Impl {
 public:
  Impl(const TaskOptions& options, const TaskDeps& deps);
  ~Impl();
  absl::Status Open();
  Progress Step();
  absl::Status Close();

  void Submit(Command command, ReplyFn done);
  void WhenVisible(Offset position, absl::Time deadline, SnapshotFn done);
  void WhenRelayed(Offset position, absl::Time deadline, std::function<void(absl::Status)> done);
  TaskStatus status() const;
  void OnWake(std::function<void()> wake);

  const TaskOptions& options() const { return options_; }
  const TaskDeps& deps() const { return deps_; }
  bool Quiet() const;
  absl::Time NextTimer() const;

 private:
  // Called by threads of the log and of the channels, also after the task is gone.
  struct Wake {
    std::mutex mutex;
    std::function<void()> fn;
    void Call() {
      std::lock_guard lock(mutex);
      if (fn) fn();
    }
  };
  struct AppendResult {
    uint64_t counter;
    int32_t send;
    absl::StatusOr<Offset> result;
  };
  struct Inbox {
    std::mutex mutex;
    std::vector<AppendResult> appends;
    std::vector<EffectResult> effects;
  };
  struct VisibleWaiter {
    Offset position;
    absl::Time deadline;
    SnapshotFn done;                            // or
    std::function<void(absl::Status)> relayed;  // of WhenRelayed
    Offset batch{-1};                           // outputs up to this batch are waited for; -1: not visible yet
  };
  static void Answer(VisibleWaiter& waiter, const absl::Status& why);
  void AddWaiter(VisibleWaiter waiter);

  // --- task.cc
  absl::StatusOr<bool> StepOnce();
  absl::Status LoadPosition(Feed::Start* start);
  absl::Status CheckLog(const storage::v1::TaskPosition& position);
  bool DropVoid();
  void Halt(const absl::Status& why);
  void PublishStatus();
  void ExportMetrics();
  void AnswerVisible();
  absl::Duration IdleFor() const;
  View view() { return View(overlay_->reader()); }
  KindView<Kind::kFacts> facts_view() { return KindView<Kind::kFacts>(overlay_->reader()); }
  KindView<Kind::kDecisions> decisions_view() { return KindView<Kind::kDecisions>(overlay_->reader()); }
  template <Kind K>
  Writer<K> writer() {
    return Writer<K>(MakeWriteRight(), overlay_->writer(MakeWriteRight()));
  }

  // --- task_decide.cc
  absl::StatusOr<bool> DecideSome();
  bool CaughtUp() const;
  absl::Status NoteDue();
  // All facts before `end` are in pending segments or committed.
  bool TakenBefore(Offset end) const;
  void OpenSegment();
  PendingSegment& open() { return pending_.back(); }
  bool HasOpen() const { return !pending_.empty() && pending_.back().stage == PendingSegment::Stage::kOpen; }
  absl::StatusOr<bool> DecideFacts();
  void PrefetchFrom(size_t first);
  absl::Status DecideItem(Item& item);
  absl::Status DecideFact(const Fact& fact, const Item& item);
  absl::Status DeadLetter(const Fact& fact, const Item& item, std::string reason, std::string message);
  // Adds what was decided to the open segment and applies it.
  absl::Status Record(Decided decided, const events::v1::Cause& cause, int32_t depth, const Item* item);
  absl::Status RecordDecision(const Decision& decision, const events::v1::Cause& cause, int32_t depth);
  bool Full(const PendingSegment& segment) const;
  bool ShouldClose(const PendingSegment& segment, bool caught_up) const;
  absl::Status CloseOpen();
  absl::StatusOr<bool> SendNext();
  void SendBytes(PendingSegment& segment);
  absl::StatusOr<bool> TakeAppendResults();
  absl::StatusOr<bool> CommitAhead();
  void FinishOutputs(PendingSegment& segment);

  // --- task_follow.cc
  absl::StatusOr<bool> TakeOwnBatch();
  absl::Status CommitOwn(Offset offset);
  absl::StatusOr<bool> Follow();
  void PrefetchFollowing();
  absl::Status FollowFactsThrough(Offset through);
  absl::Status ApplyItem(Item& item);
  absl::Status ApplyFact(const Fact& fact);
  void ApplyDecision(const Decision& decision, absl::Time now);
  void Derive();
  void StoreTips(const Item& item);
  const std::vector<Fact>& FactsOf(Item& item) const;
  void DropPending();
  absl::Status Commit(const events::v1::DecisionBatch& batch, Offset offset, absl::Time last_fact_appended_at);
  void PruneReplies(absl::Time now);

  // --- task_commands.cc
  // Takes both, if it is OK.
  absl::Status QueueCommand(Command& command, ReplyFn& done);
  absl::StatusOr<bool> DecideCommands();
  absl::Status DecideCommand(WaitingCommand& waiting);
  absl::StatusOr<Reply> RecordedReply(const storage::v1::ReplyRow& row, const std::string& digest) const;
  void ReleaseReplies(PendingSegment& segment);
  void RefuseCommands(const absl::Status& why);

  // --- task_redrive.cc
  std::optional<Decided> DecideRedrive(const Command& command);

  // --- task_timers.cc
  absl::StatusOr<bool> FireTimers(absl::Time as_of);
  void RefreshNextTimer();

  // --- task_effects.cc
  absl::StatusOr<bool> DecideEffects();
  absl::Status DecideReadyEffect(const std::string& effect_id, const storage::v1::EffectRow& row);
  absl::Status EndEffect(const EffectResult& result);
  void CallClaimed(const events::v1::DecisionBatch& batch, bool own);

  // --- task_internal.cc
  // False if the decision is the processor's.
  bool ApplyInternal(const Decision& decision, absl::Time now);

  const TaskOptions options_;
  const TaskDeps deps_;
  const uint64_t incarnation_;
  std::unique_ptr<projection::Overlay> overlay_;
  std::unique_ptr<Feed> feed_;
  std::unique_ptr<Relay> relay_;  // while deciding
  std::unique_ptr<eventlog::Producer> producer_;
  std::shared_ptr<Wake> wake_ = std::make_shared<Wake>();
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::shared_ptr<void> watch_;

  // Committed.
  Offset last_batch_{-1};  // L
  Offset through_{-1};     // T
  absl::Time decided_at_ = absl::InfinitePast();
  int64_t birth_ = -1;
  OutputPlace relayed_;
  uint64_t fingerprint_ = 0;
  std::map<PartitionRef, OutputPlace> outbound_;

  // Deciding.
  TaskState state_ = TaskState::kFollowing;
  std::deque<PendingSegment> pending_;
  size_t taken_ = 0;            // items at the feed's front that pending segments hold
  int64_t taken_covering_ = 0;  // of those, facts and checkpoints
  uint64_t next_counter_ = 1;
  std::map<PartitionRef, OutputPlace> sent_outbound_;  // with those of acknowledged segments
  absl::Duration last_append_ = -absl::InfiniteDuration();
  absl::Duration resend_at_ = -absl::InfiniteDuration();
  absl::Time last_fact_appended_at_ = absl::InfinitePast();
  absl::Time next_timer_ = absl::InfiniteFuture();
  bool timers_changed_ = true;
  // Timers that were due, and effects that were open, when the log ended at `end`: they wait for the facts before it,
  // not for those since, or unbroken load would starve them.
  struct Due {
    Offset end;
    absl::Time as_of;
  };
  std::optional<Due> due_;
  absl::flat_hash_set<std::string> in_flight_effects_;
  std::vector<EffectResult> ended_effects_;
  bool effects_open_ = true;  // there may be effects without an outcome

  // Following one recorded batch.
  struct Following {
    OwnBatch own;
    std::shared_ptr<events::v1::DecisionBatch> batch;
    std::map<std::pair<int64_t, int32_t>, bool> dead;
    int32_t next_decision = 0;
    Offset prefetched{-1};
    absl::Time last_fact_appended_at = absl::InfinitePast();
  };
  std::optional<Following> following_;

  // Shared with other threads.
  mutable std::mutex mutex_;
  std::deque<WaitingCommand> commands_;
  std::vector<VisibleWaiter> waiters_;
  TaskStatus status_;    // published
  TaskStatus counters_;  // the task's own
  metrics::TaskMetrics metrics_;
  TaskStatus exported_;  // what metrics_ has counted
  absl::Duration exported_at_ = -absl::InfiniteDuration();
  absl::Time published_next_timer_ = absl::InfiniteFuture();
  std::atomic<bool> quiet_{false};
};

}  // namespace tributary::processor
