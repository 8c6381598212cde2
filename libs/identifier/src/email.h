// Normalisation of mail addresses.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tributary/identifier/identifier.h"

namespace tributary::identifier {

// `text` is in NormalForm and trimmed.
absl::StatusOr<std::string> NormaliseEmail(std::string_view text, const NormaliseOptions& options);

}  // namespace tributary::identifier
