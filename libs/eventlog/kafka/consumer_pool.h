// The clients that readers share: each has a few threads and one connection a broker, however many partitions it reads.
#pragma once

#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "kafka/handle.h"
#include "kafka/partition.h"
#include "tributary/base/mutex.h"

namespace tributary::eventlog::kafka {

// A client reads a partition once; a second reader of it gets another client. Thread-safe.
class ConsumerPool {
 public:
  // `options` must outlive it.
  explicit ConsumerPool(const KafkaOptions& options) : options_(options) {}

  // A client that reads no `partition` for anybody else until Release.
  absl::StatusOr<Handle*> Lease(const KafkaPartition& partition);
  void Release(Handle* handle, const KafkaPartition& partition);
  size_t size() const;

 private:
  struct Client {
    std::unique_ptr<Handle> handle;
    absl::flat_hash_set<const KafkaPartition*> reading;
  };

  const KafkaOptions& options_;
  mutable Mutex mutex_;
  std::vector<Client> clients_ TRIBUTARY_GUARDED_BY(mutex_);
};

// A client that reads from explicit offsets; each reader holds up to `queue_bytes` and one fetch of `fetch_bytes`.
absl::StatusOr<std::unique_ptr<Handle>> OpenConsumer(const KafkaOptions& options, size_t queue_bytes,
                                                     size_t fetch_bytes);

}  // namespace tributary::eventlog::kafka
