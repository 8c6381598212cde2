// Sends the outputs of valid batches to their targets, in order, until each was acknowledged
// (rules 16 to 19).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "src/wire.h"
#include "tributary/base/clock.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/processor/task.h"

namespace tributary::processor {

// Facts that patched outputs name, by offset.
using FactRecords = std::map<int64_t, eventlog::RecordPtr>;

class Relay {
 public:
  // `relayed`: everything up to here was acknowledged. `committed`: the last valid batch. Made when a task
  // starts to decide.
  Relay(const TaskOptions& options, eventlog::EventLog* log, std::string_view processor, const Clock* clock,
        OutputPlace relayed, Offset committed, std::function<void()> wake);
  ~Relay();

  // A valid batch was committed; the next one after the last. Kept in memory if there is room, else
  // read from the log later.
  void Committed(Offset offset, Offset previous, std::shared_ptr<const events::v1::DecisionBatch> batch,
                 FactRecords facts, bool own);
  // Sends and takes acknowledgements. True if it did anything. Errors halt the task.
  absl::StatusOr<bool> Step();

  // End of the unbroken run of acknowledgements (rule 19).
  OutputPlace relayed() const { return relayed_; }
  // All outputs of the batches up to `batch` are acknowledged.
  bool RelayedThrough(Offset batch) const;
  // All outputs of all committed batches are acknowledged.
  bool Idle() const;
  // So much waits that no new segment should be opened.
  bool Congested() const { return queued_bytes_ >= kMaxQueuedBytes; }
  int64_t backlog() const { return static_cast<int64_t>(queue_.size() + in_flight_.size()); }
  int64_t acknowledged() const { return acknowledged_; }
  // When to try again after a failure (monotonic).
  std::optional<absl::Duration> RetryAt() const;

 private:
  static constexpr size_t kMaxQueuedBytes = 16 << 20;
  static constexpr size_t kMaxInFlight = 4096;

  struct Waiting {
    OutputPlace place;
    eventlog::PartitionRef target;
    eventlog::Record record;
    size_t bytes = 0;
    bool acknowledged = false;
  };
  struct Completion {
    uint64_t session;
    uint64_t sequence;
    absl::Status status;
  };
  // Filled by the log's threads; outlives this object in their hands.
  struct Inbox {
    std::mutex mutex;
    std::vector<Completion> completions;
  };

  absl::StatusOr<bool> ScanLog();
  absl::Status Enqueue(Offset offset, const events::v1::DecisionBatch& batch, FactRecords facts);
  absl::StatusOr<eventlog::RecordPtr> ReadFact(Offset offset);
  bool TakeCompletions();
  absl::StatusOr<bool> Send();
  void NewSession();

  const TaskOptions& options_;
  eventlog::EventLog* const log_;
  const std::string processor_;
  const std::string source_;
  const Clock* const clock_;
  const std::function<void()> wake_;

  OutputPlace relayed_;
  Offset committed_;  // last valid batch
  // Last batch whose outputs were queued; while it is behind committed_, the log is read.
  Offset enqueued_{-1};
  // The batch at the relay position: valid, and to be looked at again, for it may have more outputs.
  std::optional<Offset> first_;
  std::unique_ptr<eventlog::PartitionReader> scan_reader_;
  std::unique_ptr<eventlog::PartitionReader> fact_reader_;

  std::deque<Waiting> queue_;      // not sent in this session
  std::deque<Waiting> in_flight_;  // sent, not all acknowledged
  size_t queued_bytes_ = 0;
  bool unreachable_ = false;  // the log, at the last step
  uint64_t session_ = 0;
  uint64_t first_sequence_ = 0;  // of in_flight_.front(), in this session
  uint64_t next_sequence_ = 0;
  std::unique_ptr<eventlog::Producer> producer_;
  std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  int32_t failures_ = 0;
  absl::Duration retry_at_ = -absl::InfiniteDuration();
  int64_t acknowledged_ = 0;
  absl::Status refused_;  // by the log, for good
};

}  // namespace tributary::processor
