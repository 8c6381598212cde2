#include "tributary/projection/overlay.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "src/check.h"
#include "src/layer.h"
#include "src/row_cache.h"
#include "src/row_store.h"

namespace tributary::projection {
namespace {

class OverlayImpl final : public Overlay, private RawReader, private RawWriter {
 public:
  OverlayImpl(std::shared_ptr<RowStore> store, const Options& options)
      : store_(std::move(store)),
        record_changes_(options.record_changes),
        cache_(options.max_cached_rows, options.max_cached_bytes) {}

  RawReader& reader() override { return *this; }
  RawWriter& writer(WriteRight) override { return *this; }

  void Push() override {
    CheckNotScanning();
    layers_.push_back(std::make_unique<Layer>());
    ForgetTop();
  }
  size_t layers() const override { return layers_.size(); }
  void DropAll() override {
    CheckNotScanning();
    layers_.clear();
    pending_rows_ = 0;
    ForgetTop();
  }
  absl::Status CommitBottom(std::string_view meta_name, const std::string& meta_value) override;

  void Savepoint() override;
  void Rollback() override;
  Changes TakeChanges() override;
  void Prefetch(const KeySet& keys) override;
  size_t pending_rows() const override { return pending_rows_; }

 private:
  struct Undo {
    PendingRow* place;
    AnyRow row;
    bool written;
  };

  AnyRow Get(Kind kind, uint8_t table, std::string_view key, const google::protobuf::MessageLite& prototype) override {
    return Look(RowKeyView(kind, table, key), prototype);
  }
  void Scan(const RawScan& scan, const google::protobuf::MessageLite& prototype,
            const std::function<bool(std::string_view, const AnyRow&)>& visit) override;
  absl::Status status() const override { return status_; }
  void Latch(absl::Status status) override {
    if (status_.ok()) status_ = std::move(status);
  }
  void Put(Kind kind, uint8_t table, std::string key, AnyRow row, const google::protobuf::MessageLite& prototype,
           Reuse reuse) override;

  const PendingRow* FindPending(const RowKeyView& key) const {
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
      if (const PendingRow* row = (*layer)->Find(key)) return row;
    }
    return nullptr;
  }
  AnyRow Look(const RowKeyView& key, const google::protobuf::MessageLite& prototype);
  AnyRow Parse(Kind kind, uint8_t table, std::string_view bytes, const google::protobuf::MessageLite& prototype);
  void PrefetchKind(Kind kind, std::vector<const KeySet::Item*> items);
  // Savepoint and changes are of a top layer that is the top no more.
  void ForgetTop() {
    savepoint_ = false;
    undo_.clear();
    changes_ = Changes();
  }
  void CheckNotScanning() const { Check(scans_ == 0, "a scan's callback must not write"); }

  const std::shared_ptr<RowStore> store_;
  const bool record_changes_;
  absl::Status status_;
  RowCache cache_;
  // What the last Prefetch did not find. Not in the cache: most of it is the keys of rows about to be written.
  absl::flat_hash_set<RowKey, RowKeyHash, RowKeyEqual> absent_;
  std::deque<std::unique_ptr<Layer>> layers_;  // the bottom first
  size_t pending_rows_ = 0;
  Changes changes_;
  bool savepoint_ = false;
  size_t savepoint_changes_ = 0;
  std::vector<Undo> undo_;
  int scans_ = 0;  // under way, one in another
};

AnyRow OverlayImpl::Look(const RowKeyView& key, const google::protobuf::MessageLite& prototype) {
  if (!status_.ok()) return nullptr;
  if (const PendingRow* pending = FindPending(key)) return pending->row;
  AnyRow row;
  if (cache_.Find(key, &row)) return row;
  if (absent_.contains(key)) return nullptr;
  RowKey owned(key);
  size_t bytes = 0;
  Latch(store_->latest().Get(key.kind, owned.raw, [&](std::string_view value) {
    bytes = value.size();
    row = Parse(key.kind, key.table, value, prototype);
  }));
  if (!status_.ok()) return nullptr;
  cache_.Insert(std::move(owned), row, bytes);
  return row;
}

AnyRow OverlayImpl::Parse(Kind kind, uint8_t table, std::string_view bytes,
                          const google::protobuf::MessageLite& prototype) {
  absl::StatusOr<AnyRow> row = ParseRow(kind, table, bytes, prototype);
  if (row.ok()) return *std::move(row);
  Latch(row.status());
  return nullptr;
}

void OverlayImpl::Put(Kind kind, uint8_t table, std::string key, AnyRow row,
                      const google::protobuf::MessageLite& prototype, Reuse reuse) {
  CheckNotScanning();
  Check(!layers_.empty(), "a write needs a layer");
  const RowKeyView view(kind, table, key);
  const bool recorded = record_changes_ && (kind == Kind::kFacts || kind == Kind::kDecisions);
  AnyRow before = recorded ? Look(view, prototype) : nullptr;
  PendingRow& place = layers_.back()->Place(view);
  if (savepoint_) undo_.push_back({&place, place.row, place.written});
  if (!place.written) ++pending_rows_;
  place.written = true;
  place.reuse = reuse;
  place.row = row;
  if (recorded) changes_.items().push_back({kind, table, std::move(key), std::move(before), std::move(row)});
}

void OverlayImpl::Savepoint() {
  CheckNotScanning();
  Check(!layers_.empty(), "a savepoint needs a layer");
  savepoint_ = true;
  savepoint_changes_ = changes_.items().size();
  undo_.clear();
}

void OverlayImpl::Rollback() {
  CheckNotScanning();
  Check(savepoint_, "a rollback needs a savepoint");
  for (auto undo = undo_.rbegin(); undo != undo_.rend(); ++undo) {
    if (!undo->written) --pending_rows_;
    undo->place->written = undo->written;
    undo->place->row = std::move(undo->row);
  }
  undo_.clear();
  savepoint_ = false;
  changes_.items().resize(savepoint_changes_);
}

Changes OverlayImpl::TakeChanges() {
  savepoint_changes_ = 0;
  return std::exchange(changes_, Changes());
}

absl::Status OverlayImpl::CommitBottom(std::string_view meta_name, const std::string& meta_value) {
  CheckNotScanning();
  Check(!layers_.empty(), "a commit needs a layer");
  if (!status_.ok()) return status_;
  std::deque<PendingRow>& rows = layers_.front()->rows();
  std::vector<RowWrite> writes;
  writes.reserve(rows.size());
  for (const PendingRow& row : rows) {
    if (row.written) writes.push_back({row.key.kind, row.key.raw, row.row.get()});
  }
  // A memtable takes what comes in its order at half the price.
  std::sort(writes.begin(), writes.end(), [](const RowWrite& a, const RowWrite& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.raw_key < b.raw_key;
  });
  if (absl::Status status = store_->Commit(writes, meta_name, meta_value); !status.ok()) return status;
  pending_rows_ -= writes.size();
  for (PendingRow& row : rows) {
    if (!row.written) continue;
    absent_.erase(row.key);
    if (row.reuse == Reuse::kUnlikely && !cache_.Contains(row.key)) continue;
    // The size that serialising has just computed.
    const size_t bytes = row.row == nullptr ? 0 : static_cast<size_t>(row.row->GetCachedSize());
    cache_.Insert(std::move(row.key), std::move(row.row), bytes);
  }
  layers_.pop_front();
  if (layers_.empty()) ForgetTop();
  return absl::OkStatus();
}

void OverlayImpl::Prefetch(const KeySet& keys) {
  if (!status_.ok()) return;
  absent_.clear();
  std::vector<const KeySet::Item*> missing[4];
  for (const KeySet::Item& item : keys.items()) {
    const RowKeyView key(item.kind, item.table, item.key);
    if (FindPending(key) == nullptr && !cache_.Contains(key)) missing[static_cast<size_t>(item.kind)].push_back(&item);
  }
  for (const Kind kind : {Kind::kFacts, Kind::kDecisions, Kind::kCaches}) {
    std::vector<const KeySet::Item*>& items = missing[static_cast<size_t>(kind)];
    if (!items.empty()) PrefetchKind(kind, std::move(items));
  }
}

void OverlayImpl::PrefetchKind(Kind kind, std::vector<const KeySet::Item*> items) {
  const auto order = [](const KeySet::Item* item) { return std::tie(item->table, item->key); };
  std::sort(items.begin(), items.end(), [&](const auto* a, const auto* b) { return order(a) < order(b); });
  items.erase(
      std::unique(items.begin(), items.end(), [&](const auto* a, const auto* b) { return order(a) == order(b); }),
      items.end());
  std::vector<RowKey> owned;
  owned.reserve(items.size());
  std::vector<std::string_view> raw_keys;
  raw_keys.reserve(items.size());
  for (const KeySet::Item* item : items) {
    owned.emplace_back(RowKeyView(kind, item->table, item->key));
    raw_keys.push_back(owned.back().raw);
  }
  struct Fetched {
    AnyRow row;
    size_t bytes = 0;
  };
  std::vector<Fetched> fetched(items.size());
  Latch(store_->latest().MultiGet(kind, raw_keys, [&](size_t i, std::string_view bytes) {
    fetched[i] = {Parse(kind, items[i]->table, bytes, *items[i]->prototype), bytes.size()};
  }));
  if (!status_.ok()) return;
  for (size_t i = 0; i < items.size(); ++i) {
    if (fetched[i].row == nullptr) {
      absent_.insert(std::move(owned[i]));
    } else {
      cache_.Insert(std::move(owned[i]), std::move(fetched[i].row), fetched[i].bytes);
    }
  }
}

void OverlayImpl::Scan(const RawScan& scan, const google::protobuf::MessageLite& prototype,
                       const std::function<bool(std::string_view, const AnyRow&)>& visit) {
  const KeyRange range = RangeOf(scan);
  if (!status_.ok() || range.empty()) return;
  std::vector<LayerCursor> cursors;  // the top layer first
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const Layer::Sorted* sorted = (*layer)->InOrder(scan.kind, scan.table);
    if (sorted != nullptr) cursors.emplace_back(*sorted, range, scan.reverse);
  }
  const std::unique_ptr<RowCursor> stored = store_->latest().Scan(scan.kind, range, scan.reverse);
  struct ScanGuard {
    explicit ScanGuard(int* n) : scans(n) { ++*scans; }
    ~ScanGuard() { --*scans; }
    int* scans;
  } guard(&scans_);
  const auto sooner = [&](std::string_view a, std::string_view b) { return scan.reverse ? a > b : a < b; };
  while (true) {
    // The next key, and the topmost layer that has it; none: the store's row.
    const PendingRow* pending = nullptr;
    for (const LayerCursor& cursor : cursors) {
      if (cursor.row() == nullptr) continue;
      if (pending == nullptr || sooner(cursor.row()->key.raw, pending->key.raw)) pending = cursor.row();
    }
    if (!stored->Valid()) {
      Latch(stored->status());
      if (!status_.ok() || pending == nullptr) return;
    }
    const bool from_store = stored->Valid() && (pending == nullptr || sooner(stored->key(), pending->key.raw));
    const std::string_view raw_key = from_store ? stored->key() : std::string_view(pending->key.raw);
    const AnyRow row = from_store ? Parse(scan.kind, scan.table, stored->value(), prototype) : pending->row;
    if (!status_.ok()) return;
    // What a read in `visit` latches ends the scan as well.
    if (row != nullptr && (!visit(raw_key.substr(1), row) || !status_.ok())) return;
    for (LayerCursor& cursor : cursors) {
      if (cursor.row() != nullptr && cursor.row()->key.raw == raw_key) cursor.Next();
    }
    if (stored->Valid() && stored->key() == raw_key) stored->Next();
  }
}

}  // namespace

std::unique_ptr<Overlay> Overlay::Create(std::shared_ptr<Store> store, const Options& options) {
  auto rows = std::dynamic_pointer_cast<RowStore>(std::move(store));
  Check(rows != nullptr, "an overlay stands on a store that Store::Open made");
  return std::make_unique<OverlayImpl>(std::move(rows), options);
}

}  // namespace tributary::projection
