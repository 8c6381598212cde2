// One partition as its readers see it: the visible end, the recent records in memory, the watches.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "src/watchers.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog::embedded {

// Stage, Publish and DropOldest belong to the writer's thread; all else is thread-safe.
class PartitionLog {
 public:
  // `number`: of the log, in keys. `end`: what is on disk.
  PartitionLog(PartitionRef ref, uint32_t number, Offset end)
      : ref_(std::move(ref)), number_(number), next_(end), end_(end), tail_begin_(end) {}

  const PartitionRef& ref() const { return ref_; }
  uint32_t number() const { return number_; }
  Watchers& watchers() { return *watchers_; }

  // Gives `record` its offset. Not visible before Publish.
  Offset Stage(std::shared_ptr<StoredRecord> record);
  // Makes visible what was staged.
  void Publish();
  // Takes the oldest record out of memory; there must be one. It is still on disk.
  RecordPtr DropOldest();

  Offset End() const;

  struct TailRead {
    Offset end;              // visible when it was read
    bool from_tail = false;  // else `from` is older than the tail, or beyond the end
    std::vector<RecordPtr> records;
  };
  TailRead ReadTail(Offset from, const ReadLimits& limits) const;

 private:
  const PartitionRef ref_;
  const uint32_t number_;
  const std::shared_ptr<Watchers> watchers_ = std::make_shared<Watchers>();

  // The writer's own.
  Offset next_;
  std::vector<RecordPtr> staged_;

  mutable Mutex mutex_;
  Offset end_ TRIBUTARY_GUARDED_BY(mutex_);
  Offset tail_begin_ TRIBUTARY_GUARDED_BY(mutex_);           // == end_ if the tail is empty
  std::deque<RecordPtr> tail_ TRIBUTARY_GUARDED_BY(mutex_);  // [tail_begin_, end_)
};

}  // namespace tributary::eventlog::embedded
