// How the sources of this library refuse a value.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "tributary/base/status.h"
#include "tributary/identifier/identifier.h"

namespace tributary::identifier {

// The texts are literals: what was given has no way into them.
inline absl::Status RefuseValue(const NormaliseOptions& options, std::string_view why, std::string_view what,
                                std::string_view mend) {
  return InvalidField(why, fmt::format("{}.value", options.field), what, mend);
}

}  // namespace tributary::identifier
