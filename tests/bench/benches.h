// The benchmarks, each adding its rows.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "report.h"

namespace tributary::bench {

struct Settings {
  std::string directory;     // scratch, on the disk that is measured
  int64_t events = 200'000;  // of the component benchmarks
  int64_t footprint_events = 1'000'000;
  std::string server_binary;  // tributary, for what needs a process of its own
};

void BenchProfile(const Settings& settings, Report& report);
void BenchSegments(const Settings& settings, Report& report);
void BenchIdentity(const Settings& settings, Report& report);
void BenchMerge(const Settings& settings, Report& report);
void BenchIngest(const Settings& settings, Report& report);
void BenchIngestCalls(const Settings& settings, Report& report);
void BenchLive(const Settings& settings, Report& report);
void BenchPipeline(const Settings& settings, Report& report);

// Ends the process with `what` if the status is not OK.
void Must(const absl::Status& status, const char* what);
template <typename T>
T OrDie(absl::StatusOr<T> value, const char* what) {
  Must(value.status(), what);
  return *std::move(value);
}

}  // namespace tributary::bench
