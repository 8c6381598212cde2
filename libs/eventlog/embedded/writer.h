// The one writer: takes all appends that wait, gives them offsets, writes them as one synced batch, and
// only then makes them visible.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "embedded/partition_log.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "src/health.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog::embedded {

// What the writer knows of one Producer.
class Session {
 public:
  void Begin();
  void Done();
  // Until as many Done as Begin were called.
  void Wait();

  // Why the session can append no more to a partition. The writer's thread only.
  absl::flat_hash_map<const PartitionLog*, absl::Status>& failures() { return failures_; }

 private:
  Mutex mutex_;
  std::condition_variable idle_;
  size_t pending_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<const PartitionLog*, absl::Status> failures_;
};

// An append on its way.
struct Append {
  std::shared_ptr<Session> session;
  PartitionLog* partition = nullptr;  // null if there is none: `refusal` says so
  absl::Status refusal;               // not to be written
  std::shared_ptr<StoredRecord> stored;
  std::string encoded;
  AppendCallback done;
  size_t bytes = 0;  // counted against the bound
  absl::StatusOr<Offset> result = kNoOffset;
};

// Thread-safe.
class Writer {
 public:
  struct Options {
    const Clock* clock = nullptr;
    bool sync = true;
    size_t tail_bytes = 0;
    size_t max_waiting_bytes = 0;
  };
  // `db` must outlive it.
  Writer(const Options& options, rocksdb::DB& db, std::shared_ptr<HealthState> health);
  // Writes what waits, then stops.
  ~Writer();

  // Blocks while too much waits, unless called from a callback.
  void Enqueue(Append append);

 private:
  void Run();
  // Empty: stop.
  std::vector<Append> TakeAll();
  void Commit(std::span<Append> appends);
  // Gives it its offset and its place in the batch, or a result why not.
  void Prepare(Append& append, absl::Time now);
  absl::Status Write();
  // Marks what the failed write was to bring.
  void FailAll(std::span<Append> appends, const absl::Status& status);
  void PublishAll(std::span<const Append> appends);
  void Finish(std::span<Append> appends);

  const Options options_;
  rocksdb::DB& db_;
  const std::shared_ptr<HealthState> health_;

  // The writer thread's own.
  rocksdb::WriteBatch batch_;
  std::vector<PartitionLog*> touched_;
  std::deque<std::pair<PartitionLog*, size_t>> tail_order_;  // whose oldest goes next, and its bytes
  size_t tail_bytes_ = 0;

  Mutex mutex_;
  std::condition_variable work_;
  std::condition_variable room_;
  std::vector<Append> waiting_ TRIBUTARY_GUARDED_BY(mutex_);
  size_t waiting_bytes_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace tributary::eventlog::embedded
