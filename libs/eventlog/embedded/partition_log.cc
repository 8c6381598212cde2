#include "embedded/partition_log.h"

#include <algorithm>
#include <utility>

namespace tributary::eventlog::embedded {

Offset PartitionLog::Stage(std::shared_ptr<StoredRecord> record) {
  record->offset = next_;
  next_ = Next(next_);
  staged_.push_back(std::move(record));
  return staged_.back()->offset;
}

void PartitionLog::Publish() {
  {
    MutexLock lock(mutex_);
    tail_.insert(tail_.end(), std::make_move_iterator(staged_.begin()), std::make_move_iterator(staged_.end()));
    end_ = next_;
  }
  staged_.clear();
}

RecordPtr PartitionLog::DropOldest() {
  MutexLock lock(mutex_);
  RecordPtr oldest = std::move(tail_.front());
  tail_.pop_front();
  tail_begin_ = Next(tail_begin_);
  return oldest;
}

Offset PartitionLog::End() const {
  MutexLock lock(mutex_);
  return end_;
}

PartitionLog::TailRead PartitionLog::ReadTail(Offset from, const ReadLimits& limits) const {
  TailRead read;
  MutexLock lock(mutex_);
  read.end = end_;
  if (from < tail_begin_ || from > end_) return read;
  read.from_tail = true;
  const auto first = tail_.begin() + (from.value() - tail_begin_.value());
  const size_t most = std::min(std::max<size_t>(limits.max_records, 1), static_cast<size_t>(tail_.end() - first));
  read.records.reserve(most);
  size_t bytes = 0;
  for (auto it = first; read.records.size() < most; ++it) {
    bytes += (*it)->record.Size();
    if (bytes > limits.max_bytes && !read.records.empty()) break;
    read.records.push_back(*it);
  }
  return read;
}

}  // namespace tributary::eventlog::embedded
