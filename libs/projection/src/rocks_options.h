// How RocksDB is set up for projections, and its errors as ours.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/options.h"
#include "rocksdb/status.h"
#include "rocksdb/write_buffer_manager.h"
#include "tributary/projection/store.h"

namespace tributary::projection {

class RocksResources final : public SharedResources {
 public:
  explicit RocksResources(const Options& options);
  const std::shared_ptr<rocksdb::Cache>& block_cache() const { return block_cache_; }
  const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers() const { return write_buffers_; }

 private:
  std::shared_ptr<rocksdb::Cache> block_cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers_;
};

rocksdb::DBOptions DatabaseOptions(const RocksResources& resources);
// In order of Kind.
std::vector<rocksdb::ColumnFamilyDescriptor> ColumnFamilies(const RocksResources& resources);

// `what` says what was tried.
absl::Status FromRocks(const rocksdb::Status& status, std::string_view what);

}  // namespace tributary::projection
