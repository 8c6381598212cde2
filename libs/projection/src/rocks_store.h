// The store on disk.
#pragma once

#include <memory>
#include <string>

#include "src/row_store.h"

namespace tributary::projection {

absl::StatusOr<std::shared_ptr<Store>> OpenRocksStore(const Store::Options& options);

// Writes all rows of `source` as a new store at `path`, which must not exist.
absl::Status WriteRocksCheckpoint(const RowSource& source, const std::string& path);

}  // namespace tributary::projection
