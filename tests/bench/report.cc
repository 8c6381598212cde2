#include "report.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>

#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace tributary::bench {
namespace {

std::string Number(double value) {
  if (std::fabs(value) >= 1000) return fmt::format("{:.0f}", value);
  return fmt::format("{:.3g}", value);
}

}  // namespace

std::optional<double> Row::Ratio() const {
  if (!baseline.has_value() || *baseline == 0) return std::nullopt;
  return value / *baseline;
}

std::optional<bool> Row::Met() const {
  if (!goal.has_value()) return std::nullopt;
  const double measured = Ratio().value_or(value);
  return lower_is_better ? measured <= *goal : measured >= *goal;
}

void Report::PrintHeader() {
  fmt::print("{:<34} {:>12} {:<10} {:>12}  {:<26} {:>7} {:>8}\n", "what", "measured", "unit", "baseline", "of", "ratio",
             "goal");
  fmt::print("{:-<115}\n", "");
  std::fflush(stdout);
}

void Report::Add(Row row) {
  const auto ratio = row.Ratio();
  const auto met = row.Met();
  fmt::print(
      "{:<34} {:>12} {:<10} {:>12}  {:<26} {:>7} {:>8}\n", row.name, Number(row.value), row.unit,
      row.baseline ? Number(*row.baseline) : "", row.baseline_name, ratio ? fmt::format("{:.2f}", *ratio) : "",
      row.goal ? fmt::format("{}{} {}", row.lower_is_better ? "<=" : ">=", Number(*row.goal), *met ? "ok" : "NO") : "");
  std::fflush(stdout);
  rows_.push_back(std::move(row));
}

absl::Status Report::WriteJson(const std::string& path) const {
  nlohmann::json out = nlohmann::json::array();
  for (const Row& row : rows_) {
    nlohmann::json line = {{"name", row.name}, {"value", row.value}, {"unit", row.unit}};
    if (row.baseline) line["baseline"] = *row.baseline;
    if (!row.baseline_name.empty()) line["baseline_name"] = row.baseline_name;
    if (row.Ratio()) line["ratio"] = *row.Ratio();
    if (row.goal) line["goal"] = *row.goal;
    if (row.Met()) line["met"] = *row.Met();
    out.push_back(std::move(line));
  }
  std::ofstream file(path);
  file << out.dump(2) << "\n";
  file.close();
  if (!file) return absl::UnavailableError(fmt::format("cannot write {}", path));
  return absl::OkStatus();
}

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return std::nan("");
  std::sort(samples.begin(), samples.end());
  return samples[std::min(samples.size() - 1, static_cast<size_t>(share * static_cast<double>(samples.size())))];
}

}  // namespace tributary::bench
