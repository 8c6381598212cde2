#include "ingestion/quotas.h"

#include <algorithm>

namespace tributary::ingestion {

absl::Duration Quotas::Take(const WorkspaceEntry& workspace, int64_t events) {
  if (workspace.events_per_second <= 0) return absl::ZeroDuration();
  const auto rate = static_cast<double>(workspace.events_per_second);
  const double size = workspace.burst_events > 0 ? static_cast<double>(workspace.burst_events) : rate;
  const absl::Duration now = clock_->Monotonic();
  const MutexLock lock(mutex_);
  const auto [at, fresh] = buckets_.try_emplace(workspace.workspace_id, Bucket{.balance = size, .filled_at = now});
  Bucket& bucket = at->second;
  bucket.balance = std::min(size, bucket.balance + rate * absl::ToDoubleSeconds(now - bucket.filled_at));
  bucket.filled_at = now;
  const double needed = std::min(size, static_cast<double>(events));
  constexpr double kRounding = 1e-6;
  if (bucket.balance + kRounding >= needed) {
    bucket.balance -= static_cast<double>(events);
    return absl::ZeroDuration();
  }
  // Whole milliseconds, upwards: whoever waits for so long is not told to wait again.
  const absl::Duration wait = absl::Seconds((needed - bucket.balance) / rate);
  return absl::Ceil(wait, absl::Milliseconds(1));
}

}  // namespace tributary::ingestion
