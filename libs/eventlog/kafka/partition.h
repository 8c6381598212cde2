// A partition as the whole log knows it: how far it reaches, and who wants to know when it grows.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "src/watchers.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/kafka/kafka_log.h"
#include "tributary/eventlog/record.h"

namespace tributary::eventlog::kafka {

// Thread-safe. Outlives every client of librdkafka.
class KafkaPartition {
 public:
  KafkaPartition(PartitionRef ref, std::string topic) : ref_(std::move(ref)), topic_(std::move(topic)) {}

  const PartitionRef& ref() const { return ref_; }
  const std::string& topic() const { return topic_; }
  int32_t number() const { return ref_.partition.value(); }
  Watchers& watchers() { return *watchers_; }
  // Handles of watches that are there; they may outlive the partition.
  const std::shared_ptr<std::atomic<int>>& watches() { return watches_; }

  // The highest end that was seen or acknowledged: the log holds all before it.
  Offset known_end() const { return Offset(known_end_.load(std::memory_order_acquire)); }
  void SawEnd(Offset end) {
    int64_t known = known_end_.load(std::memory_order_acquire);
    while (known < end.value() && !known_end_.compare_exchange_weak(known, end.value(), std::memory_order_acq_rel)) {
    }
  }

 private:
  friend class Waker;
  const PartitionRef ref_;
  const std::string topic_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
  const std::shared_ptr<std::atomic<int>> watches_ = std::make_shared<std::atomic<int>>(0);
  std::atomic<int64_t> known_end_ = 0;
  std::atomic<bool> wake_due_ = false;
};

using Partitions = absl::flat_hash_map<PartitionRef, std::unique_ptr<KafkaPartition>>;
// Those of the options' logs.
Partitions MakePartitions(const KafkaOptions& options);
// NotFound.
absl::StatusOr<KafkaPartition*> FindPartition(const Partitions& partitions, const PartitionRef& ref);

// Calls watches on a thread of its own: librdkafka tells of records from its own threads, under its locks.
class Waker {
 public:
  Waker() : thread_([this] { Run(); }) {}
  ~Waker();
  // Thread-safe, never blocks for a watch. Calls of one partition are merged. `partition` must outlive the waker.
  void Wake(KafkaPartition& partition);

 private:
  void Run();

  Mutex mutex_;
  std::condition_variable due_changed_;
  std::vector<KafkaPartition*> due_ TRIBUTARY_GUARDED_BY(mutex_);
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace tributary::eventlog::kafka
