// Keys of rows in hash tables. The hash is computed once and carried along, for a look-up asks
// several tables.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "src/row_store.h"

namespace tributary::projection {

struct RowKeyView {
  RowKeyView(Kind k, uint8_t t, std::string_view encoded)
      : kind(k),
        table(t),
        key(encoded),
        hash(XXH3_64bits_withSeed(encoded.data(), encoded.size(), (static_cast<uint64_t>(k) << 8) | t)) {}
  Kind kind;
  uint8_t table;
  std::string_view key;
  size_t hash;
};

struct RowKey {
  explicit RowKey(const RowKeyView& view) : kind(view.kind), raw(RawKey(view.table, view.key)), hash(view.hash) {}
  uint8_t table() const { return static_cast<uint8_t>(raw.front()); }
  std::string_view key() const { return std::string_view(raw).substr(1); }
  Kind kind;
  std::string raw;
  size_t hash;
};

struct RowKeyHash {
  using is_transparent = void;
  template <typename K>
  size_t operator()(const K& key) const {
    return key.hash;
  }
};

struct RowKeyEqual {
  using is_transparent = void;
  bool operator()(const RowKey& a, const RowKey& b) const { return a.kind == b.kind && a.raw == b.raw; }
  bool operator()(const RowKey& a, const RowKeyView& b) const {
    return a.kind == b.kind && a.table() == b.table && a.key() == b.key;
  }
  bool operator()(const RowKeyView& a, const RowKey& b) const { return (*this)(b, a); }
};

}  // namespace tributary::projection
