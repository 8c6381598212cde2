// How far a file has been sent, kept beside it, so that an interrupted run goes on where it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tributary::cli {

struct Progress {
  std::string digest;  // of the file
  std::string source_id;
  int64_t lines = 0;  // acknowledged in order: all up to this one
  int64_t accepted = 0;
  int64_t rejected = 0;
};

// What is kept at `path`, or nothing. FailedPrecondition if it is of another content or source, or is none of ours:
// then the lines that it counts mean nothing.
absl::StatusOr<std::optional<Progress>> LoadProgress(const std::string& path, const std::string& digest,
                                                     const std::string& source_id);
// Replaces it as a whole. Not synced: what is lost is sent again, and that is harmless.
absl::Status SaveProgress(const std::string& path, const Progress& progress);
void RemoveProgress(const std::string& path);

}  // namespace tributary::cli
