// "Read what I wrote": a write returns a token, a read that carries it waits until it is visible
// (DESIGN section 5).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/processor/task_host.h"

namespace tributary::processor {

// A place in some partition that has to be visible.
struct TokenPosition {
  PartitionRef partition;
  Offset offset;
  friend bool operator==(const TokenPosition&, const TokenPosition&) = default;
};

// Opaque to clients; at most 64 positions. Holds no personal data.
std::string EncodeToken(const std::vector<TokenPosition>& positions);
// InvalidArgument (reason INVALID_TOKEN, field "token") if it is none of ours. "" is no positions.
absl::StatusOr<std::vector<TokenPosition>> DecodeToken(std::string_view token);

// Both tokens in one; either may be empty. InvalidArgument as DecodeToken.
absl::StatusOr<std::string> JoinTokens(std::string_view a, std::string_view b);

// Waits for tokens on behalf of reads. Thread-safe.
class ReadGate {
 public:
  // As Task::WhenRelayed(), of a task of another process.
  using AwaitRelayedFn =
      std::function<void(const TokenPosition& position, absl::Time deadline, std::function<void(absl::Status)> done)>;
  // A log whose facts reach other logs through the tasks of one processor, e.g. intake by identity.
  struct Upstream {
    std::string log;
    std::string processor;
    // Asked where the host has no such task. Null: there are none elsewhere.
    AwaitRelayedFn elsewhere = nullptr;
  };
  // All must outlive the gate and its calls.
  ReadGate(const TaskHost* host, eventlog::EventLog* log, std::vector<Upstream> upstreams);

  // Calls `done` with a snapshot of `reader` in which every position of the token that can concern it is
  // visible. A position of another partition of the reader's own log does not concern it. Errors:
  // InvalidArgument, DeadlineExceeded, Unavailable. `done` may run on this thread or on a task's.
  void Read(Task* reader, std::string_view token, absl::Time deadline, SnapshotFn done) const;

 private:
  const TaskHost* const host_;
  eventlog::EventLog* const log_;
  const std::vector<Upstream> upstreams_;
};

}  // namespace tributary::processor
