#include "tributary/eventlog/testing/memory_log.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "src/log_specs.h"
#include "src/watchers.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace {

class MemoryPartition {
 public:
  explicit MemoryPartition(PartitionRef ref) : ref_(std::move(ref)) {}

  const PartitionRef& ref() const { return ref_; }
  Watchers& watchers() { return *watchers_; }

  Offset Append(Record record, absl::Time now) {
    MutexLock lock(mutex_);
    const Offset offset(static_cast<int64_t>(records_.size()));
    records_.push_back(std::make_shared<StoredRecord>(
        StoredRecord{.offset = offset, .appended_at = now, .record = std::move(record)}));
    return offset;
  }

  Offset End() const {
    MutexLock lock(mutex_);
    return Offset(static_cast<int64_t>(records_.size()));
  }

  absl::StatusOr<ReadResult> Read(Offset from, const ReadLimits& limits) const {
    MutexLock lock(mutex_);
    if (from < Offset(0) || from.value() > static_cast<int64_t>(records_.size())) {
      return absl::DataLossError(
          fmt::format("{}: the position is {} but the log ends at {}", ref_.ToString(), from, records_.size()));
    }
    ReadResult result;
    size_t bytes = 0;
    auto it = records_.begin() + from.value();
    for (; it != records_.end() && result.records.size() < std::max<size_t>(limits.max_records, 1); ++it) {
      bytes += (*it)->record.Size();
      if (bytes > limits.max_bytes && !result.records.empty()) break;
      result.records.push_back(*it);
    }
    result.at_end = it == records_.end();
    return result;
  }

 private:
  const PartitionRef ref_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();
  mutable Mutex mutex_;
  std::deque<RecordPtr> records_ TRIBUTARY_GUARDED_BY(mutex_);
};

using Partitions = absl::flat_hash_map<PartitionRef, std::unique_ptr<MemoryPartition>>;

absl::StatusOr<MemoryPartition*> FindPartition(const Partitions& partitions, const PartitionRef& ref) {
  const auto it = partitions.find(ref);
  if (it == partitions.end()) return absl::NotFoundError(fmt::format("no partition {}", ref.ToString()));
  return it->second.get();
}

class MemoryReader final : public PartitionReader {
 public:
  MemoryReader(const MemoryPartition& partition, Offset from) : partition_(partition), position_(from) {}

  absl::StatusOr<ReadResult> Poll(const ReadLimits& limits) override {
    TRIBUTARY_ASSIGN_OR_RETURN(ReadResult result, partition_.Read(position_, limits));
    position_ = Offset(position_.value() + static_cast<int64_t>(result.records.size()));
    return result;
  }
  Offset position() const override { return position_; }
  void Seek(Offset next) override { position_ = next; }

 private:
  const MemoryPartition& partition_;
  Offset position_;
};

// Runs what it is given in order: at once on the caller's thread, or on a thread of its own.
class AppendThread {
 public:
  explicit AppendThread(bool synchronous) {
    if (!synchronous) thread_ = std::thread([this] { Run(); });
  }
  // Runs what was given before.
  ~AppendThread() {
    if (!thread_.joinable()) return;
    Post(nullptr);
    thread_.join();
  }

  void Post(std::function<void()> work) {
    if (!thread_.joinable()) return work();
    {
      MutexLock lock(mutex_);
      queue_.push_back(std::move(work));
    }
    posted_.notify_one();
  }

 private:
  void Run() {
    while (true) {
      std::function<void()> work;
      {
        MutexLock lock(mutex_);
        posted_.wait(lock.native(), [this] { return !queue_.empty(); });
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      if (!work) return;
      work();
    }
  }

  Mutex mutex_;
  std::condition_variable posted_;
  std::deque<std::function<void()>> queue_ TRIBUTARY_GUARDED_BY(mutex_);
  std::thread thread_;
};

class FailureSwitch {
 public:
  absl::Status Get() const {
    MutexLock lock(mutex_);
    return status_;
  }
  void Set(absl::Status status) {
    MutexLock lock(mutex_);
    status_ = std::move(status);
  }

 private:
  mutable Mutex mutex_;
  absl::Status status_ TRIBUTARY_GUARDED_BY(mutex_);
};

class MemoryProducer final : public Producer {
 public:
  MemoryProducer(const Partitions& partitions, const Clock& clock, const FailureSwitch& failure, AppendThread& thread)
      : partitions_(partitions), clock_(clock), failure_(failure), thread_(thread) {}

  ~MemoryProducer() override {
    MutexLock lock(mutex_);
    idle_.wait(lock.native(), [this] { return pending_ == 0; });
  }

  void Append(const PartitionRef& target, Record record, AppendCallback done) override {
    {
      MutexLock lock(mutex_);
      ++pending_;
    }
    thread_.Post([this, target, record = std::move(record), done = std::move(done)]() mutable {
      absl::StatusOr<Offset> result = AppendNow(target, std::move(record));
      const bool appended = result.ok();
      if (done) done(std::move(result));
      done = nullptr;
      if (appended) partitions_.at(target)->watchers().WakeAll();
      MutexLock lock(mutex_);
      if (--pending_ == 0) idle_.notify_all();
    });
  }

 private:
  absl::StatusOr<Offset> AppendNow(const PartitionRef& target, Record record) {
    TRIBUTARY_ASSIGN_OR_RETURN(MemoryPartition * partition, FindPartition(partitions_, target));
    MutexLock lock(mutex_);  // held over the append: the session's records land in the order of the calls
    if (const auto failed = failures_.find(partition); failed != failures_.end()) {
      return Annotate(absl::AbortedError(failed->second.ToString()), "an earlier append of this session failed");
    }
    absl::Status refusal = Validate(record);
    if (refusal.ok()) refusal = failure_.Get();
    if (!refusal.ok()) {
      failures_.emplace(partition, refusal);
      return refusal;
    }
    return partition->Append(std::move(record), clock_.Now());
  }

  const Partitions& partitions_;
  const Clock& clock_;
  const FailureSwitch& failure_;
  AppendThread& thread_;
  Mutex mutex_;
  std::condition_variable idle_;
  size_t pending_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<const MemoryPartition*, absl::Status> failures_ TRIBUTARY_GUARDED_BY(mutex_);
};

class MemoryLogImpl final : public MemoryLog {
 public:
  explicit MemoryLogImpl(const MemoryLogOptions& options)
      : id_(options.id), logs_(options.logs), clock_(*options.clock), thread_(options.synchronous) {
    for (const LogSpec& spec : logs_) {
      for (int32_t i = 0; i < spec.partitions; ++i) {
        const PartitionRef ref{spec.name, Partition(i)};
        auto partition = std::make_unique<MemoryPartition>(ref);
        partition->Append(GenesisRecord(id_), clock_.Now());
        partitions_.emplace(ref, std::move(partition));
      }
    }
  }

  const std::string& id() const override { return id_; }
  const std::vector<LogSpec>& logs() const override { return logs_; }

  absl::StatusOr<std::unique_ptr<PartitionReader>> OpenReader(const PartitionRef& ref, Offset from) override {
    TRIBUTARY_ASSIGN_OR_RETURN(const MemoryPartition* partition, FindPartition(partitions_, ref));
    if (from < Offset(0)) return absl::OutOfRangeError(fmt::format("{}: offset {} is negative", ref.ToString(), from));
    return std::make_unique<MemoryReader>(*partition, from);
  }
  absl::StatusOr<std::unique_ptr<Producer>> OpenProducer(const ProducerOptions&) override {
    return std::make_unique<MemoryProducer>(partitions_, clock_, failure_, thread_);
  }
  absl::StatusOr<Offset> End(const PartitionRef& ref) override {
    TRIBUTARY_ASSIGN_OR_RETURN(const MemoryPartition* partition, FindPartition(partitions_, ref));
    return partition->End();
  }
  std::shared_ptr<void> Watch(const PartitionRef& ref, std::function<void()> wake) override {
    absl::StatusOr<MemoryPartition*> partition = FindPartition(partitions_, ref);
    return partition.ok() ? (*partition)->watchers().Add(std::move(wake)) : nullptr;
  }
  absl::Status Health() const override { return failure_.Get(); }
  void FailAppends(absl::Status error) override { failure_.Set(std::move(error)); }

 private:
  const std::string id_;
  const std::vector<LogSpec> logs_;
  const Clock& clock_;
  Partitions partitions_;
  FailureSwitch failure_;
  AppendThread thread_;  // last: what it runs uses the above
};

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryLog>> MakeMemoryLog(const MemoryLogOptions& options) {
  if (options.clock == nullptr) return absl::InvalidArgumentError("the memory log needs a clock");
  TRIBUTARY_RETURN_IF_ERROR(ValidateSpecs(options.logs));
  return std::make_unique<MemoryLogImpl>(options);
}

}  // namespace tributary::eventlog
