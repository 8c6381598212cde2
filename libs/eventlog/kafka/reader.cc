#include "kafka/reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kafka/codec.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

constexpr size_t kDrainRecords = 256;
// A leader that has just taken over may tell an older end for a moment.
constexpr absl::Duration kShrunkFor = absl::Seconds(10);
// How often a waiting poll looks whether its connection is still there.
constexpr absl::Duration kAwaitSlice = absl::Milliseconds(100);

void WakePartition(rd_kafka_t* /*client*/, void* opaque) {
  auto& [waker, partition] = *static_cast<std::pair<Waker*, KafkaPartition*>*>(opaque);
  waker->Wake(*partition);
}

}  // namespace

void OpenReaders::Add(KafkaReader* reader) {
  MutexLock lock(mutex_);
  readers_.insert(reader);
}

void OpenReaders::Remove(KafkaReader* reader) {
  MutexLock lock(mutex_);
  readers_.erase(reader);
}

void OpenReaders::ParkIdle(absl::Duration idle) {
  MutexLock lock(mutex_);  // held: none of them is destroyed meanwhile
  for (KafkaReader* reader : readers_) reader->ParkIfIdle(idle);
}

bool OpenReaders::Reads(const KafkaPartition& partition) const {
  MutexLock lock(mutex_);
  return std::any_of(readers_.begin(), readers_.end(),
                     [&](const KafkaReader* reader) { return &reader->partition() == &partition; });
}

KafkaReader::KafkaReader(const ReaderDeps& deps, KafkaPartition& partition, Offset from)
    : deps_(deps),
      partition_(partition),
      position_(from),
      wake_(&deps.waker, &partition),
      polled_at_(deps.clock.Monotonic()) {
  deps_.open.Add(this);
}

KafkaReader::~KafkaReader() {
  deps_.open.Remove(this);
  Stop();
  topic_.reset();
  if (client_ != nullptr) deps_.pool.Release(client_, partition_);
}

void KafkaReader::Seek(Offset next) {
  MutexLock lock(mutex_);
  if (next == position_) return;
  Stop();
  position_ = next;
}

void KafkaReader::ParkIfIdle(absl::Duration idle) {
  if (!mutex_.native().try_lock()) return;  // polled right now
  const bool holds = queue_ != nullptr && rd_kafka_queue_length(queue_.get()) > 0;
  if (holds && deps_.clock.Monotonic() - polled_at_ >= idle) Stop();
  mutex_.native().unlock();
}

absl::StatusOr<ReadResult> KafkaReader::Poll(const ReadLimits& limits) {
  MutexLock lock(mutex_);
  polled_at_ = deps_.clock.Monotonic();
  if (!lost_.ok()) return lost_;
  const absl::Status status = Fetch(std::max<size_t>(limits.max_records, 1));
  if (!status.ok()) {
    Stop();
    return status;
  }
  return Return(limits);
}

absl::Status KafkaReader::Fetch(size_t most) {
  // Twice: what is fetched while a connection breaks is fetched again.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (queue_ != nullptr && connection_changed()) Stop();
    if (queue_ == nullptr) TRIBUTARY_RETURN_IF_ERROR(Start());
    TRIBUTARY_RETURN_IF_ERROR(Drain(most));
    while (at_anchor_ || (buffer_.empty() && position_ < partition_.known_end())) {
      TRIBUTARY_RETURN_IF_ERROR(Await());
      TRIBUTARY_RETURN_IF_ERROR(Drain(most));
    }
    if (!connection_changed()) return absl::OkStatus();
  }
  return absl::UnavailableError(fmt::format("{}: the connection was lost", partition_.ref().ToString()));
}

absl::Status KafkaReader::Start() {
  // Before the brokers are asked: what is acknowledged meanwhile may be beyond their answer.
  const Offset known = partition_.known_end();
  TRIBUTARY_ASSIGN_OR_RETURN(const Range range, deps_.admin.FetchRange(partition_));
  TRIBUTARY_RETURN_IF_ERROR(CheckRange(range, known));
  partition_.SawEnd(range.end);
  if (client_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(client_, deps_.pool.Lease(partition_));
    topic_.reset(rd_kafka_topic_new(client_->get(), partition_.topic().c_str(), nullptr));
  }
  const bool elsewhere = anchor_.has_value() && Next(anchor_->offset) != position_;
  if (elsewhere && anchor_connection_ != client_->closed_connections()) TRIBUTARY_RETURN_IF_ERROR(CheckAnchor());
  at_anchor_ = position_ > Offset(0);
  return Subscribe(at_anchor_ ? Offset(position_.value() - 1) : position_);
}

absl::Status KafkaReader::CheckRange(const Range& range, Offset known) {
  if (position_ < range.begin) {
    const std::string what = fmt::format("the position is {} but the log begins at {}", position_, range.begin);
    // A position that never was a record's is the caller's mistake: Seek mends it.
    if (position_ < Offset(0)) {
      return absl::DataLossError(fmt::format("{}: {}", partition_.ref().ToString(), what));
    }
    return Lost(what);
  }
  if (range.end >= position_ && range.end >= known) {
    behind_since_.reset();
    return absl::OkStatus();
  }
  if (position_ > known) {
    return absl::DataLossError(fmt::format("{}: the position is {} but the log ends at {}", partition_.ref().ToString(),
                                           position_, std::max(range.end, known)));
  }
  const absl::Duration now = deps_.clock.Monotonic();
  if (!behind_since_.has_value()) behind_since_ = now;
  if (now - *behind_since_ < kShrunkFor) {
    return absl::UnavailableError(fmt::format("{}: the broker tells the end {} where {} was seen",
                                              partition_.ref().ToString(), range.end, known));
  }
  return Lost(
      fmt::format("the log ends at {} and has reached {} before: it was truncated or recreated", range.end, known));
}

absl::Status KafkaReader::CheckAnchor() {
  at_anchor_ = true;
  TRIBUTARY_RETURN_IF_ERROR(Subscribe(anchor_->offset));
  while (at_anchor_) TRIBUTARY_RETURN_IF_ERROR(Await());
  if (connection_changed()) return absl::UnavailableError("the connection was lost");
  Stop();
  return absl::OkStatus();
}

absl::Status KafkaReader::Subscribe(Offset from) {
  connection_ = client_->closed_connections();
  fetched_ = from;
  queue_.reset(rd_kafka_queue_new(client_->get()));
  rd_kafka_queue_cb_event_enable(queue_.get(), &WakePartition, &wake_);
  if (rd_kafka_consume_start_queue(topic_.get(), partition_.number(), from.value(), queue_.get()) == 0) {
    return absl::OkStatus();
  }
  const rd_kafka_resp_err_t error = rd_kafka_last_error();
  queue_.reset();
  return UnavailableFrom(partition_.ref().ToString(), error);
}

void KafkaReader::Stop() {
  if (queue_ == nullptr) return;
  rd_kafka_consume_stop(topic_.get(), partition_.number());
  rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  queue_.reset();
  buffer_.clear();
}

absl::Status KafkaReader::Drain(size_t most) {
  std::array<rd_kafka_message_t*, kDrainRecords> messages{};
  while (buffer_.size() < most) {
    const size_t room = std::min(messages.size(), most - buffer_.size());
    const ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), 0, messages.data(), room);
    if (count < 0) return UnavailableFrom(partition_.ref().ToString(), rd_kafka_last_error());
    absl::Status status;
    for (ssize_t i = 0; i < count; ++i) {
      const Message message(messages[static_cast<size_t>(i)]);
      if (status.ok()) status = Take(*message);
    }
    TRIBUTARY_RETURN_IF_ERROR(status);
    if (static_cast<size_t>(count) < room) break;
  }
  int64_t begin = 0;
  int64_t end = 0;
  // What the last answer told, without asking.
  rd_kafka_get_watermark_offsets(client_->get(), partition_.topic().c_str(), partition_.number(), &begin, &end);
  partition_.SawEnd(Offset(end));
  return absl::OkStatus();
}

absl::Status KafkaReader::Await() {
  const absl::Duration until = deps_.clock.Monotonic() + deps_.timeout;
  while (true) {
    const Message message(
        rd_kafka_consume_queue(queue_.get(), static_cast<int>(absl::ToInt64Milliseconds(kAwaitSlice))));
    if (message != nullptr) return Take(*message);
    if (connection_changed()) {
      return absl::UnavailableError(fmt::format("{}: the connection was lost", partition_.ref().ToString()));
    }
    if (deps_.clock.Monotonic() >= until) {
      return absl::UnavailableError(
          fmt::format("{}: no broker sent the record at {}", partition_.ref().ToString(), fetched_));
    }
  }
}

absl::Status KafkaReader::Take(rd_kafka_message_t& message) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return absl::OkStatus();
    default:
      // Out of range too: the next start finds out whether the log shrank.
      return UnavailableFrom(partition_.ref().ToString(), message.err);
  }
  TRIBUTARY_ASSIGN_OR_RETURN(RecordPtr record, DecodeMessage(message));
  return TakeRecord(std::move(record));
}

absl::Status KafkaReader::TakeRecord(RecordPtr record) {
  // What an old connection brought is of no use; Fetch looks after it.
  if (connection_changed()) return absl::OkStatus();
  if (record->offset != fetched_) {
    return Lost(fmt::format("the record at offset {} is missing: the next one is at {}", fetched_, record->offset));
  }
  fetched_ = Next(fetched_);
  if (record->offset == Offset(0) && (record->record.type != kGenesisType || record->record.value != deps_.log_id)) {
    return Lost("it begins with the genesis record of another log");
  }
  if (!at_anchor_) {
    buffer_.push_back(std::move(record));
    return absl::OkStatus();
  }
  at_anchor_ = false;
  const uint64_t fingerprint = Fingerprint(*record);
  if (anchor_.has_value() && anchor_->offset == record->offset && anchor_->fingerprint != fingerprint) {
    return Lost(
        fmt::format("the record at offset {} is another than before: it was truncated or recreated", record->offset));
  }
  anchor_ = {.offset = record->offset, .fingerprint = fingerprint};
  anchor_connection_ = connection_;
  return absl::OkStatus();
}

ReadResult KafkaReader::Return(const ReadLimits& limits) {
  const size_t most = std::max<size_t>(limits.max_records, 1);
  ReadResult result;
  size_t bytes = 0;
  while (!buffer_.empty() && result.records.size() < most) {
    bytes += buffer_.front()->record.Size();
    if (bytes > limits.max_bytes && !result.records.empty()) break;
    result.records.push_back(std::move(buffer_.front()));
    buffer_.pop_front();
  }
  if (!result.records.empty()) {
    const StoredRecord& last = *result.records.back();
    position_ = Next(last.offset);
    anchor_ = {.offset = last.offset, .fingerprint = Fingerprint(last)};
    anchor_connection_ = connection_;
  }
  partition_.SawEnd(position_);
  result.at_end = position_ >= partition_.known_end();
  return result;
}

absl::Status KafkaReader::Lost(std::string_view what) {
  lost_ = absl::DataLossError(fmt::format("{}: {}", partition_.ref().ToString(), what));
  return lost_;
}

}  // namespace tributary::eventlog::kafka
