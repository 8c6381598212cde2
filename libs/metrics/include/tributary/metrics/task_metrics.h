// What a task, one processor on one partition, tells about itself: is it keeping up, is it fresh, is anything
// dead-lettered, who decides.
#pragma once

#include <cstdint>
#include <string_view>

#include "tributary/metrics/registry.h"

namespace tributary::metrics {

// Handles of one task, labelled {processor, log, partition}; all named tributary_task_*. Thread-safe. The
// series are exposed as long as this (or a copy) lives, so that a partition that moved away is not reported
// with its last lag for ever. Default-constructed, it counts nowhere.
struct TaskMetrics {
  TaskMetrics() = default;
  // `processor` and `log` are the names in the code ("identity", "intake"), `partition` >= 0.
  TaskMetrics(Registry& registry, std::string_view processor, std::string_view log, int32_t partition);

  Counter records;           // records_total: records read and applied, ignored ones excepted
  Counter decisions;         // decisions_total: in valid batches of this task
  Counter batches;           // batches_total: valid batches of this task, empty ones included
  Counter empty_batches;     // empty_batches_total
  Counter void_batches;      // void_batches_total: read and found void, whoever wrote them
  Counter dead_letters;      // dead_letters_total: facts that a valid batch dead-letters
  Counter relayed;           // relayed_total: outputs acknowledged by their target partition
  Counter commands;          // commands_total: commands decided, rejections included
  Counter timers_fired;      // timers_fired_total
  Counter holes;             // holes_total: relayed records that skipped ahead of their predecessor
  Gauge open_holes;          // open_holes: origins that wait for a predecessor now
  Gauge lag_records;         // lag_records: records between the last commit and the log's visible end
  Gauge freshness_seconds;   // freshness_seconds: age of the oldest record not yet committed; 0 when caught up
  Histogram commit_seconds;  // commit_seconds: writing a valid batch into the projection
};

}  // namespace tributary::metrics
