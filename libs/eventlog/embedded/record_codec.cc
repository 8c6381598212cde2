#include "embedded/record_codec.h"

#include <limits>
#include <memory>
#include <utility>

#include "fmt/format.h"

namespace tributary::eventlog::embedded {
namespace {

constexpr char kVersion = 1;
constexpr size_t kTimeBytes = 8;
constexpr size_t kTimeAt = 1;

void PutBigEndian(uint64_t number, int bytes, std::string& out) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(number >> (8 * i)));
}

void PutVarint(uint64_t number, std::string& out) {
  for (; number >= 0x80; number >>= 7) out.push_back(static_cast<char>(number | 0x80));
  out.push_back(static_cast<char>(number));
}

void PutString(std::string_view bytes, std::string& out) {
  PutVarint(bytes.size(), out);
  out.append(bytes);
}

// Takes values off the front of bytes that may be anything; false once they do not fit.
class Input {
 public:
  explicit Input(std::string_view bytes) : rest_(bytes) {}
  bool Done() const { return rest_.empty(); }
  size_t left() const { return rest_.size(); }

  bool Byte(char& byte) {
    if (rest_.empty()) return false;
    byte = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  bool LittleEndian64(uint64_t& number) {
    if (rest_.size() < kTimeBytes) return false;
    number = 0;
    for (size_t i = 0; i < kTimeBytes; ++i) number |= uint64_t{static_cast<uint8_t>(rest_[i])} << (8 * i);
    rest_.remove_prefix(kTimeBytes);
    return true;
  }

  bool Varint(uint64_t& number) {
    number = 0;
    char byte = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      if (!Byte(byte)) return false;
      number |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return true;
    }
    return false;
  }

  bool String(std::string& out) {
    uint64_t size = 0;
    if (!Varint(size) || size > rest_.size()) return false;
    out.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view rest_;
};

bool DecodeHeaders(Input& input, std::vector<Header>& headers) {
  uint64_t count = 0;
  if (!input.Varint(count) || count > kMaxHeaders) return false;
  headers.resize(count);
  for (Header& header : headers) {
    if (!input.String(header.key) || !input.String(header.value)) return false;
  }
  return true;
}

size_t EncodedBytesAtMost(const Record& record) {
  constexpr size_t kLength = 5;  // of a length, at most: all are below 2^35
  return kTimeAt + kTimeBytes + record.Size() + kLength * (4 + 2 * record.headers.size());
}

}  // namespace

std::string EncodeKey(uint32_t log_number, Partition partition, Offset offset) {
  std::string key;
  key.reserve(kKeyBytes);
  PutBigEndian(log_number, 4, key);
  PutBigEndian(static_cast<uint32_t>(partition.value()), 4, key);
  PutBigEndian(static_cast<uint64_t>(offset.value()), 8, key);
  return key;
}

std::optional<Offset> DecodeOffset(std::string_view key) {
  if (key.size() != kKeyBytes) return std::nullopt;
  uint64_t offset = 0;
  for (const char byte : key.substr(8)) offset = offset << 8 | static_cast<uint8_t>(byte);
  if (offset > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
  return Offset(static_cast<int64_t>(offset));
}

std::string CatalogKey() { return std::string(kKeyBytes, '\0'); }

std::string EncodeValue(const Record& record) {
  std::string out;
  out.reserve(EncodedBytesAtMost(record));
  out.push_back(kVersion);
  out.append(kTimeBytes, '\0');
  PutString(record.type, out);
  PutString(record.key, out);
  PutVarint(record.headers.size(), out);
  for (const Header& header : record.headers) {
    PutString(header.key, out);
    PutString(header.value, out);
  }
  PutString(record.value, out);
  return out;
}

void StampValue(absl::Time appended_at, std::string& value) {
  const auto nanos = static_cast<uint64_t>(absl::ToUnixNanos(appended_at));
  for (size_t i = 0; i < kTimeBytes; ++i) value[kTimeAt + i] = static_cast<char>(nanos >> (8 * i));
}

absl::StatusOr<RecordPtr> DecodeValue(Offset offset, std::string_view bytes) {
  Input input(bytes);
  auto stored = std::make_shared<StoredRecord>();
  char version = 0;
  uint64_t nanos = 0;
  Record& record = stored->record;
  if (!input.Byte(version) || version != kVersion || !input.LittleEndian64(nanos) || !input.String(record.type) ||
      !input.String(record.key) || !DecodeHeaders(input, record.headers) || !input.String(record.value) ||
      !input.Done()) {
    return absl::DataLossError(
        fmt::format("the record at offset {} cannot be decoded ({} bytes)", offset, bytes.size()));
  }
  stored->offset = offset;
  stored->appended_at = absl::FromUnixNanos(static_cast<int64_t>(nanos));
  return RecordPtr(std::move(stored));
}

std::string EncodeCatalog(const Catalog& catalog) {
  std::string out;
  out.push_back(kVersion);
  PutString(catalog.id, out);
  PutVarint(catalog.logs.size(), out);
  for (const LogSpec& log : catalog.logs) {
    PutString(log.name, out);
    PutVarint(static_cast<uint64_t>(log.partitions), out);
  }
  return out;
}

absl::StatusOr<Catalog> DecodeCatalog(std::string_view bytes) {
  const absl::Status corrupt = absl::DataLossError("the log's catalog cannot be decoded");
  Input input(bytes);
  Catalog catalog;
  char version = 0;
  uint64_t count = 0;
  if (!input.Byte(version) || version != kVersion || !input.String(catalog.id) || !input.Varint(count) ||
      count > input.left()) {
    return corrupt;
  }
  for (uint64_t i = 0; i < count; ++i) {
    LogSpec log;
    uint64_t partitions = 0;
    if (!input.String(log.name) || !input.Varint(partitions) || partitions > kMaxPartitions) return corrupt;
    log.partitions = static_cast<int32_t>(partitions);
    catalog.logs.push_back(std::move(log));
  }
  if (!input.Done()) return corrupt;
  return catalog;
}

}  // namespace tributary::eventlog::embedded
