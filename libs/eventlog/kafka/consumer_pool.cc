#include "kafka/consumer_pool.h"

#include <string>
#include <utility>

#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

constexpr size_t kFetchBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<Handle>> OpenConsumer(const KafkaOptions& options, size_t queue_bytes,
                                                     size_t fetch_bytes) {
  const Settings settings = {
      {"auto.offset.reset", "error"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      // There are no transactions.
      {"isolation.level", "read_uncommitted"},
      {"check.crcs", "true"},
      {"socket.timeout.ms", "10000"},  // of a broker that went without a word
      // A broker answers as soon as it has a record. A client asks for all its partitions in one request, so one that
      // begins to read another partition waits for this long when nothing comes.
      {"fetch.wait.max.ms", "20"},
      {"fetch.error.backoff.ms", "50"},
      {"fetch.message.max.bytes", std::to_string(fetch_bytes)},
      {"fetch.max.bytes", std::to_string(16 << 20)},
      {"queued.max.messages.kbytes", std::to_string(queue_bytes >> 10)},
      {"queued.min.messages", "10000000"}};  // the bound is in bytes
  return Handle::Open(options, RD_KAFKA_CONSUMER, settings, 0);
}

absl::StatusOr<Handle*> ConsumerPool::Lease(const KafkaPartition& partition) {
  MutexLock lock(mutex_);
  for (Client& client : clients_) {
    if (client.reading.insert(&partition).second) return client.handle.get();
  }
  TRIBUTARY_ASSIGN_OR_RETURN(auto handle, OpenConsumer(options_, options_.reader_bytes, kFetchBytes));
  clients_.push_back({.handle = std::move(handle), .reading = {&partition}});
  return clients_.back().handle.get();
}

void ConsumerPool::Release(Handle* handle, const KafkaPartition& partition) {
  MutexLock lock(mutex_);
  for (Client& client : clients_) {
    if (client.handle.get() == handle) client.reading.erase(&partition);
  }
}

size_t ConsumerPool::size() const {
  MutexLock lock(mutex_);
  return clients_.size();
}

}  // namespace tributary::eventlog::kafka
