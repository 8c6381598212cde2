// The identity of a file: what rows without an id of their own are named by.
#pragma once

#include <istream>
#include <string>

#include "absl/status/statusor.h"

namespace tributary::cli {

// First 16 hexadecimal digits of the SHA-256 of all that `in` holds, read from its present place to the end.
absl::StatusOr<std::string> DigestOf(std::istream& in);
// The same of a file. NotFound if it cannot be read.
absl::StatusOr<std::string> DigestOfFile(const std::string& path);

// "<digest>-<line>", the id of the row or event on that line.
std::string RowId(const std::string& digest, int64_t line);

}  // namespace tributary::cli
