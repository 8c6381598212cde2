// Decoded rows of the store, absent ones too, bounded in rows and bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "src/row_key.h"

namespace tributary::projection {

// Two generations: what is used moves to the young one; when that holds half of the bound the old one
// is thrown away and it takes its place. As good as LRU here, without a list to keep.
class RowCache {
 public:
  RowCache(size_t max_rows, size_t max_bytes) : max_rows_(max_rows), max_bytes_(max_bytes) {}

  template <typename K>  // RowKey or RowKeyView
  bool Contains(const K& key) const {
    return young_.contains(key) || old_.contains(key);
  }

  // False if nothing is known of the row; else sets it (null: known to be absent).
  bool Find(const RowKeyView& key, AnyRow* row) {
    if (const auto it = young_.find(key, key.hash); it != young_.end()) {
      *row = it->second.row;
      return true;
    }
    const auto it = old_.find(key, key.hash);
    if (it == old_.end()) return false;
    *row = it->second.row;
    RowKey owned = it->first;
    const Entry entry = std::move(it->second);
    old_.erase(it);
    AddYoung(std::move(owned), entry);
    return true;
  }

  // Replaces what was known: the young generation hides the old one. `bytes` is the row's size on disk.
  void Insert(RowKey key, AnyRow row, size_t bytes) {
    if (max_rows_ == 0) return;
    const size_t cost = kOverhead + key.raw.size() + 2 * bytes;
    AddYoung(std::move(key), {std::move(row), cost});
  }

 private:
  // Allocations, hash slots and a decoded message's own fields; measured roughly.
  static constexpr size_t kOverhead = 160;
  struct Entry {
    AnyRow row;
    size_t cost;
  };
  using Generation = absl::flat_hash_map<RowKey, Entry, RowKeyHash, RowKeyEqual>;

  void AddYoung(RowKey key, Entry entry) {
    young_cost_ += entry.cost;
    young_.insert_or_assign(std::move(key), std::move(entry));
    if (young_.size() < std::max<size_t>(1, max_rows_ / 2) && young_cost_ < max_bytes_ / 2) return;
    old_ = std::move(young_);
    young_ = Generation();
    young_cost_ = 0;
  }

  const size_t max_rows_;
  const size_t max_bytes_;
  Generation young_;
  Generation old_;
  size_t young_cost_ = 0;
};

}  // namespace tributary::projection
