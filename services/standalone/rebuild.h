// Builds the projections of a stopped server anew from its log.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "standalone/tasks.h"

namespace tributary::standalone {

struct RebuildResult {
  TaskName task;
  std::string digest_before;  // 16 bytes, of facts and decisions; empty if there was no projection
  std::string digest_after;
  uint64_t records = 0;  // facts applied
  absl::Duration elapsed;
};

using RebuildProgress = std::function<void(const TaskName& task, uint64_t facts, int64_t through, int64_t end)>;

// For each task: digests the projection that is there, applies the log once, from front to back, into an
// empty one beside it, and puts that in its place. Nothing is decided, relayed or sent. FailedPrecondition
// if a server uses the directory. If it is ended midway, the projections not yet replaced are as they were.
absl::StatusOr<std::vector<RebuildResult>> RebuildAll(const std::string& data_dir, const Clock& clock,
                                                      const RebuildProgress& progress);

}  // namespace tributary::standalone
