// A projection on disk: one RocksDB with a column family per kind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/projection/table.h"

namespace tributary::projection {

// Memory that all stores of a process share: one block cache, one write-buffer budget. Thread-safe.
class SharedResources {
 public:
  struct Options {
    size_t block_cache_bytes = 128 << 20;
    size_t write_buffer_bytes = 128 << 20;  // over all stores; older memtables are flushed beyond it
  };
  static std::shared_ptr<SharedResources> Create(const Options& options);
  virtual ~SharedResources() = default;
};

// xxh3-128 over every row (length-prefixed key and value) in key order. Rows are protobuf messages
// without maps, so equal contents have equal bytes.
struct Digest {
  struct OfTable {
    Kind kind;
    uint8_t table;
    uint64_t rows = 0;
    std::string digest;  // 16 bytes
  };
  std::string facts_and_decisions;  // 16 bytes: the canonical digest
  std::string caches;               // 16 bytes
  uint64_t rows = 0;
  std::vector<OfTable> tables;      // in order of kind and id; those with rows
};

// A frozen, consistent view of what was committed. Thread-compatible: one thread at a time; any number
// of snapshots. Keeps the store alive.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual View view() = 0;
  // Errors of reads through view(); look before you answer.
  virtual absl::Status status() const = 0;
  // The row that was committed under this name with the last commit; empty if none.
  virtual absl::StatusOr<std::string> Meta(std::string_view name) const = 0;
  // Reads all rows.
  virtual absl::StatusOr<Digest> ComputeDigest() const = 0;
};

class Segment;

// Thread-safe but for Commit (one thread).
class Store : public std::enable_shared_from_this<Store> {
 public:
  struct Options {
    std::string path;  // made if missing
    std::shared_ptr<SharedResources> resources;
    // Memory only, for tests and simulations: rocksdb's in-memory environment.
    bool in_memory = false;
  };
  // Errors: FailedPrecondition (locked by another process), DataLoss (corrupt).
  static absl::StatusOr<std::shared_ptr<Store>> Open(const Options& options);
  // Removes the files of a closed store; OK if there are none.
  static absl::Status Destroy(const std::string& path);
  virtual ~Store() = default;

  virtual std::unique_ptr<Snapshot> TakeSnapshot() = 0;
  // A copy that shares files with this store, to be opened elsewhere; `path` must not exist.
  virtual absl::Status Checkpoint(const std::string& path) = 0;
  // Bytes on disk, near enough.
  virtual absl::StatusOr<uint64_t> DiskBytes() const = 0;
  virtual absl::StatusOr<std::string> Meta(std::string_view name) const = 0;
  // A background error of RocksDB's, after which the store must be reopened; OK otherwise.
  virtual absl::Status Health() const = 0;
};

}  // namespace tributary::projection
