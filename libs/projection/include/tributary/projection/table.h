// Tables of three kinds, and who may read and write them (DESIGN section 1).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message_lite.h"
#include "tributary/projection/key.h"

namespace tributary::processor {
class Task;
}

namespace tributary::projection {

// Facts' tables are written by ApplyFact alone, decisions' tables by ApplyDecision alone, caches by
// Derive alone. kMeta is the store's own.
enum class Kind : uint8_t { kMeta = 0, kFacts = 1, kDecisions = 2, kCaches = 3 };

// Whether rows that were just written are soon read again: what is not would only push out of a task's
// cache what is. A matter of speed alone.
enum class Reuse : uint8_t { kLikely, kUnlikely };

// A table: Key is a std::tuple of parts that key.h encodes, V a protobuf message. `id` is part of the
// format: unique in a processor, 32..255 (below 32: the processor library), never used again.
template <Kind K, typename Key, typename V>
struct Table {
  static constexpr Kind kKind = K;
  using KeyType = Key;
  using ValueType = V;
  uint8_t id;
  std::string_view name;
  Reuse reuse = Reuse::kLikely;
};

// A decoded row. Null: no such row. Immutable, shared.
template <typename V>
using Row = std::shared_ptr<const V>;
using AnyRow = std::shared_ptr<const google::protobuf::MessageLite>;

struct RawScan {
  Kind kind;
  uint8_t table;
  std::string prefix;  // encoded; rows whose key starts with it
  std::string from;    // encoded; empty: the prefix's first (last, if reverse). Inclusive; going up rows
                       // >= from are visited, in reverse those <= from or starting with it.
  bool reverse = false;
};

// What a view stands on: a stack of segments over a store, or a snapshot of a store. An error of the
// disk or a row that does not parse is latched: reads then return "absent", and whoever owns the
// reader looks at status() before anything that was read has consequences.
class RawReader {
 public:
  virtual ~RawReader() = default;
  virtual AnyRow Get(Kind kind, uint8_t table, std::string_view key,
                     const google::protobuf::MessageLite& prototype) = 0;
  // Calls `visit` for each row in order until it returns false. `visit` may read, also scan; it must
  // not write (an overlay ends the process if it does). `key` lives during the call.
  virtual void Scan(const RawScan& scan, const google::protobuf::MessageLite& prototype,
                    const std::function<bool(std::string_view key, const AnyRow& row)>& visit) = 0;
  // The first error; for the reader's whole life.
  virtual absl::Status status() const = 0;
  // A key that does not decode is latched as DataLoss through this.
  virtual void Latch(absl::Status status) = 0;
};

template <typename Key>
struct ScanRange {
  std::optional<Key> from;  // inclusive start
  bool reverse = false;
};

namespace internal {

template <typename T>
Row<typename T::ValueType> Get(RawReader& reader, const T& table, const typename T::KeyType& key) {
  return std::static_pointer_cast<const typename T::ValueType>(
      reader.Get(T::kKind, table.id, EncodeKey(key), T::ValueType::default_instance()));
}

template <typename T, typename Prefix, typename Visit>
void Scan(RawReader& reader, const T& table, const Prefix& prefix, const ScanRange<typename T::KeyType>& range,
          const Visit& visit) {
  RawScan scan{T::kKind, table.id, EncodeKey(prefix), range.from ? EncodeKey(*range.from) : std::string(),
               range.reverse};
  reader.Scan(scan, T::ValueType::default_instance(), [&](std::string_view bytes, const AnyRow& row) {
    typename T::KeyType key;
    if (!DecodeKey(bytes, &key)) {
      reader.Latch(absl::DataLossError("a key of table " + std::string(table.name) + " does not decode"));
      return false;
    }
    return visit(key, std::static_pointer_cast<const typename T::ValueType>(row));
  });
}

}  // namespace internal

// Reads tables of every kind. A cheap handle; valid while its reader is; one thread at a time.
class View {
 public:
  explicit View(RawReader& reader) : reader_(&reader) {}
  // The row, or null.
  template <typename T>
  Row<typename T::ValueType> Get(const T& table, const typename T::KeyType& key) const {
    return internal::Get(*reader_, table, key);
  }
  template <typename T>
  bool Contains(const T& table, const typename T::KeyType& key) const {
    return Get(table, key) != nullptr;
  }
  // Rows whose key starts with the parts of `prefix` (a tuple, std::tuple<>() for all), in key order,
  // until `visit(const Key&, const Row<V>&)` returns false.
  template <typename T, typename Prefix, typename Visit>
  void Scan(const T& table, const Prefix& prefix, const Visit& visit,
            const ScanRange<typename T::KeyType>& range = {}) const {
    internal::Scan(*reader_, table, prefix, range, visit);
  }

 private:
  RawReader* reader_;
};

// Reads tables of one kind: what an Apply may see.
template <Kind K>
class KindView {
 public:
  explicit KindView(RawReader& reader) : view_(reader) {}
  template <typename T>
  Row<typename T::ValueType> Get(const T& table, const typename T::KeyType& key) const {
    static_assert(T::kKind == K, "an Apply reads tables of its own kind alone");
    return view_.Get(table, key);
  }
  template <typename T>
  bool Contains(const T& table, const typename T::KeyType& key) const {
    return Get(table, key) != nullptr;
  }
  template <typename T, typename Prefix, typename Visit>
  void Scan(const T& table, const Prefix& prefix, const Visit& visit,
            const ScanRange<typename T::KeyType>& range = {}) const {
    static_assert(T::kKind == K, "an Apply reads tables of its own kind alone");
    view_.Scan(table, prefix, visit, range);
  }

 private:
  View view_;
};

// Writes to the top segment.
class RawWriter {
 public:
  virtual ~RawWriter() = default;
  // A null row deletes. `prototype`: of the table's type, to decode the row that is there. Not to be
  // called by what a scan visits: the process ends.
  virtual void Put(Kind kind, uint8_t table, std::string key, AnyRow row,
                   const google::protobuf::MessageLite& prototype, Reuse reuse) = 0;
};

namespace testing {
class WriteRightForTests;
}

// Only a task can make one: the right to make writers.
class WriteRight {
  WriteRight() = default;
  friend class tributary::processor::Task;
  friend class testing::WriteRightForTests;
};

// The right to write the tables of one kind. Later reads, by any view of the same overlay, see it.
template <Kind K>
class Writer {
 public:
  Writer(WriteRight, RawWriter& raw) : raw_(&raw) {}
  template <typename T>
  void Put(const T& table, const typename T::KeyType& key, typename T::ValueType value) {
    static_assert(T::kKind == K, "this writer is of another kind");
    raw_->Put(K, table.id, EncodeKey(key), std::make_shared<const typename T::ValueType>(std::move(value)),
              T::ValueType::default_instance(), table.reuse);
  }
  // Deleting what is not there is no error.
  template <typename T>
  void Delete(const T& table, const typename T::KeyType& key) {
    static_assert(T::kKind == K, "this writer is of another kind");
    raw_->Put(K, table.id, EncodeKey(key), nullptr, T::ValueType::default_instance(), table.reuse);
  }

 private:
  RawWriter* raw_;
};

// Keys that a fact will need, gathered so that one MultiGet fetches them (DESIGN section 13).
class KeySet {
 public:
  struct Item {
    Kind kind;
    uint8_t table;
    std::string key;
    const google::protobuf::MessageLite* prototype;
  };
  template <typename T>
  void Add(const T& table, const typename T::KeyType& key) {
    items_.push_back({T::kKind, table.id, EncodeKey(key), &T::ValueType::default_instance()});
  }
  const std::vector<Item>& items() const { return items_; }
  void Clear() { items_.clear(); }

 private:
  std::vector<Item> items_;
};

// What one Apply changed, for Derive: in order of the writes; a key written twice is there twice.
class Changes {
 public:
  struct Item {
    Kind kind;
    uint8_t table;
    std::string key;
    AnyRow before;  // null: was absent
    AnyRow after;   // null: deleted
  };
  std::vector<Item>& items() { return items_; }
  bool empty() const { return items_.empty(); }

  // Visits the changes of `table`: visit(const Key&, const Row<V>& before, const Row<V>& after).
  template <typename T, typename Visit>
  void ForEach(const T& table, const Visit& visit) const {
    for (const Item& item : items_) {
      if (item.kind != T::kKind || item.table != table.id) continue;
      typename T::KeyType key;
      if (!DecodeKey(item.key, &key)) continue;  // written by this process from such a key: cannot fail
      visit(key, std::static_pointer_cast<const typename T::ValueType>(item.before),
            std::static_pointer_cast<const typename T::ValueType>(item.after));
    }
  }

 private:
  std::vector<Item> items_;
};

}  // namespace tributary::projection
