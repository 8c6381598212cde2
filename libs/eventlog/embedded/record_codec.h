// How the embedded log lays records out in RocksDB.
//
// Key, 16 bytes, big-endian so that RocksDB's order is the log's:
//   log number u32 (from 1; 0 is the log's own catalog) | partition u32 | offset u64
// Value:
//   version u8 = 1 | appended_at i64, nanoseconds since 1970, little-endian |
//   type | key | number of headers | per header: name, value | value
// where a string is its length and its bytes, and lengths and numbers are varints (LEB128).
// Catalog (the key of zeros):
//   version u8 = 1 | id | number of logs | per log: name, partitions; its number is its place, from 1
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/eventlog/record.h"

namespace tributary::eventlog::embedded {

inline constexpr size_t kKeyBytes = 16;

std::string EncodeKey(uint32_t log_number, Partition partition, Offset offset);
// The offset in a key that EncodeKey made; nothing if `key` is not one.
std::optional<Offset> DecodeOffset(std::string_view key);
std::string CatalogKey();

// Times as the log keeps them.
inline absl::Time ToStoredTime(absl::Time time) { return absl::FromUnixNanos(absl::ToUnixNanos(time)); }

// Without the time, which is known only when the record is written: StampValue puts it in.
std::string EncodeValue(const Record& record);
void StampValue(absl::Time appended_at, std::string& value);
// DataLoss for any bytes that EncodeValue cannot have made.
absl::StatusOr<RecordPtr> DecodeValue(Offset offset, std::string_view bytes);

struct Catalog {
  std::string id;
  std::vector<LogSpec> logs;
};
std::string EncodeCatalog(const Catalog& catalog);
// DataLoss for any bytes that EncodeCatalog cannot have made.
absl::StatusOr<Catalog> DecodeCatalog(std::string_view bytes);

}  // namespace tributary::eventlog::embedded
