#include "src/row_store.h"

#include <algorithm>

#include "fmt/format.h"

namespace tributary::projection {
namespace {

// The first string after all that start with `prefix`; empty if there is none.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

KeyRange RangeOf(const RawScan& scan) {
  KeyRange range;
  range.lower = RawKey(scan.table, scan.prefix);
  range.upper = AfterPrefix(range.lower);
  if (scan.from.empty()) return range;
  std::string from = RawKey(scan.table, scan.from);
  if (!scan.reverse) {
    if (from > range.lower) range.lower = std::move(from);
  } else if (std::string upper = AfterPrefix(std::move(from)); !upper.empty()) {
    if (range.upper.empty() || upper < range.upper) range.upper = std::move(upper);
  }
  return range;
}

absl::StatusOr<std::string> ReadMeta(const RowSource& source, std::string_view name) {
  std::string value;
  absl::Status status =
      source.Get(Kind::kMeta, name, [&](std::string_view bytes) { value.assign(bytes.data(), bytes.size()); });
  if (!status.ok()) return status;
  return value;
}

absl::StatusOr<AnyRow> ParseRow(Kind kind, uint8_t table, std::string_view bytes,
                                const google::protobuf::MessageLite& prototype) {
  std::shared_ptr<google::protobuf::MessageLite> row(prototype.New());
  if (!row->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        fmt::format("a row of table {} (kind {}) does not parse", table, static_cast<int>(kind)));
  }
  return AnyRow(std::move(row));
}

}  // namespace tributary::projection
