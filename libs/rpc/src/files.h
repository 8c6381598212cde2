#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tributary::rpc {

// The content of `path`, or an error whose field is `option`; empty for an empty path.
absl::StatusOr<std::string> ReadPem(std::string_view option, const std::string& path);

}  // namespace tributary::rpc
