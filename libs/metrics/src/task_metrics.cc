#include "tributary/metrics/task_metrics.h"

#include <string>

#include "fmt/format.h"

namespace tributary::metrics {

TaskMetrics::TaskMetrics(Registry& registry, std::string_view processor, std::string_view log, int32_t partition) {
  const Labels labels{
      {"processor", std::string(processor)}, {"log", std::string(log)}, {"partition", fmt::to_string(partition)}};
  const auto counter = [&](std::string_view what, std::string_view help) {
    return registry.GetCounter(fmt::format("tributary_task_{}_total", what), help, labels);
  };
  const auto gauge = [&](std::string_view what, std::string_view help) {
    return registry.GetGauge(fmt::format("tributary_task_{}", what), help, labels);
  };
  records = counter("records", "Records read and applied.");
  decisions = counter("decisions", "Decisions in valid batches of this task.");
  batches = counter("batches", "Valid batches of this task, empty ones included.");
  empty_batches = counter("empty_batches", "Valid batches that decide nothing.");
  void_batches = counter("void_batches", "Batches that were read and found void.");
  dead_letters = counter("dead_letters", "Facts that could not be applied.");
  relayed = counter("relayed", "Outputs acknowledged by their target partition.");
  commands = counter("commands", "Commands decided, rejections included.");
  timers_fired = counter("timers_fired", "Timers fired.");
  holes = counter("holes", "Relayed records that skipped ahead of their predecessor.");
  open_holes = gauge("open_holes", "Origins that wait for a predecessor now.");
  lag_records = gauge("lag_records", "Records between the last commit and the end of the log.");
  freshness_seconds = gauge("freshness_seconds", "Age of the oldest record not yet committed; 0 when caught up.");
  commit_seconds = registry.GetHistogram("tributary_task_commit_seconds", "From a batch's append to its commit.",
                                         LatencyBuckets(), labels);
}

}  // namespace tributary::metrics
