#include "src/memory_store.h"

#include <array>
#include <functional>
#include <utility>

#include "absl/container/btree_map.h"
#include "src/rocks_store.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"

namespace tributary::projection {
namespace {

using Rows = absl::btree_map<std::string, std::string, std::less<>>;  // by raw key
// Indexed by kind. Shared with snapshots; a commit copies the kinds that it changes and others hold.
using Kinds = std::array<std::shared_ptr<Rows>, 4>;

class MemoryCursor final : public RowCursor {
 public:
  MemoryCursor(const Rows& rows, const KeyRange& range, bool reverse)
      : reverse_(reverse),
        begin_(rows.lower_bound(range.lower)),
        end_(range.upper.empty() ? rows.end() : rows.lower_bound(range.upper)) {
    if (reverse_) StepBack();
  }
  bool Valid() const override { return reverse_ ? !before_begin_ : begin_ != end_; }
  void Next() override {
    if (reverse_) {
      StepBack();
    } else {
      ++begin_;
    }
  }
  std::string_view key() const override { return at()->first; }
  std::string_view value() const override { return at()->second; }
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  Rows::const_iterator at() const { return reverse_ ? end_ : begin_; }
  void StepBack() {
    before_begin_ = end_ == begin_;
    if (!before_begin_) --end_;
  }

  const bool reverse_;
  Rows::const_iterator begin_;
  Rows::const_iterator end_;
  bool before_begin_ = false;
};

class MemorySource final : public RowSource {
 public:
  explicit MemorySource(Kinds kinds) : kinds_(std::move(kinds)) {}

  absl::Status Get(Kind kind, std::string_view raw_key,
                   absl::FunctionRef<void(std::string_view)> found) const override {
    const Rows& rows = *kinds_[static_cast<size_t>(kind)];
    const auto it = rows.find(raw_key);
    if (it != rows.end()) found(it->second);
    return absl::OkStatus();
  }
  absl::Status MultiGet(Kind kind, absl::Span<const std::string_view> raw_keys,
                        absl::FunctionRef<void(size_t, std::string_view)> found) const override {
    for (size_t i = 0; i < raw_keys.size(); ++i) {
      TRIBUTARY_RETURN_IF_ERROR(Get(kind, raw_keys[i], [&](std::string_view value) { found(i, value); }));
    }
    return absl::OkStatus();
  }
  std::unique_ptr<RowCursor> Scan(Kind kind, const KeyRange& range, bool reverse) const override {
    return std::make_unique<MemoryCursor>(*kinds_[static_cast<size_t>(kind)], range, reverse);
  }

  Kinds& kinds() { return kinds_; }
  const Kinds& kinds() const { return kinds_; }

 private:
  Kinds kinds_;
};

class MemoryStore final : public RowStore {
 public:
  MemoryStore() : latest_({}) {
    for (std::shared_ptr<Rows>& rows : latest_.kinds()) rows = std::make_shared<Rows>();
  }

  const RowSource& latest() const override { return latest_; }

  absl::Status Commit(absl::Span<const RowWrite> writes, std::string_view meta_name,
                      std::string_view meta_value) override {
    MutexLock lock(mutex_);
    for (const RowWrite& write : writes) {
      Rows& rows = Own(write.kind);
      if (write.row == nullptr) {
        if (const auto it = rows.find(write.raw_key); it != rows.end()) rows.erase(it);
        continue;
      }
      write.row->SerializePartialToString(&rows[std::string(write.raw_key)]);
    }
    if (!meta_name.empty()) Own(Kind::kMeta)[std::string(meta_name)] = std::string(meta_value);
    return absl::OkStatus();
  }

  std::unique_ptr<Snapshot> TakeSnapshot() override {
    MutexLock lock(mutex_);
    return MakeSnapshot(shared_from_this(), std::make_unique<Frozen>(*this));
  }
  absl::Status Checkpoint(const std::string& path) override {
    MemorySource frozen({});
    {
      MutexLock lock(mutex_);
      frozen.kinds() = latest_.kinds();
    }
    const absl::Status status = WriteRocksCheckpoint(frozen, path);
    MutexLock lock(mutex_);  // see Frozen
    frozen.kinds() = {};
    return status;
  }
  absl::StatusOr<uint64_t> DiskBytes() const override { return 0; }
  absl::StatusOr<std::string> Meta(std::string_view name) const override {
    MutexLock lock(mutex_);
    return ReadMeta(latest_, name);
  }
  absl::Status Health() const override { return absl::OkStatus(); }

 private:
  // Lets go of its rows under the store's mutex: so a commit that sees that it is a row's only holder
  // comes after all that the snapshot read.
  class Frozen final : public RowSource {
   public:
    explicit Frozen(MemoryStore& store) : store_(store), source_(store.latest_.kinds()) {}
    ~Frozen() override {
      MutexLock lock(store_.mutex_);
      source_.kinds() = {};
    }
    absl::Status Get(Kind kind, std::string_view raw_key,
                     absl::FunctionRef<void(std::string_view)> found) const override {
      return source_.Get(kind, raw_key, found);
    }
    absl::Status MultiGet(Kind kind, absl::Span<const std::string_view> raw_keys,
                          absl::FunctionRef<void(size_t, std::string_view)> found) const override {
      return source_.MultiGet(kind, raw_keys, found);
    }
    std::unique_ptr<RowCursor> Scan(Kind kind, const KeyRange& range, bool reverse) const override {
      return source_.Scan(kind, range, reverse);
    }

   private:
    MemoryStore& store_;
    MemorySource source_;
  };

  // The rows of a kind, held by nobody else.
  Rows& Own(Kind kind) TRIBUTARY_REQUIRES(mutex_) {
    std::shared_ptr<Rows>& rows = latest_.kinds()[static_cast<size_t>(kind)];
    if (rows.use_count() > 1) rows = std::make_shared<Rows>(*rows);
    return *rows;
  }

  mutable Mutex mutex_;
  // Changed under the mutex by the committing thread, which alone reads it without.
  MemorySource latest_;
};

}  // namespace

std::shared_ptr<Store> MakeMemoryStore() { return std::make_shared<MemoryStore>(); }

}  // namespace tributary::projection
