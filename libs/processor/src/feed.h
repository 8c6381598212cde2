// Reads a partition for a task: classifies records by the chain and relay rules, buffers what is not
// covered yet, and finds the task's own valid batches, ahead of the buffer if need be (rules 1, 13, 14, 18).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/wire.h"
#include "tributary/base/clock.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/processor/processor.h"
#include "tributary/processor/task.h"

namespace tributary::processor {

// A record that a task has to process: a fact, or something that moves a chain's or an origin's tip.
struct Item {
  Offset offset;
  bool fact = false;
  // Facts only.
  eventlog::RecordPtr record;
  std::shared_ptr<const events::v1::DecisionBatch> batch;  // of another processor; null for a record
  int32_t depth = 0;
  std::optional<Offset> redrive_of;
  bool relayed = false;
  // What processing it stores; empty if nothing.
  std::string chain;   // processor whose tip becomes `offset`
  std::string source;  // source whose tip becomes `place`
  OutputPlace place;
  // So many records were ignored up to here that a batch shall cover them (rule 3).
  bool checkpoint = false;
  size_t bytes = 0;
  // The facts, made when they are first needed so that each is parsed once; see Task::Impl::FactsOf.
  std::vector<Fact> facts;
};

// A batch of the task's own processor, valid in the order of the log.
struct OwnBatch {
  Offset offset;
  uint64_t incarnation = 0;
  uint64_t counter = 0;
  eventlog::RecordPtr record;
};

// A batch that this incarnation appended and that is void.
struct VoidBatch {
  uint64_t incarnation = 0;
  uint64_t counter = 0;
};

// How long a log is left in peace that could not be reached.
inline constexpr absl::Duration kUnreachablePause = absl::Milliseconds(200);

class Feed {
 public:
  struct Start {
    Offset through{-1};                          // T
    Offset last_batch{-1};                       // L
    std::map<std::string, int64_t> chains;       // as of T
    std::map<std::string, OutputPlace> origins;  // as of T
  };
  Feed(const TaskOptions& options, eventlog::EventLog* log, const Processor* processor, const Clock* clock,
       Start start);

  // Reads at most one poll's worth. True if anything was read. A log that cannot be reached now is as one that says
  // nothing: unreachable() tells. Errors halt the task.
  absl::StatusOr<bool> Pump();
  // The last poll found no log; the next may. Nothing wakes the task for it.
  bool unreachable() const { return unreachable_; }

  // Everything after T that has effect, in order.
  std::deque<Item>& items() { return items_; }
  void PopFront();
  // Items that a batch must cover: facts and checkpoints.
  int64_t covering() const { return covering_; }
  // Valid batches that were found and not consumed yet, oldest first.
  std::deque<OwnBatch>& batches() { return batches_; }
  std::vector<VoidBatch> TakeVoids() { return std::exchange(voids_, {}); }

  // The end of the log has been seen, without a further own batch, when it was here (rule 14).
  Offset end_seen() const { return end_seen_; }
  // Every record before it is in items() or needs nothing.
  Offset read_position() const { return position_; }
  bool AtEnd() const { return position_ == end_seen_; }
  bool Full() const;

  int64_t void_batches() const { return void_batches_; }
  int64_t holes() const { return hole_records_; }
  int64_t open_holes() const { return static_cast<int64_t>(open_holes_.size()); }
  // Since when (monotonic) the oldest open hole is open.
  std::optional<absl::Duration> OldestHole() const;

 private:
  struct Hole {
    absl::Duration since;
    OutputPlace highest;
  };

  absl::StatusOr<eventlog::ReadResult> Poll(eventlog::PartitionReader& reader, const eventlog::ReadLimits& limits);
  absl::StatusOr<bool> PumpAhead();
  absl::Status Take(const eventlog::RecordPtr& record);
  void CheckOwn(const eventlog::RecordPtr& record, const BatchInfo& info);
  absl::Status TakeForeignBatch(const eventlog::RecordPtr& record, const BatchInfo& info);
  absl::Status TakeRecord(const eventlog::RecordPtr& record, RecordInfo info);
  // Applies, duplicates or skips (rule 18).
  absl::StatusOr<bool> InOrder(const RelayInfo& relay, Offset offset);
  int32_t CheckpointEvery() const;
  void Push(Item item);

  const TaskOptions& options_;
  eventlog::EventLog* const log_;
  const Processor* const processor_;
  const Clock* const clock_;
  std::unique_ptr<eventlog::PartitionReader> reader_;
  std::unique_ptr<eventlog::PartitionReader> ahead_reader_;

  std::deque<Item> items_;
  size_t bytes_ = 0;
  int64_t covering_ = 0;
  std::deque<OwnBatch> batches_;
  std::vector<VoidBatch> voids_;
  Offset position_;
  Offset ahead_;  // own batches before it have been looked at
  Offset end_seen_{-1};
  Offset own_tip_;
  // As of the read position; what is stored is as of T (rule 11).
  std::map<std::string, int64_t, std::less<>> chains_;
  std::map<std::string, OutputPlace> origins_;
  std::map<std::string, Hole> open_holes_;
  bool unreachable_ = false;
  int32_t ignored_ = 0;
  int64_t void_batches_ = 0;
  int64_t hole_records_ = 0;
};

}  // namespace tributary::processor
