#include "tributary/eventlog/record.h"

#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace {

size_t HeaderBytes(const Record& record) {
  size_t bytes = 0;
  for (const Header& header : record.headers) bytes += header.key.size() + header.value.size();
  return bytes;
}

absl::Status CheckAtMost(std::string_view field, size_t bytes, size_t limit) {
  if (bytes <= limit) return absl::OkStatus();
  return InvalidField("RECORD_TOO_LARGE", field, fmt::format("has {} bytes, more than {}", bytes, limit),
                      "Split the record or store less in it.");
}

}  // namespace

size_t Record::Size() const { return key.size() + type.size() + value.size() + HeaderBytes(*this); }

absl::Status Validate(const Record& record) {
  if (record.type.empty()) {
    return InvalidField("RECORD_TYPE_MISSING", "type", "is empty", "Name the record's type.");
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckAtMost("type", record.type.size(), kMaxTypeBytes));
  TRIBUTARY_RETURN_IF_ERROR(CheckAtMost("key", record.key.size(), kMaxKeyBytes));
  TRIBUTARY_RETURN_IF_ERROR(CheckAtMost("headers", HeaderBytes(record), kMaxHeaderBytes));
  if (record.headers.size() > kMaxHeaders) {
    return InvalidField("RECORD_TOO_LARGE", "headers",
                        fmt::format("are {}, more than {}", record.headers.size(), kMaxHeaders), "Use fewer headers.");
  }
  return CheckAtMost("value", record.value.size(), kMaxValueBytes);
}

}  // namespace tributary::eventlog
