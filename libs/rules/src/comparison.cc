#include "src/comparison.h"

#include <algorithm>
#include <compare>
#include <optional>
#include <string>
#include <utility>

#include "tributary/identifier/text.h"

namespace tributary::rules {
namespace {

using events::v1::RuleLiteral;

Value ValueOf(const RuleLiteral& literal) {
  // The check has seen to the bounds.
  const auto amount = [](const auto& number) { return Amount::Of(number.units(), number.nanos()).value_or(Amount()); };
  switch (literal.kind_case()) {
    case RuleLiteral::kText:
      return identifier::NormalForm(literal.text());
    case RuleLiteral::kFlag:
      return literal.flag();
    case RuleLiteral::kNumber:
      return amount(literal.number());
    case RuleLiteral::kMoney:
      return MoneyValue{literal.money().currency(), amount(literal.money())};
    case RuleLiteral::kDuration:
      return absl::Seconds(literal.duration().seconds());
    case RuleLiteral::kTime:
      return absl::FromUnixSeconds(literal.time().seconds()) + absl::Nanoseconds(literal.time().nanos());
    case RuleLiteral::KIND_NOT_SET:
      return {};
  }
  return {};
}

// How two values of one type (and currency) stand to each other; nothing if they cannot be compared.
std::optional<std::partial_ordering> Order(const Value& left, const Value& right) {
  if (left.index() != right.index()) return std::nullopt;
  if (const auto* money = std::get_if<MoneyValue>(&left)) {
    const auto& other = std::get<MoneyValue>(right);
    if (money->currency != other.currency) return std::nullopt;
    return money->amount <=> other.amount;
  }
  if (const auto* amount = std::get_if<Amount>(&left)) return *amount <=> std::get<Amount>(right);
  const auto of = [](const auto& a, const auto& b) -> std::partial_ordering {
    if (a < b) return std::partial_ordering::less;
    return b < a ? std::partial_ordering::greater : std::partial_ordering::equivalent;
  };
  if (const auto* text = std::get_if<std::string>(&left)) return of(*text, std::get<std::string>(right));
  if (const auto* flag = std::get_if<bool>(&left)) return of(*flag, std::get<bool>(right));
  if (const auto* duration = std::get_if<absl::Duration>(&left)) return of(*duration, std::get<absl::Duration>(right));
  if (const auto* time = std::get_if<absl::Time>(&left)) return of(*time, std::get<absl::Time>(right));
  return std::nullopt;
}

bool Contains(const Value& left, const Value& right) {
  const auto* part = std::get_if<std::string>(&right);
  if (part == nullptr) return false;
  if (const auto* text = std::get_if<std::string>(&left)) return text->find(*part) != std::string::npos;
  const auto* list = std::get_if<std::vector<std::string>>(&left);
  return list != nullptr && std::any_of(list->begin(), list->end(), [part](const std::string& element) {
           return identifier::NormalForm(element) == *part;
         });
}

}  // namespace

Comparison::Comparison(const events::v1::RuleComparison& comparison) : op_(comparison.operator_()) {
  right_.reserve(static_cast<size_t>(comparison.right_size()));
  for (const RuleLiteral& literal : comparison.right()) right_.push_back(ValueOf(literal));
}

bool Comparison::Holds(const Value& left) const {
  if (std::holds_alternative<std::monostate>(left)) return false;
  if (op_ == events::v1::RULE_OPERATOR_EXISTS) return true;
  const auto holds = [this](const Value& value) {
    return std::any_of(right_.begin(), right_.end(), [&](const Value& right) { return HoldsOf(value, right); });
  };
  if (const auto* text = std::get_if<std::string>(&left)) return holds(identifier::NormalForm(*text));
  return holds(left);
}

bool Comparison::HoldsOf(const Value& left, const Value& right) const {
  if (op_ == events::v1::RULE_OPERATOR_CONTAINS) return Contains(left, right);
  const auto order = Order(left, right);
  if (!order.has_value()) return false;
  switch (op_) {
    case events::v1::RULE_OPERATOR_EQUAL:
    case events::v1::RULE_OPERATOR_IN:
      return *order == 0;
    case events::v1::RULE_OPERATOR_NOT_EQUAL:
      return *order != 0;
    case events::v1::RULE_OPERATOR_LESS:
      return *order < 0;
    case events::v1::RULE_OPERATOR_LESS_OR_EQUAL:
      return *order <= 0;
    case events::v1::RULE_OPERATOR_GREATER:
      return *order > 0;
    case events::v1::RULE_OPERATOR_GREATER_OR_EQUAL:
      return *order >= 0;
    default:
      return false;
  }
}

}  // namespace tributary::rules
