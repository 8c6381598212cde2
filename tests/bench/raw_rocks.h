// The baseline: RocksDB itself, with the options that a projection would want, and nothing of ours.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rocksdb/db.h"

namespace tributary::bench {

// What one committed segment reads and writes.
struct RawSegment {
  std::vector<std::string> reads;
  std::vector<std::pair<std::string, std::optional<std::string>>> writes;  // nothing: delete
};

class RawRocks {
 public:
  // `path` is removed first and last.
  explicit RawRocks(std::string path);
  ~RawRocks();
  // One MultiGet and one WriteBatch, WAL without sync, as a projection commits.
  void Run(const RawSegment& segment);
  // Those that are there.
  std::map<std::string, std::string> Read(const std::vector<std::string>& keys);
  void Write(const std::vector<std::pair<std::string, std::optional<std::string>>>& writes);

 private:
  void MultiGet(const std::vector<std::string>& keys, std::vector<rocksdb::PinnableSlice>* values);

  const std::string path_;
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace tributary::bench
