// An EventLog in memory, for tests of what stands on one. Passes the contract, but for reopening.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/base/clock.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

struct MemoryLogOptions {
  std::vector<LogSpec> logs;
  // Stamps appended_at. Must outlive the log.
  const Clock* clock = nullptr;
  std::string id = "memory-log";
  // Append completes inside the call, callbacks and wakes included: for tests of one thread, which then
  // run the same way each time. Otherwise a thread of the log's appends.
  bool synchronous = true;
};

// Thread-safe.
class MemoryLog : public EventLog {
 public:
  // From now on appends that would succeed fail with `error` (and end their session's way to that
  // partition), and Health() returns it; OK mends the log.
  virtual void FailAppends(absl::Status error) = 0;
};

// Errors: InvalidArgument (options).
absl::StatusOr<std::unique_ptr<MemoryLog>> MakeMemoryLog(const MemoryLogOptions& options);

}  // namespace tributary::eventlog
