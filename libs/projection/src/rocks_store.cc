#include "src/rocks_store.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "rocksdb/db.h"
#include "rocksdb/listener.h"
#include "rocksdb/utilities/checkpoint.h"
#include "rocksdb/write_batch.h"
#include "src/rocks_options.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"

namespace tributary::projection {
namespace {

rocksdb::Slice ToSlice(std::string_view s) { return {s.data(), s.size()}; }
std::string_view ToView(const rocksdb::Slice& s) { return {s.data(), s.size()}; }

using Families = std::vector<rocksdb::ColumnFamilyHandle*>;  // in order of Kind

class RocksCursor final : public RowCursor {
 public:
  RocksCursor(rocksdb::DB* db, rocksdb::ColumnFamilyHandle* family, const rocksdb::Snapshot* snapshot,
              const KeyRange& range, bool reverse)
      : range_(range), lower_(ToSlice(range_.lower)), upper_(ToSlice(range_.upper)), reverse_(reverse) {
    rocksdb::ReadOptions read;
    read.snapshot = snapshot;
    if (!range_.lower.empty()) read.iterate_lower_bound = &lower_;
    if (!range_.upper.empty()) read.iterate_upper_bound = &upper_;
    it_.reset(db->NewIterator(read, family));
    if (reverse_) {
      it_->SeekToLast();
    } else {
      it_->SeekToFirst();
    }
  }
  bool Valid() const override { return it_->Valid(); }
  void Next() override {
    if (reverse_) {
      it_->Prev();
    } else {
      it_->Next();
    }
  }
  std::string_view key() const override { return ToView(it_->key()); }
  std::string_view value() const override { return ToView(it_->value()); }
  absl::Status status() const override { return FromRocks(it_->status(), "scan"); }

 private:
  const KeyRange range_;
  const rocksdb::Slice lower_;  // RocksDB keeps pointers to these
  const rocksdb::Slice upper_;
  const bool reverse_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

class RocksSource final : public RowSource {
 public:
  RocksSource(rocksdb::DB* db, const Families& families, const rocksdb::Snapshot* snapshot)
      : db_(db), families_(families), snapshot_(snapshot) {
    read_.snapshot = snapshot;
  }
  ~RocksSource() override {
    if (snapshot_ != nullptr) db_->ReleaseSnapshot(snapshot_);
  }
  RocksSource(const RocksSource&) = delete;
  RocksSource& operator=(const RocksSource&) = delete;

  absl::Status Get(Kind kind, std::string_view raw_key,
                   absl::FunctionRef<void(std::string_view)> found) const override {
    rocksdb::PinnableSlice value;
    const rocksdb::Status status = db_->Get(read_, Family(kind), ToSlice(raw_key), &value);
    if (status.IsNotFound()) return absl::OkStatus();
    if (status.ok()) found(ToView(value));
    return FromRocks(status, "get");
  }

  absl::Status MultiGet(Kind kind, absl::Span<const std::string_view> raw_keys,
                        absl::FunctionRef<void(size_t, std::string_view)> found) const override {
    std::vector<rocksdb::Slice> keys;
    keys.reserve(raw_keys.size());
    for (std::string_view key : raw_keys) keys.push_back(ToSlice(key));
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    db_->MultiGet(read_, Family(kind), keys.size(), keys.data(), values.data(), statuses.data(),
                  /*sorted_input=*/true);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      TRIBUTARY_RETURN_IF_ERROR(FromRocks(statuses[i], "multiget"));
      found(i, ToView(values[i]));
    }
    return absl::OkStatus();
  }

  std::unique_ptr<RowCursor> Scan(Kind kind, const KeyRange& range, bool reverse) const override {
    return std::make_unique<RocksCursor>(db_, Family(kind), snapshot_, range, reverse);
  }

 private:
  rocksdb::ColumnFamilyHandle* Family(Kind kind) const { return families_[static_cast<size_t>(kind)]; }

  rocksdb::DB* const db_;
  const Families& families_;
  const rocksdb::Snapshot* const snapshot_;
  rocksdb::ReadOptions read_;
};

// Keeps the first background error.
class ErrorListener final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status* error) override {
    Keep(FromRocks(*error, "background error"));
  }
  void Keep(absl::Status status) {
    MutexLock lock(mutex_);
    if (status_.ok()) status_ = std::move(status);
  }
  absl::Status status() const {
    MutexLock lock(mutex_);
    return status_;
  }

 private:
  mutable Mutex mutex_;
  absl::Status status_ TRIBUTARY_GUARDED_BY(mutex_);
};

class RocksStore final : public RowStore {
 public:
  static absl::StatusOr<std::shared_ptr<RocksStore>> Open(const Options& options) {
    std::shared_ptr<SharedResources> resources = options.resources;
    if (resources == nullptr) resources = SharedResources::Create({});
    const auto& rocks_resources = static_cast<const RocksResources&>(*resources);
    std::error_code error;
    std::filesystem::create_directories(options.path, error);
    if (error) return absl::UnavailableError(fmt::format("open {}: {}", options.path, error.message()));
    auto listener = std::make_shared<ErrorListener>();
    rocksdb::DBOptions database = DatabaseOptions(rocks_resources);
    database.listeners.push_back(listener);
    Families families;
    rocksdb::DB* db = nullptr;
    TRIBUTARY_RETURN_IF_ERROR(
        FromRocks(rocksdb::DB::Open(database, options.path, ColumnFamilies(rocks_resources), &families, &db),
                  fmt::format("open {}", options.path)));
    return std::shared_ptr<RocksStore>(
        new RocksStore(options.path, std::move(resources), std::move(listener), db, std::move(families)));
  }

  ~RocksStore() override {
    for (rocksdb::ColumnFamilyHandle* family : families_) db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    // A failure to close loses nothing: what was committed is in the write-ahead log.
    db_->Close().PermitUncheckedError();
  }

  const RowSource& latest() const override { return latest_; }

  absl::Status Commit(absl::Span<const RowWrite> writes, std::string_view meta_name,
                      std::string_view meta_value) override {
    batch_.Clear();
    for (const RowWrite& write : writes) {
      rocksdb::ColumnFamilyHandle* family = families_[static_cast<size_t>(write.kind)];
      if (write.row == nullptr) {
        TRIBUTARY_RETURN_IF_ERROR(FromRocks(batch_.Delete(family, ToSlice(write.raw_key)), "commit"));
        continue;
      }
      // Messages have no maps (DESIGN section 8): equal rows have equal bytes.
      write.row->SerializePartialToString(&scratch_);
      TRIBUTARY_RETURN_IF_ERROR(FromRocks(batch_.Put(family, ToSlice(write.raw_key), ToSlice(scratch_)), "commit"));
    }
    if (!meta_name.empty()) {
      TRIBUTARY_RETURN_IF_ERROR(FromRocks(batch_.Put(families_[0], ToSlice(meta_name), ToSlice(meta_value)), "commit"));
    }
    // With the write-ahead log but unsynced: a killed process loses nothing, a lost machine only what
    // the log of records still has.
    absl::Status status = FromRocks(db_->Write(rocksdb::WriteOptions(), &batch_), "commit");
    if (!status.ok()) listener_->Keep(status);
    return status;
  }

  std::unique_ptr<Snapshot> TakeSnapshot() override {
    return MakeSnapshot(shared_from_this(), std::make_unique<RocksSource>(db_.get(), families_, db_->GetSnapshot()));
  }

  absl::Status Checkpoint(const std::string& path) override {
    rocksdb::Checkpoint* raw = nullptr;
    TRIBUTARY_RETURN_IF_ERROR(FromRocks(rocksdb::Checkpoint::Create(db_.get(), &raw), "checkpoint"));
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
    return FromRocks(checkpoint->CreateCheckpoint(path), fmt::format("checkpoint {}", path));
  }

  absl::StatusOr<uint64_t> DiskBytes() const override {
    std::error_code error;
    uint64_t bytes = 0;
    for (std::filesystem::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
      std::error_code gone;  // a compaction may have removed the file since
      const uint64_t size = it->file_size(gone);
      if (!gone) bytes += size;
    }
    if (error) return absl::UnavailableError(fmt::format("size of {}: {}", path_, error.message()));
    return bytes;
  }

  absl::StatusOr<std::string> Meta(std::string_view name) const override { return ReadMeta(latest_, name); }
  absl::Status Health() const override { return listener_->status(); }

 private:
  RocksStore(std::string path, std::shared_ptr<SharedResources> resources, std::shared_ptr<ErrorListener> listener,
             rocksdb::DB* db, Families families)
      : path_(std::move(path)),
        resources_(std::move(resources)),
        listener_(std::move(listener)),
        db_(db),
        families_(std::move(families)),
        latest_(db, families_, /*snapshot=*/nullptr) {}

  const std::string path_;
  const std::shared_ptr<SharedResources> resources_;
  const std::shared_ptr<ErrorListener> listener_;
  const std::unique_ptr<rocksdb::DB> db_;
  const Families families_;
  const RocksSource latest_;
  rocksdb::WriteBatch batch_;  // kept for their memory
  std::string scratch_;
};

// Bytes that are a row already.
constexpr size_t kCheckpointBatchBytes = 1 << 20;

absl::Status CopyRows(const RowSource& source, rocksdb::DB* db, const Families& families) {
  rocksdb::WriteBatch batch;
  for (const Kind kind : {Kind::kMeta, Kind::kFacts, Kind::kDecisions, Kind::kCaches}) {
    const std::unique_ptr<RowCursor> cursor = source.Scan(kind, KeyRange{}, /*reverse=*/false);
    for (; cursor->Valid(); cursor->Next()) {
      TRIBUTARY_RETURN_IF_ERROR(FromRocks(
          batch.Put(families[static_cast<size_t>(kind)], ToSlice(cursor->key()), ToSlice(cursor->value())), "copy"));
      if (batch.GetDataSize() < kCheckpointBatchBytes) continue;
      TRIBUTARY_RETURN_IF_ERROR(FromRocks(db->Write(rocksdb::WriteOptions(), &batch), "copy"));
      batch.Clear();
    }
    TRIBUTARY_RETURN_IF_ERROR(cursor->status());
  }
  return FromRocks(db->Write(rocksdb::WriteOptions(), &batch), "copy");
}

}  // namespace

absl::StatusOr<std::shared_ptr<Store>> OpenRocksStore(const Store::Options& options) {
  return RocksStore::Open(options);
}

absl::Status WriteRocksCheckpoint(const RowSource& source, const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) {
    return absl::FailedPreconditionError(fmt::format("checkpoint {}: exists", path));
  }
  const RocksResources resources({.block_cache_bytes = 1 << 20, .write_buffer_bytes = 4 << 20});
  Families families;
  rocksdb::DB* raw = nullptr;
  std::filesystem::create_directories(path, error);
  TRIBUTARY_RETURN_IF_ERROR(
      FromRocks(rocksdb::DB::Open(DatabaseOptions(resources), path, ColumnFamilies(resources), &families, &raw),
                fmt::format("checkpoint {}", path)));
  const std::unique_ptr<rocksdb::DB> db(raw);
  absl::Status status = CopyRows(source, db.get(), families);
  for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family).PermitUncheckedError();
  if (status.ok()) status = FromRocks(db->Close(), "checkpoint");
  return status;
}

}  // namespace tributary::projection
