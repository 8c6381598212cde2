#include "tributary/projection/store.h"

#include "fmt/format.h"
#include "rocksdb/db.h"
#include "src/memory_store.h"
#include "src/rocks_options.h"
#include "src/rocks_store.h"

namespace tributary::projection {

std::shared_ptr<SharedResources> SharedResources::Create(const Options& options) {
  return std::make_shared<RocksResources>(options);
}

absl::StatusOr<std::shared_ptr<Store>> Store::Open(const Options& options) {
  if (options.in_memory) return MakeMemoryStore();
  return OpenRocksStore(options);
}

absl::Status Store::Destroy(const std::string& path) {
  return FromRocks(rocksdb::DestroyDB(path, rocksdb::Options()), fmt::format("destroy {}", path));
}

}  // namespace tributary::projection
