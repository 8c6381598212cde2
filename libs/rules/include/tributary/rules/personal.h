// Which of the fields that a rule looks at are personal data.
#pragma once

#include <string>
#include <vector>

#include "tributary/events/v1/rule.pb.h"

namespace tributary::rules {

// Fields as a rule names them, without their keys ("birth_date", "traits", "properties"), sorted, each once: those
// whose fields in the contracts of events carry the annotation `personal`. Further traits and properties of events are
// so altogether, for a client may put anything in them. Whether the rule is a good one does not matter; its values do
// not either. Pure, thread-safe.
std::vector<std::string> PersonalFields(const events::v1::Rule& rule);
std::vector<std::string> PersonalFields(const events::v1::RuleOperand& operand);

}  // namespace tributary::rules
