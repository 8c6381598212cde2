#include "kafka/codec.h"

#include <utility>

#include "fmt/format.h"
#include "xxhash.h"

namespace tributary::eventlog::kafka {
namespace {

constexpr std::string_view kTypeHeader = "type";

void AddHeader(rd_kafka_headers_t* headers, std::string_view key, std::string_view value) {
  // A null value would come back as null.
  const char* const bytes = value.data() == nullptr ? "" : value.data();
  rd_kafka_header_add(headers, key.data(), static_cast<ssize_t>(key.size()), bytes, static_cast<ssize_t>(value.size()));
}

std::string Bytes(const void* data, size_t size) { return std::string(static_cast<const char*>(data), size); }

absl::Status NotOurs(const rd_kafka_message_t& message, std::string_view what) {
  return absl::DataLossError(fmt::format("{}/{}@{}: {}: not a record of this project's",
                                         rd_kafka_topic_name(message.rkt), message.partition, message.offset, what));
}

// The size too, so that no byte can pass from one part to the next.
uint64_t Chain(uint64_t hash, std::string_view part) {
  return XXH3_64bits_withSeed(part.data(), part.size(), hash + part.size());
}

}  // namespace

Headers EncodeHeaders(const Record& record) {
  Headers headers(rd_kafka_headers_new(record.headers.size() + 1));
  AddHeader(headers.get(), kTypeHeader, record.type);
  for (const Header& header : record.headers) AddHeader(headers.get(), header.key, header.value);
  return headers;
}

absl::StatusOr<RecordPtr> DecodeMessage(rd_kafka_message_t& message) {
  if (message.key == nullptr || message.payload == nullptr) return NotOurs(message, "key or value is null");
  auto stored = std::make_shared<StoredRecord>();
  stored->offset = Offset(message.offset);
  rd_kafka_timestamp_type_t time_type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  stored->appended_at = absl::FromUnixMillis(rd_kafka_message_timestamp(&message, &time_type));
  Record& record = stored->record;
  record.key = Bytes(message.key, message.key_len);
  record.value = Bytes(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;  // the message's own
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return NotOurs(message, "it has no headers");
  }
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    if (value == nullptr) return NotOurs(message, "a header is null");
    if (i == 0) {
      if (name != kTypeHeader) return NotOurs(message, "its first header is not its type");
      record.type = Bytes(value, size);
    } else {
      record.headers.push_back({name, Bytes(value, size)});
    }
  }
  if (record.type.empty()) return NotOurs(message, "it has no type");
  return stored;
}

uint64_t Fingerprint(const StoredRecord& stored) {
  uint64_t hash = static_cast<uint64_t>(absl::ToUnixMillis(stored.appended_at));
  hash = Chain(hash, stored.record.key);
  hash = Chain(hash, stored.record.type);
  for (const Header& header : stored.record.headers) hash = Chain(Chain(hash, header.key), header.value);
  return Chain(hash, stored.record.value);
}

}  // namespace tributary::eventlog::kafka
