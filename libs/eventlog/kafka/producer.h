// Appends: one idempotent client of librdkafka and the thread that runs the callbacks; sessions over it.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kafka/handle.h"
#include "kafka/partition.h"
#include "src/health.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog::kafka {

class Session;

// An append whose callback has not run yet. Owned by its session.
struct PendingAppend {
  std::shared_ptr<Session> session;
  KafkaPartition* partition = nullptr;  // null if there is none
  AppendCallback done;
  size_t bytes = 0;                              // counted against the connection's bound
  std::optional<absl::StatusOr<Offset>> result;  // once it is known
};

// What the connection knows of one Producer. Thread-safe.
class Session {
 public:
  // The append's callback runs when all before it to the same partition have run theirs. `send` hands the record to
  // librdkafka (its opaque being the pending append) and is called in the order of the calls. True if the append has
  // its result already.
  bool Begin(std::unique_ptr<PendingAppend> append, absl::Status refusal,
             const std::function<absl::Status(PendingAppend*)>& send);
  void SetResult(PendingAppend& append, absl::StatusOr<Offset> result);
  // The appends whose turn it is to be called back, in order.
  std::vector<std::unique_ptr<PendingAppend>> TakeReady();
  // After their callbacks ran.
  void Finished(size_t count);
  // Until all callbacks ran.
  void Wait();

 private:
  struct Lane {
    std::deque<std::unique_ptr<PendingAppend>> waiting;
    absl::Status failure;  // of the first that failed
    bool ended = false;    // that one was called back: all after it are Aborted
  };

  Mutex mutex_;
  std::condition_variable idle_;
  absl::flat_hash_map<KafkaPartition*, Lane> lanes_ TRIBUTARY_GUARDED_BY(mutex_);
  size_t pending_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
};

// Thread-safe.
class ProducerConnection {
 public:
  // `waker` must outlive it.
  static absl::StatusOr<std::shared_ptr<ProducerConnection>> Open(const KafkaOptions& options, Waker& waker,
                                                                  std::shared_ptr<HealthState> health);
  // The sessions over it have ended.
  ~ProducerConnection();

  // As Producer::Append. `partition` is null if there is none, which `refusal` says.
  void Append(const std::shared_ptr<Session>& session, KafkaPartition* partition, absl::Status refusal, Record record,
              AppendCallback done);

 private:
  ProducerConnection(std::unique_ptr<Handle> handle, Waker& waker, std::shared_ptr<HealthState> health,
                     size_t max_waiting_bytes);
  void Run();
  // Takes delivery reports.
  void Deliver(rd_kafka_event_t* event, std::vector<std::shared_ptr<Session>>& sessions);
  void NoteError(rd_kafka_event_t* event);
  void CallBack(Session& session);
  absl::Status Send(const KafkaPartition& partition, const Record& record, PendingAppend* append);

  Waker& waker_;
  const std::shared_ptr<HealthState> health_;
  const size_t max_waiting_bytes_;
  const std::unique_ptr<Handle> handle_;
  const Queue reports_;

  Mutex mutex_;
  std::condition_variable room_;
  size_t waiting_bytes_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  // With results that no report brings.
  std::vector<std::shared_ptr<Session>> posted_ TRIBUTARY_GUARDED_BY(mutex_);
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses all of the above
};

class KafkaProducer final : public Producer {
 public:
  KafkaProducer(const Partitions& partitions, std::shared_ptr<ProducerConnection> connection)
      : partitions_(partitions), connection_(std::move(connection)) {}
  ~KafkaProducer() override { session_->Wait(); }
  void Append(const PartitionRef& target, Record record, AppendCallback done) override;

 private:
  const Partitions& partitions_;
  const std::shared_ptr<ProducerConnection> connection_;
  const std::shared_ptr<Session> session_ = std::make_shared<Session>();
};

}  // namespace tributary::eventlog::kafka
