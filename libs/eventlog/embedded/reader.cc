#include "embedded/reader.h"

#include <algorithm>
#include <utility>

#include "embedded/record_codec.h"
#include "embedded/store.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::embedded {
namespace {

constexpr size_t kReadaheadBytes = 512 << 10;
constexpr size_t kIteratorBytes = 64 << 20;

}  // namespace

Reader::Reader(const PartitionLog& partition, rocksdb::DB& db, Offset from)
    : partition_(partition),
      db_(db),
      position_(from),
      upper_key_(EncodeKey(partition.number(), Partition(partition.ref().partition.value() + 1), Offset(0))),
      upper_bound_(upper_key_) {}

absl::StatusOr<ReadResult> Reader::Poll(const ReadLimits& limits) {
  PartitionLog::TailRead tail = partition_.ReadTail(position_, limits);
  if (position_ < Offset(0) || position_ > tail.end) {
    return absl::DataLossError(
        fmt::format("{}: the position is {} but the log ends at {}", partition_.ref().ToString(), position_, tail.end));
  }
  if (!tail.from_tail) return PollDisk(limits, tail.end);
  iterator_.reset();
  position_ = Offset(position_.value() + static_cast<int64_t>(tail.records.size()));
  return ReadResult{.records = std::move(tail.records), .at_end = position_ == tail.end};
}

absl::StatusOr<ReadResult> Reader::PollDisk(const ReadLimits& limits, Offset end) {
  ReadResult result;
  const size_t most = std::max<size_t>(limits.max_records, 1);
  size_t bytes = 0;
  Offset next = position_;
  absl::Status error;
  while (next < end && result.records.size() < most) {
    error = MoveTo(next);
    if (!error.ok()) break;
    absl::StatusOr<RecordPtr> record = DecodeValue(next, iterator_->value().ToStringView());
    if (!record.ok()) {
      error = Annotate(record.status(), partition_.ref().ToString());
      break;
    }
    bytes += (*record)->record.Size();
    if (bytes > limits.max_bytes && !result.records.empty()) break;
    iterator_bytes_ += iterator_->value().size();
    result.records.push_back(*std::move(record));
    next = Next(next);
    iterator_->Next();
    iterator_at_ = next;
  }
  if (!error.ok()) {
    iterator_.reset();
    // Otherwise the next poll meets the error again, with nothing before it.
    if (result.records.empty()) return error;
  }
  position_ = next;
  result.at_end = next == end;
  return result;
}

absl::Status Reader::MoveTo(Offset offset) {
  // An iterator sees what was there when it was made: one that has run out is made anew, once.
  const bool usable =
      iterator_ != nullptr && iterator_at_ == offset && iterator_bytes_ < kIteratorBytes && iterator_->Valid();
  if (!usable) {
    rocksdb::ReadOptions options;
    options.iterate_upper_bound = &upper_bound_;
    options.readahead_size = kReadaheadBytes;
    iterator_.reset(db_.NewIterator(options));
    iterator_->Seek(EncodeKey(partition_.number(), partition_.ref().partition, offset));
    iterator_at_ = offset;
    iterator_bytes_ = 0;
  }
  if (!iterator_->Valid()) {
    const absl::Status status = ToStatus(iterator_->status());
    return status.ok() ? Missing(offset) : Annotate(status, partition_.ref().ToString());
  }
  return DecodeOffset(iterator_->key().ToStringView()) == offset ? absl::OkStatus() : Missing(offset);
}

absl::Status Reader::Missing(Offset offset) const {
  return absl::DataLossError(
      fmt::format("{}: the record at offset {} is missing", partition_.ref().ToString(), offset));
}

}  // namespace tributary::eventlog::embedded
