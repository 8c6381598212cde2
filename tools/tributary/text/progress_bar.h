// One line on a terminal that tells how far a long operation has come.
#pragma once

#include <cstdint>
#include <ostream>
#include <string>

#include "absl/time/time.h"
#include "tributary/base/clock.h"

namespace tributary::cli {

// Thread-compatible. Draws at most ten times a second, and nothing where it is not enabled.
class ProgressBar {
 public:
  // `unit`: what is counted, e.g. "rows". Both references must outlive it.
  ProgressBar(std::ostream& err, const Clock& clock, bool enabled, std::string unit);
  // `done` of `total` (bytes, records) is for the share and the time left; total 0: not known.
  void Update(int64_t count, int64_t done, int64_t total);
  // Clears the line; Update() draws it anew. Before anything else is printed.
  void Clear();

 private:
  std::ostream& err_;
  const Clock& clock_;
  const bool enabled_;
  const std::string unit_;
  const absl::Duration started_;
  absl::Duration drawn_ = -absl::InfiniteDuration();
  int64_t first_done_ = -1;
  int64_t first_count_ = 0;
  bool on_screen_ = false;
};

}  // namespace tributary::cli
