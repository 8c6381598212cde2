#include "embedded/writer.h"

#include <algorithm>
#include <utility>

#include "embedded/record_codec.h"
#include "embedded/store.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::embedded {
namespace {

// One synced write takes about as long as copying this much; more would only keep the first waiting.
constexpr size_t kBatchBytes = 4 << 20;

// The appends from `begin` on that go into one write: at least one.
size_t BatchEnd(const std::vector<Append>& appends, size_t begin) {
  size_t bytes = 0;
  size_t end = begin;
  do {
    bytes += appends[end++].bytes;
  } while (end < appends.size() && bytes + appends[end].bytes <= kBatchBytes);
  return end;
}

}  // namespace

void Session::Begin() {
  MutexLock lock(mutex_);
  ++pending_;
}

void Session::Done() {
  MutexLock lock(mutex_);
  if (--pending_ == 0) idle_.notify_all();
}

void Session::Wait() {
  MutexLock lock(mutex_);
  idle_.wait(lock.native(), [this] { return pending_ == 0; });
}

Writer::Writer(const Options& options, rocksdb::DB& db, std::shared_ptr<HealthState> health)
    : options_(options), db_(db), health_(std::move(health)), thread_([this] { Run(); }) {}

Writer::~Writer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void Writer::Enqueue(Append append) {
  // The writer's thread would wait for itself.
  const bool may_block = std::this_thread::get_id() != thread_.get_id();
  append.session->Begin();
  bool first;
  {
    MutexLock lock(mutex_);
    if (may_block) {
      room_.wait(lock.native(),
                 [&] { return waiting_bytes_ == 0 || waiting_bytes_ + append.bytes <= options_.max_waiting_bytes; });
    }
    waiting_bytes_ += append.bytes;
    first = waiting_.empty();
    waiting_.push_back(std::move(append));
  }
  if (first) work_.notify_one();  // else the writer knows
}

void Writer::Run() {
  for (std::vector<Append> appends = TakeAll(); !appends.empty(); appends = TakeAll()) {
    for (size_t begin = 0; begin < appends.size();) {
      const size_t end = BatchEnd(appends, begin);
      Commit(std::span(appends).subspan(begin, end - begin));
      begin = end;
    }
  }
}

std::vector<Append> Writer::TakeAll() {
  MutexLock lock(mutex_);
  work_.wait(lock.native(), [this] { return stopping_ || !waiting_.empty(); });
  return std::exchange(waiting_, {});
}

void Writer::Commit(std::span<Append> appends) {
  batch_.Clear();
  touched_.clear();
  const absl::Time now = ToStoredTime(options_.clock->Now());
  for (Append& append : appends) Prepare(append, now);
  if (const absl::Status status = Write(); status.ok()) {
    PublishAll(appends);
  } else {
    FailAll(appends, status);
  }
  Finish(appends);
  for (PartitionLog* partition : touched_) partition->watchers().WakeAll();
}

void Writer::Prepare(Append& append, absl::Time now) {
  auto& failures = append.session->failures();
  if (const auto failed = failures.find(append.partition); failed != failures.end()) {
    append.result = Annotate(absl::AbortedError(failed->second.ToString()), "an earlier append of this session failed");
    return;
  }
  absl::Status refusal = append.refusal;
  if (refusal.ok()) refusal = health_->Get();
  if (!refusal.ok()) {
    append.result = refusal;
    if (append.partition != nullptr) failures.emplace(append.partition, std::move(refusal));
    return;
  }
  append.stored->appended_at = now;
  append.result = append.partition->Stage(append.stored);
  StampValue(now, append.encoded);
  batch_.Put(EncodeKey(append.partition->number(), append.partition->ref().partition, *append.result), append.encoded);
  if (std::find(touched_.begin(), touched_.end(), append.partition) == touched_.end()) {
    touched_.push_back(append.partition);
  }
}

absl::Status Writer::Write() {
  if (batch_.Count() == 0) return absl::OkStatus();
  rocksdb::WriteOptions write;
  write.sync = options_.sync;
  const rocksdb::Status status = db_.Write(write, &batch_);
  if (status.ok()) return absl::OkStatus();
  const absl::Status unavailable =
      absl::UnavailableError(fmt::format("the log could not be written: {}", status.ToString()));
  // For good: the file may hold these offsets now, so they cannot be given again.
  health_->Fail(unavailable);
  return unavailable;
}

void Writer::FailAll(std::span<Append> appends, const absl::Status& status) {
  touched_.clear();
  for (Append& append : appends) {
    if (!append.result.ok()) continue;
    append.result = status;
    append.session->failures().emplace(append.partition, status);
  }
}

void Writer::PublishAll(std::span<const Append> appends) {
  for (PartitionLog* partition : touched_) partition->Publish();
  for (const Append& append : appends) {
    if (!append.result.ok()) continue;
    tail_order_.emplace_back(append.partition, append.bytes);
    tail_bytes_ += append.bytes;
  }
  while (tail_bytes_ > options_.tail_bytes) {
    const auto [partition, bytes] = tail_order_.front();
    tail_order_.pop_front();
    tail_bytes_ -= bytes;
    partition->DropOldest();
  }
}

void Writer::Finish(std::span<Append> appends) {
  size_t bytes = 0;
  for (Append& append : appends) {
    bytes += append.bytes;
    if (append.done) append.done(std::move(append.result));
    // Before the session may end: what the callback holds goes first.
    append.done = nullptr;
    std::exchange(append.session, nullptr)->Done();
  }
  {
    MutexLock lock(mutex_);
    waiting_bytes_ -= bytes;
  }
  room_.notify_all();
}

}  // namespace tributary::eventlog::embedded
