// A cursor over a partition: one subscription of a shared client, with a queue of its own.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "kafka/admin.h"
#include "kafka/consumer_pool.h"
#include "kafka/partition.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog::kafka {

class KafkaReader;

// The readers that are open, for the one who looks after those that nobody polls. Thread-safe.
class OpenReaders {
 public:
  void Add(KafkaReader* reader);
  void Remove(KafkaReader* reader);
  // Lets go what readers hold that were not polled for `idle`.
  void ParkIdle(absl::Duration idle);
  bool Reads(const KafkaPartition& partition) const;

 private:
  mutable Mutex mutex_;
  absl::flat_hash_set<KafkaReader*> readers_ TRIBUTARY_GUARDED_BY(mutex_);
};

// What readers share; all of it outlives them.
struct ReaderDeps {
  const Clock& clock;
  Admin& admin;
  ConsumerPool& pool;
  Waker& waker;
  OpenReaders& open;
  const std::string& log_id;
  absl::Duration timeout;
};

// Stopped: nothing is fetched. Poll starts it: it asks how far the partition reaches, then fetches from the record
// before the position on, which must be the one that it returned last. It stops again after any error, after a
// connection of its client was closed (what comes then may be from another log), at Seek, and when nobody polls it.
class KafkaReader final : public PartitionReader {
 public:
  KafkaReader(const ReaderDeps& deps, KafkaPartition& partition, Offset from);
  ~KafkaReader() override;

  absl::StatusOr<ReadResult> Poll(const ReadLimits& limits) override;
  Offset position() const override { return position_; }
  void Seek(Offset next) override;

  const KafkaPartition& partition() const { return partition_; }
  // From another thread than the one that polls.
  void ParkIfIdle(absl::Duration idle);

 private:
  // A record that the log was seen to hold.
  struct Anchor {
    Offset offset;
    uint64_t fingerprint = 0;
  };

  absl::Status Fetch(size_t most);
  absl::Status Start();
  // `known`: the end that was known before `range` was asked for.
  absl::Status CheckRange(const Range& range, Offset known);
  // Reads the anchor again, which is not before the position.
  absl::Status CheckAnchor();
  absl::Status Subscribe(Offset from);
  void Stop();
  // Takes what has come, up to about `most` records.
  absl::Status Drain(size_t most);
  // Waits for the next message, until the request timeout.
  absl::Status Await();
  absl::Status Take(rd_kafka_message_t& message);
  absl::Status TakeRecord(RecordPtr record);
  ReadResult Return(const ReadLimits& limits);
  // DataLoss, now and for every later poll.
  absl::Status Lost(std::string_view what);
  bool connection_changed() const { return client_->closed_connections() != connection_; }

  const ReaderDeps deps_;
  KafkaPartition& partition_;
  Offset position_;
  absl::Status lost_;
  std::pair<Waker*, KafkaPartition*> wake_;  // for the queue's callback

  Mutex mutex_;  // between the one who polls and ParkIfIdle: all below
  Handle* client_ = nullptr;
  TopicHandle topic_;
  Queue queue_;  // null while stopped
  uint64_t connection_ = 0;
  Offset fetched_{0};             // offset of the next message of the queue
  std::deque<RecordPtr> buffer_;  // taken from the queue, not returned yet
  std::optional<Anchor> anchor_;
  uint64_t anchor_connection_ = 0;
  bool at_anchor_ = false;  // the next message is the one before the position
  std::optional<absl::Duration> behind_since_;
  absl::Duration polled_at_;
};

}  // namespace tributary::eventlog::kafka
