// What both stores, on disk and in memory, offer to overlay, snapshots and digest: rows as bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "tributary/projection/store.h"

namespace tributary::projection {

// A row's place within its kind: the table's id as a byte, then the encoded key.
inline std::string RawKey(uint8_t table, std::string_view key) {
  std::string raw;
  raw.reserve(1 + key.size());
  raw.push_back(static_cast<char>(table));
  raw.append(key);
  return raw;
}

// Raw keys in [lower, upper); an empty upper is no bound.
struct KeyRange {
  std::string lower;
  std::string upper;
  bool empty() const { return !upper.empty() && lower >= upper; }
};

// The raw keys that a scan visits.
KeyRange RangeOf(const RawScan& scan);

// Walks the rows of a range in order (or backwards). The views live until Next.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual std::string_view key() const = 0;  // raw
  virtual std::string_view value() const = 0;
  // Why it is not valid; OK at the end of the range.
  virtual absl::Status status() const = 0;
};

// Committed rows: the latest ones, or those of a moment.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // Calls `found` with the bytes, valid during the call, if there is such a row.
  virtual absl::Status Get(Kind kind, std::string_view raw_key,
                           absl::FunctionRef<void(std::string_view value)> found) const = 0;
  // Many at once. `raw_keys` ascend; `found` gets the index of each key that has a row.
  virtual absl::Status MultiGet(Kind kind, absl::Span<const std::string_view> raw_keys,
                                absl::FunctionRef<void(size_t index, std::string_view value)> found) const = 0;
  // `range` is not empty. The cursor must not outlive the source, nor see a commit of the same store's
  // if this is the latest source.
  virtual std::unique_ptr<RowCursor> Scan(Kind kind, const KeyRange& range, bool reverse) const = 0;
};

// One change of a commit; a null row deletes. The views must outlive the call.
struct RowWrite {
  Kind kind;
  std::string_view raw_key;
  const google::protobuf::MessageLite* row;
};

// Every Store is one.
class RowStore : public Store {
 public:
  // What was committed last. For the thread that commits.
  virtual const RowSource& latest() const = 0;
  // All of it or, on an error, nothing. One thread. An empty meta name writes no meta row.
  virtual absl::Status Commit(absl::Span<const RowWrite> writes, std::string_view meta_name,
                              std::string_view meta_value) = 0;
};

// A snapshot over such a source. `store` is kept alive longer than the source.
std::unique_ptr<Snapshot> MakeSnapshot(std::shared_ptr<Store> store, std::unique_ptr<RowSource> source);

// The meta row of that name; empty if there is none.
absl::StatusOr<std::string> ReadMeta(const RowSource& source, std::string_view name);

absl::StatusOr<Digest> ComputeDigestOf(const RowSource& source);

// The row, or DataLoss that names the table and nothing of the content.
absl::StatusOr<AnyRow> ParseRow(Kind kind, uint8_t table, std::string_view bytes,
                                const google::protobuf::MessageLite& prototype);

}  // namespace tributary::projection
