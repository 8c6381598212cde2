// The cursor of one reader: from memory at the end of the log, from disk while behind.
#pragma once

#include <memory>
#include <string>

#include "embedded/partition_log.h"
#include "rocksdb/db.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog::embedded {

class Reader final : public PartitionReader {
 public:
  // Both must outlive it.
  Reader(const PartitionLog& partition, rocksdb::DB& db, Offset from);

  absl::StatusOr<ReadResult> Poll(const ReadLimits& limits) override;
  Offset position() const override { return position_; }
  void Seek(Offset next) override { position_ = next; }

 private:
  absl::StatusOr<ReadResult> PollDisk(const ReadLimits& limits, Offset end);
  // Puts the iterator on the record at `offset`, which is visible and so must exist.
  absl::Status MoveTo(Offset offset);
  absl::Status Missing(Offset offset) const;

  const PartitionLog& partition_;
  rocksdb::DB& db_;
  Offset position_;

  // Kept between polls while behind, for its readahead; let go at the tail and after some bytes, because
  // it pins the memtables and files of the time when it was made.
  const std::string upper_key_;
  const rocksdb::Slice upper_bound_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  Offset iterator_at_ = kNoOffset;
  size_t iterator_bytes_ = 0;
};

}  // namespace tributary::eventlog::embedded
