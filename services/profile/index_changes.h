// What happens to the rows of an index over entries.
#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tributary/projection/table.h"

namespace tributary::profile {

// The last that happened to each key: the row that is to be there, or nothing.
template <typename Key, typename Row>
using IndexChanges = std::map<Key, std::optional<Row>>;

// `rows` come (or go, unless `present`).
template <typename Key, typename Row>
void Note(std::vector<std::pair<Key, Row>> rows, bool present, IndexChanges<Key, Row>* changes) {
  for (auto& [key, row] : rows) {
    (*changes)[std::move(key)] = present ? std::optional<Row>(std::move(row)) : std::nullopt;
  }
}

template <typename T, typename Key, typename Row>
void WriteIndex(const T& table, const IndexChanges<Key, Row>& changes,
                projection::Writer<projection::Kind::kCaches>& out) {
  for (const auto& [key, row] : changes) {
    if (row.has_value()) {
      out.Put(table, key, *row);
    } else {
      out.Delete(table, key);
    }
  }
}

}  // namespace tributary::profile
