// Records of the log, for people.
#pragma once

#include <string>

#include "tributary/operations/v1/operations.pb.h"

namespace tributary::cli {

// The value as JSON, by the message that the type names; of a batch also its decisions. Base64 if the type is not
// known. Holds personal data.
std::string ValueText(const std::string& type, const std::string& value);

// What may be shown of a record without its value: sizes, and of a batch what it covers and which decisions it holds.
std::string RecordSummary(const operations::v1::LogRecord& record);

}  // namespace tributary::cli
