// Types and bounds of rules.
#pragma once

#include <optional>
#include <string>

#include "src/fields.h"
#include "tributary/events/v1/rule.pb.h"

namespace tributary::rules {

inline constexpr int64_t kMaxSeconds = int64_t{36'500} * 24 * 3'600;

// The first flaw in the order in which a rule is read, or nothing. Paths begin with "rule".
std::optional<Flaw> FlawOf(const events::v1::Rule& rule);
// The same of an operand of a number, money or a duration; paths begin with "operand".
std::optional<Flaw> FlawOfOperand(const events::v1::RuleOperand& operand);

// The same as a status: InvalidArgument, INVALID_RULE.
absl::Status ToStatus(const Flaw& flaw);

}  // namespace tributary::rules
