// What a log holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "fmt/format.h"
#include "tributary/base/strong_id.h"

namespace tributary::eventlog {

// Place of a record in its partition, from 0, without gaps.
using Offset = StrongId<struct OffsetTag, int64_t>;
using Partition = StrongId<struct PartitionTag, int32_t>;
inline constexpr Offset kNoOffset{-1};
inline Offset Next(Offset offset) { return Offset(offset.value() + 1); }

// The type of the first record of every partition; its value is the log's id (DESIGN section 10).
inline constexpr std::string_view kGenesisType = "genesis";

struct PartitionRef {
  std::string log;
  Partition partition;
  friend bool operator==(const PartitionRef&, const PartitionRef&) = default;
  friend auto operator<=>(const PartitionRef&, const PartitionRef&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const PartitionRef& ref) {
    return H::combine(std::move(h), ref.log, ref.partition);
  }
  // "journey/3"
  std::string ToString() const { return fmt::format("{}/{}", log, partition); }
};

struct Header {
  std::string key;
  std::string value;
  friend bool operator==(const Header&, const Header&) = default;
};

inline constexpr size_t kMaxTypeBytes = 64;
inline constexpr size_t kMaxKeyBytes = 512;
inline constexpr size_t kMaxHeaderBytes = 4 << 10;
inline constexpr size_t kMaxHeaders = 256;
inline constexpr size_t kMaxValueBytes = 1 << 20;

// key, headers and type hold no personal data. Bounds: type 1..64 bytes, key <= 512 bytes, at most 256
// headers of <= 4 KiB together, value <= 1 MiB; a record beyond them is refused with InvalidArgument.
struct Record {
  std::string key;
  std::string type;
  std::vector<Header> headers;
  std::string value;

  // The value of the first header of that name.
  std::optional<std::string_view> FindHeader(std::string_view name) const {
    for (const Header& header : headers) {
      if (header.key == name) return header.value;
    }
    return std::nullopt;
  }
  // Bytes of key, type, headers and value: what ReadLimits and the logs' own bounds count.
  size_t Size() const;
};

// InvalidArgument naming the field, if `record` is beyond the bounds above.
absl::Status Validate(const Record& record);

// A record at its place. Immutable, shared between all who read it.
struct StoredRecord {
  Offset offset;
  absl::Time appended_at;  // the log's clock
  Record record;
};
using RecordPtr = std::shared_ptr<const StoredRecord>;

}  // namespace tributary::eventlog
