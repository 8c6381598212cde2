// One service on one partition: applies, decides, stands by and rebuilds (docs/protocol.md). The rules
// are cited by number in the code.
//
//              Open
//               │
//               ▼      a valid batch of somebody else's       end of log seen,
//          ┌─────────┐ ◀───────────────────────────────── ┌──────────┐
//          │following│                                     │ deciding │
//          └─────────┘ ──────────────────────────────────▶ └──────────┘
//               │        end of log seen without a batch        │
//               └───────────────┬───────────────────────────────┘
//                               ▼ own code, disk, derived record, open hole, truncated log
//                            halted (for good: restart the process)
//
// A standby stays in `following`. Nothing else exists: rebuilding is following into an empty store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/metrics/task_metrics.h"
#include "tributary/processor/effects.h"
#include "tributary/processor/processor.h"
#include "tributary/projection/overlay.h"
#include "tributary/projection/store.h"

namespace tributary::processor {

// Faults of PROTOCOL.md's last section, planted on purpose so that the simulator can show that it
// finds them. All off but in tests.
struct Faults {
  bool skip_compare_and_set = false;
  bool commit_before_read_back = false;
  bool high_water_mark = false;
  bool facts_committed_ahead = false;
  bool timers_outside_segment = false;
  bool keep_pending_on_foreign_batch = false;
  bool early_reply = false;
  bool position_as_highest_ack = false;
  bool relay_only_own = false;
  bool claim_without_incarnation = false;
};

struct TaskOptions {
  PartitionRef partition;
  // Never decides, relays or calls; follows what others decided.
  bool standby = false;
  // Stop for good after the batch at this offset (for verification); standby only.
  std::optional<Offset> stop_at;
  // Where copies of what could not be applied go; none if unset.
  std::optional<PartitionRef> dead_letter;

  // Bounds. A batch closes at so many facts or bytes.
  int32_t max_facts_per_batch = 1'000;
  size_t max_batch_bytes = 512 << 10;
  // Timers, commands and effects decided in one step.
  int32_t max_inputs_per_step = 1'000;
  // Segments that are appended or wait to be.
  int32_t max_pending_segments = 3;
  // Records read ahead of the commit.
  size_t max_buffered_records = 24'000;
  size_t max_buffered_bytes = 16 << 20;
  // Ignored records that are covered by an empty batch of their own. More than there are processors on the
  // partition, and half of max_buffered_records too, or they would cover each other's covers for ever.
  int32_t max_ignored_records = 10'000;
  // A decision deeper than this dead-letters its fact.
  int32_t max_depth = 16;
  size_t max_waiting_commands = 1'000;
  // An empty batch is appended when the task has caught up and its last batch is so old.
  absl::Duration empty_batch_age = absl::Milliseconds(10);
  // A hole in a relayed sequence that stays open for so long halts the task.
  absl::Duration max_hole_age = absl::Seconds(60);
  // A claim by another incarnation without an outcome for so long is taken to be gone.
  absl::Duration claim_timeout = absl::Seconds(60);
  Faults faults;
};

struct TaskDeps {
  eventlog::EventLog* log = nullptr;
  std::shared_ptr<projection::Store> store;
  Processor* processor = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;
  EffectChannels* effects = nullptr;  // null: effects are never claimed
  metrics::TaskMetrics metrics = {};  // default: counts nowhere
};

enum class TaskState { kFollowing, kDeciding, kHalted, kStopped };

// Replies are kept for so long. Part of the format: every reader prunes the same.
inline constexpr absl::Duration kReplyRetention = absl::Hours(24 * 7);

// Counters since the task was opened, and where it is. A copy.
struct TaskStatus {
  TaskState state = TaskState::kFollowing;
  bool standby = false;   // never decides
  absl::Status halted;    // why, if halted
  Offset last_batch{-1};  // L
  Offset through{-1};     // T
  Offset visible{-1};     // no uncovered fact at or before it
  Offset end{0};          // end of the log when last seen
  absl::Time decided_at = absl::InfinitePast();
  absl::Time last_fact_appended_at = absl::InfinitePast();  // of the newest committed fact
  int64_t facts = 0;
  int64_t decisions = 0;
  int64_t batches = 0;
  int64_t empty_batches = 0;
  int64_t void_batches = 0;
  int64_t foreign_batches = 0;
  int64_t commits = 0;
  absl::Duration commit_time = absl::ZeroDuration();  // sum over commits
  int64_t commands = 0;
  int64_t replies_repeated = 0;
  int64_t timers_fired = 0;
  int64_t relayed = 0;
  int64_t relay_backlog = 0;
  int64_t holes = 0;
  int64_t open_holes = 0;
  int64_t dead_letters = 0;
  int64_t effect_calls = 0;
};

// What Step did.
struct Progress {
  enum class Kind { kWorked, kIdle, kHalted };
  Kind kind = Kind::kIdle;
  // For kIdle: step again at this time at the latest (a timer, an empty batch), or when woken.
  absl::Duration idle_for = absl::InfiniteDuration();
};

// OK with the recorded reply (a rejection is a reply), or why there is none: ResourceExhausted (too
// many wait), Unavailable (shutting down, halted, or a standby). Called once, on the task's thread.
using ReplyFn = std::function<void(absl::StatusOr<Reply>)>;
// A snapshot in which the position is visible; or DeadlineExceeded, Unavailable.
using SnapshotFn = std::function<void(absl::StatusOr<std::unique_ptr<projection::Snapshot>>)>;

// A state machine on one thread; never blocks for the outside, never sleeps.
class Task {
 public:
  // FailedPrecondition: the store belongs to another log, processor or format (build it anew); DataLoss:
  // the log is shorter than the store remembers, or another record stands where it was.
  static absl::StatusOr<std::unique_ptr<Task>> Open(const TaskOptions& options, const TaskDeps& deps);
  // What is pending is forgotten, as in a crash; waiting commands and reads are answered Unavailable.
  ~Task();
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  // Does a bounded piece of work. One thread at a time.
  Progress Step();
  // Stores the relay's position so that a next start sends nothing again. After the last Step.
  absl::Status Close();

  // Thread-safe from here on.

  void Submit(Command command, ReplyFn done);
  // Calls `done` when `position` is visible, on the task's thread, or at once if it is already. Deadlines are by the
  // clock's WallNow().
  void WhenVisible(Offset position, absl::Time deadline, SnapshotFn done);
  // Calls `done` when `position` is visible and every output of the batches that were committed then was
  // acknowledged by its target: what follows from that fact can be read there.
  void WhenRelayed(Offset position, absl::Time deadline, std::function<void(absl::Status)> done);
  // What is committed now.
  std::unique_ptr<projection::Snapshot> TakeSnapshot() const;
  TaskStatus status() const;
  // Nothing uncovered, due, unrelayed or in flight, as of the last Step, and since then no timer has fallen due and
  // nothing was appended to the partition.
  bool Quiet() const;
  // The earliest timer, as of the last Step; infinite future if none.
  absl::Time NextTimer() const;
  // `wake` is called when there may be work; quick, thread-safe, may be called within Step.
  void OnWake(std::function<void()> wake);
  const PartitionRef& partition() const;
  const Processor& processor() const;

 private:
  class Impl;
  friend class Impl;
  explicit Task(std::unique_ptr<Impl> impl);
  static projection::WriteRight MakeWriteRight() { return {}; }
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::processor
