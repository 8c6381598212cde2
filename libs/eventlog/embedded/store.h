// The RocksDB behind the embedded log: its options, what it holds at open, reading and writing it.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "src/health.h"
#include "tributary/eventlog/embedded/embedded_log.h"

namespace tributary::eventlog::embedded {

// Corruption is DataLoss; everything else Unavailable.
absl::Status ToStatus(const rocksdb::Status& status);

class Store {
 public:
  // Creates what is missing: the database, logs and their genesis records. Errors as OpenEmbeddedLog.
  // RocksDB's background errors go to `health`.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const EmbeddedLogOptions& options,
                                                     std::shared_ptr<HealthState> health);
  ~Store();

  struct FoundPartition {
    PartitionRef ref;
    uint32_t number;  // of the log, in keys
    Offset end;
  };
  const std::string& id() const { return id_; }
  const std::vector<LogSpec>& logs() const { return logs_; }
  const std::vector<FoundPartition>& partitions() const { return partitions_; }

  rocksdb::DB& db() { return *db_; }

 private:
  explicit Store(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}

  absl::Status LoadOrCreate(const EmbeddedLogOptions& options);
  absl::StatusOr<FoundPartition> Find(const PartitionRef& ref, uint32_t number);

  std::unique_ptr<rocksdb::DB> db_;
  std::string id_;
  std::vector<LogSpec> logs_;
  std::vector<FoundPartition> partitions_;
};

}  // namespace tributary::eventlog::embedded
