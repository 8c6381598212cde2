// One segment's rows: found by key, and in order where somebody scans.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/row_key.h"

namespace tributary::projection {

struct PendingRow {
  explicit PendingRow(const RowKeyView& view) : key(view) {}
  RowKey key;
  AnyRow row;  // null: deleted
  Reuse reuse = Reuse::kLikely;
  bool written = false;  // false again after a rollback: as if it were not here
};

class Layer {
 public:
  using Sorted = absl::btree_map<std::string_view, const PendingRow*>;  // by raw key

  // Null if the layer says nothing of the row.
  const PendingRow* Find(const RowKeyView& key) const {
    const auto it = by_key_.find(key, key.hash);
    return it != by_key_.end() && (*it)->written ? *it : nullptr;
  }

  // The row's place, which stays where it is. `written` false if it is new.
  PendingRow& Place(const RowKeyView& key) {
    if (const auto it = by_key_.find(key, key.hash); it != by_key_.end()) return **it;
    PendingRow& row = rows_.emplace_back(key);
    by_key_.insert(&row);
    std::unique_ptr<Index>& index = indices_[{key.kind, key.table}];
    if (index == nullptr) index = std::make_unique<Index>();
    index->unsorted.push_back(&row);
    return row;
  }

  // The places of one table in key order, also those not written. Only tables that are scanned pay for
  // their order. Null if there are none.
  const Sorted* InOrder(Kind kind, uint8_t table) {
    const auto it = indices_.find({kind, table});
    if (it == indices_.end()) return nullptr;
    Index& index = *it->second;
    for (const PendingRow* row : index.unsorted) index.sorted.emplace(row->key.raw, row);
    index.unsorted.clear();
    return &index.sorted;
  }

  // In order of the first writes; also those not written.
  std::deque<PendingRow>& rows() { return rows_; }

 private:
  struct Index {
    Sorted sorted;
    std::vector<const PendingRow*> unsorted;
  };
  struct PlaceHash {
    using is_transparent = void;
    size_t operator()(const PendingRow* row) const { return row->key.hash; }
    size_t operator()(const RowKeyView& key) const { return key.hash; }
  };
  struct PlaceEqual {
    using is_transparent = void;
    bool operator()(const PendingRow* a, const PendingRow* b) const { return a == b; }
    bool operator()(const PendingRow* a, const RowKeyView& b) const { return RowKeyEqual()(a->key, b); }
    bool operator()(const RowKeyView& a, const PendingRow* b) const { return RowKeyEqual()(b->key, a); }
  };

  std::deque<PendingRow> rows_;  // a deque: pointers to its rows stay good
  absl::flat_hash_set<PendingRow*, PlaceHash, PlaceEqual> by_key_;
  absl::flat_hash_map<std::pair<Kind, uint8_t>, std::unique_ptr<Index>> indices_;
};

// Walks the written places of a layer within a range.
class LayerCursor {
 public:
  LayerCursor(const Layer::Sorted& sorted, const KeyRange& range, bool reverse)
      : reverse_(reverse),
        begin_(sorted.lower_bound(range.lower)),
        end_(range.upper.empty() ? sorted.end() : sorted.lower_bound(range.upper)) {
    Settle();
  }
  const PendingRow* row() const { return row_; }  // null: at the end
  void Next() {
    Step();
    Settle();
  }

 private:
  void Step() {
    if (reverse_) {
      --end_;
    } else {
      ++begin_;
    }
  }
  void Settle() {
    for (; begin_ != end_; Step()) {
      row_ = reverse_ ? std::prev(end_)->second : begin_->second;
      if (row_->written) return;
    }
    row_ = nullptr;
  }

  bool reverse_;
  Layer::Sorted::const_iterator begin_;
  Layer::Sorted::const_iterator end_;
  const PendingRow* row_ = nullptr;
};

}  // namespace tributary::projection
