// The log for one machine and one process: RocksDB, one writer thread, one synced write for all who
// wait (DESIGN section 10).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

struct EmbeddedLogOptions {
  // Directory; made if missing, with its parents. One process at a time (RocksDB's lock).
  std::string path;
  // Created on first start. Later starts must name the same logs and counts (FailedPrecondition
  // otherwise, naming the log); new logs may be added. Empty: those that are there, at least one.
  std::vector<LogSpec> logs;
  // Stamps appended_at. Must outlive the log.
  const Clock* clock = nullptr;
  // For the log's id.
  Random* random = nullptr;
  // fdatasync before acknowledging. Off only for benchmarks and simulations.
  bool sync = true;
  // Recent records that are kept decoded so that readers at the end need no disk.
  size_t tail_bytes = 64 << 20;
  // Appends that are not written yet; beyond it Append blocks its caller until there is room.
  size_t max_waiting_bytes = 64 << 20;
  // RocksDB block cache for readers that are behind.
  size_t block_cache_bytes = 32 << 20;
};

// What was acknowledged is there after a crash of the process or (with `sync`) of the machine; what was
// not may be. A write that fails poisons the log (EventLog::Health): nothing is acknowledged any more,
// because the file may hold the failed write or not; opening anew finds out.
// Errors: InvalidArgument (options), FailedPrecondition (other logs than those on disk, or held open
// elsewhere), DataLoss (corrupt), Unavailable (the disk's error).
absl::StatusOr<std::unique_ptr<EventLog>> OpenEmbeddedLog(const EmbeddedLogOptions& options);

}  // namespace tributary::eventlog
