// How far consumers have come, told to the brokers as offsets of consumer groups: so that Kafka's own tools show lag.
// Nothing reads them back.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "kafka/admin.h"
#include "kafka/partition.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"

namespace tributary::eventlog::kafka {

// Thread-safe.
class GroupPositions {
 public:
  // Group of consumer "profile": `prefix` + "profile".
  GroupPositions(std::string prefix, const Clock& clock) : prefix_(std::move(prefix)), clock_(clock) {}

  void Report(std::string_view consumer, const KafkaPartition& partition, Offset next);
  // Tells the brokers what was reported since, unless it did within `pause`. What fails is told the next time.
  void Flush(Admin& admin, absl::Duration pause);

 private:
  using Offsets = std::map<const KafkaPartition*, Offset>;

  const std::string prefix_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<std::string, Offsets, std::less<>> reported_ TRIBUTARY_GUARDED_BY(mutex_);
  absl::Duration flushed_at_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::eventlog::kafka
