// When bulk loads must let live traffic pass.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/container/flat_hash_map.h"
#include "tributary/eventlog/record.h"

namespace tributary::ingestion {

// How many records of a partition of `intake` identity has not applied yet. Thread-safe; must not block.
using LagFn = std::function<int64_t(eventlog::Partition)>;

// Closed for a partition once its lag has reached the high mark, until it is below the low one. What was let in and is
// not durable yet counts as lag, so that a burst cannot pass while the log has not seen it. Not thread-safe.
class BulkGate {
 public:
  struct Options {
    int64_t high_water_records = 100;
    int64_t low_water_records = 50;
  };
  // Without a `lag` only what is on its way counts.
  BulkGate(LagFn lag, const Options& options) : lag_(std::move(lag)), options_(options) {}

  bool IsOpen(eventlog::Partition partition);
  // So many were let in; so many of them are settled, durable or not.
  void LetIn(eventlog::Partition partition, int64_t events) { states_[partition.value()].on_their_way += events; }
  void Settled(eventlog::Partition partition, int64_t events) { states_[partition.value()].on_their_way -= events; }

 private:
  struct State {
    int64_t on_their_way = 0;
    bool closed = false;
  };

  const LagFn lag_;
  const Options options_;
  absl::flat_hash_map<int32_t, State> states_;
};

}  // namespace tributary::ingestion
