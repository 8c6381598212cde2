// Looks up many identifiers at once, and shows how near the answers come to the truth.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/generator/truth.h"

namespace tributary::cli {

// The profile of one identifier; NOT_FOUND if it is of none. On any thread, several at once.
using ResolveFn = std::function<absl::StatusOr<std::string>(const generator::TrueIdentifier&)>;

// For each of `identifiers` its profile, empty if it is of none; `in_flight` (1 or more) look-ups at a time. The first
// other error ends it.
absl::StatusOr<std::vector<std::string>> ResolveAll(const std::vector<generator::TrueIdentifier>& identifiers,
                                                    int in_flight, const ResolveFn& resolve);

}  // namespace tributary::cli
