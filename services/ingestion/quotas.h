// How many events each workspace may send now.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "ingestion/directory.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"

namespace tributary::ingestion {

// A token bucket for each workspace that has a quota, full when it is first seen. Of this process: instances that share
// a workspace's traffic each allow the whole quota. Thread-safe.
class Quotas {
 public:
  // `clock` must outlive this.
  explicit Quotas(const Clock* clock) : clock_(clock) {}

  // Takes `events` and returns zero; or takes nothing and returns how long it will be until they could be taken. More
  // than the bucket holds are taken when it is full, and what comes next waits the longer.
  absl::Duration Take(const WorkspaceEntry& workspace, int64_t events);

 private:
  struct Bucket {
    double balance = 0;  // events; negative after more than it holds were taken
    absl::Duration filled_at;
  };

  const Clock* const clock_;
  Mutex mutex_;
  // By workspace; as many as the registry has.
  absl::flat_hash_map<std::string, Bucket> buckets_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::ingestion
