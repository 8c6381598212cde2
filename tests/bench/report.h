// One table of measurements, each against a baseline of the same run: machines are noisy, ratios less so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace tributary::bench {

struct Row {
  std::string name;  // snake_case, stable: scripts compare runs by it
  double value = 0;
  std::string unit;
  // What the same work costs without us, in the same unit; nothing if there is no such thing.
  std::optional<double> baseline;
  std::string baseline_name;
  // For ratios: value / baseline must be at least (rates) or at most (latencies, sizes) this.
  std::optional<double> goal;
  bool lower_is_better = false;

  std::optional<double> Ratio() const;
  // Nothing if there is no goal.
  std::optional<bool> Met() const;
};

class Report {
 public:
  void Add(Row row);
  // To standard output as each row comes.
  static void PrintHeader();
  absl::Status WriteJson(const std::string& path) const;

 private:
  std::vector<Row> rows_;
};

// Seconds that `work` took, by the monotonic clock.
double Seconds(const std::function<void()>& work);

// The value below which `share` (0..1) of the samples lie; sorts them.
double Percentile(std::vector<double>& samples, double share);

}  // namespace tributary::bench
