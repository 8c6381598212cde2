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

// xxh3-128 over every row (key with table id, and value, each with its length before it) in key order,
// kinds and tables told apart; meta rows are not in it. Rows are protobuf messages without maps, so
// equal contents have equal bytes, whatever the order of writes and on disk as in memory.
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
  std::vector<OfTable> tables;  // in order of kind and id; those with rows
};

// A frozen, consistent view of what was committed. Thread-compatible: one thread at a time, which need
// not be the one that commits; any number of snapshots. Keeps the store alive, and the files (or, in
// memory, a copy) of what was overwritten since: hold it for a query, not for ever.
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

// Thread-safe; commits come from one thread, through an Overlay.
class Store : public std::enable_shared_from_this<Store> {
 public:
  struct Options {
    std::string path;                            // a directory of its own, made if missing
    std::shared_ptr<SharedResources> resources;  // null: of its own
    // Memory only, for tests and simulations: plain sorted maps, gone with the last pointer to the store
    // or a snapshot; path and resources are not used. Opening and dropping take microseconds.
    bool in_memory = false;
  };
  // Errors: FailedPrecondition (open already, here or in another process), DataLoss (corrupt),
  // ResourceExhausted (no space left), Unavailable (else).
  static absl::StatusOr<std::shared_ptr<Store>> Open(const Options& options);
  // Removes the files of a closed store; OK if there are none.
  static absl::Status Destroy(const std::string& path);
  virtual ~Store() = default;

  virtual std::unique_ptr<Snapshot> TakeSnapshot() = 0;
  // What was committed so far as a store on disk, to be opened elsewhere; `path` must not exist, its
  // parent must. On the same file system it shares files with this store; one in memory writes it out.
  virtual absl::Status Checkpoint(const std::string& path) = 0;
  // Bytes on disk, near enough; 0 in memory.
  virtual absl::StatusOr<uint64_t> DiskBytes() const = 0;
  // As Snapshot::Meta, of the latest commit.
  virtual absl::StatusOr<std::string> Meta(std::string_view name) const = 0;
  // A failed commit or a background error of RocksDB's, after which the store must be reopened; OK otherwise.
  virtual absl::Status Health() const = 0;
};

}  // namespace tributary::projection
