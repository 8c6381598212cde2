#include "kafka/partition.h"

#include "kafka/handle.h"

namespace tributary::eventlog::kafka {

Partitions MakePartitions(const KafkaOptions& options) {
  Partitions partitions;
  for (const LogSpec& spec : options.logs) {
    for (int32_t i = 0; i < spec.partitions; ++i) {
      const PartitionRef ref{spec.name, Partition(i)};
      partitions.emplace(ref, std::make_unique<KafkaPartition>(ref, TopicName(options, spec.name)));
    }
  }
  return partitions;
}

absl::StatusOr<KafkaPartition*> FindPartition(const Partitions& partitions, const PartitionRef& ref) {
  const auto it = partitions.find(ref);
  if (it == partitions.end()) return absl::NotFoundError(fmt::format("no partition {}", ref.ToString()));
  return it->second.get();
}

Waker::~Waker() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  due_changed_.notify_one();
  thread_.join();
}

void Waker::Wake(KafkaPartition& partition) {
  if (partition.wake_due_.exchange(true, std::memory_order_acq_rel)) return;
  {
    MutexLock lock(mutex_);
    due_.push_back(&partition);
  }
  due_changed_.notify_one();
}

void Waker::Run() {
  while (true) {
    std::vector<KafkaPartition*> due;
    {
      MutexLock lock(mutex_);
      due_changed_.wait(lock.native(), [this] { return stopping_ || !due_.empty(); });
      if (stopping_) return;
      due.swap(due_);
    }
    for (KafkaPartition* partition : due) {
      // Before the call: what comes during it is told by another.
      partition->wake_due_.store(false, std::memory_order_release);
      partition->watchers().WakeAll();
    }
  }
}

}  // namespace tributary::eventlog::kafka
