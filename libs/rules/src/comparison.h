// Comparing a value with the constants of a rule.
#pragma once

#include <vector>

#include "tributary/events/v1/rule.pb.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {

// An operator and its right side. Immutable; thread-safe.
class Comparison {
 public:
  // Of a comparison that was checked.
  explicit Comparison(const events::v1::RuleComparison& comparison);

  // False of what is unknown, or of another type or currency than the right side.
  bool Holds(const Value& left) const;

  events::v1::RuleOperator op() const { return op_; }
  const std::vector<Value>& right() const { return right_; }

 private:
  bool HoldsOf(const Value& left, const Value& right) const;

  events::v1::RuleOperator op_;
  std::vector<Value> right_;  // texts in their normal form
};

}  // namespace tributary::rules
