#include "kafka/positions.h"

#include <utility>

namespace tributary::eventlog::kafka {

void GroupPositions::Report(std::string_view consumer, const KafkaPartition& partition, Offset next) {
  MutexLock lock(mutex_);
  auto it = reported_.find(consumer);
  if (it == reported_.end()) it = reported_.emplace(std::string(consumer), Offsets()).first;
  it->second.insert_or_assign(&partition, next);
}

void GroupPositions::Flush(Admin& admin, absl::Duration pause) {
  std::map<std::string, Offsets, std::less<>> reported;
  {
    MutexLock lock(mutex_);
    const absl::Duration now = clock_.Monotonic();
    if (reported_.empty() || now - flushed_at_ < pause) return;
    flushed_at_ = now;
    reported.swap(reported_);
  }
  for (auto& [consumer, offsets] : reported) {
    if (admin.CommitOffsets(prefix_ + consumer, offsets).ok()) continue;
    MutexLock lock(mutex_);
    // Newer ones stay.
    reported_[consumer].merge(offsets);
  }
}

}  // namespace tributary::eventlog::kafka
