// Rules as text.
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/civil_time.h"
#include "fmt/format.h"
#include "src/fields.h"
#include "src/lexer.h"
#include "tributary/base/status.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using events::v1::Rule;
using events::v1::RuleComparison;
using events::v1::RuleEvents;
using events::v1::RuleLiteral;
using events::v1::RuleOperand;

// What a rule stands in: of what binds closer it needs no parentheses.
enum class Within { kNothing, kAnyOf, kAllOf, kNegation };

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string Decimal(int64_t units, int32_t nanos) {
  const auto amount = Amount::Of(units, nanos);
  if (!amount.ok()) return "0";
  // Amount writes two digits after the point at least.
  std::string text = amount->ToString();
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string Length(int64_t seconds) {
  constexpr int64_t kDay = 24 * 3'600;
  constexpr int64_t kHour = 3'600;
  constexpr int64_t kMinute = 60;
  if (seconds > 0 && seconds % kDay == 0) return fmt::format("{}d", seconds / kDay);
  if (seconds > 0 && seconds % kHour == 0) return fmt::format("{}h", seconds / kHour);
  if (seconds > 0 && seconds % kMinute == 0) return fmt::format("{}m", seconds / kMinute);
  return fmt::format("{}s", seconds);
}

std::string Moment(const google::protobuf::Timestamp& moment) {
  const absl::Time time = absl::FromUnixSeconds(moment.seconds()) + absl::Nanoseconds(moment.nanos());
  const auto day = absl::ToCivilDay(time, absl::UTCTimeZone());
  if (absl::FromCivil(day, absl::UTCTimeZone()) == time) {
    return fmt::format("{:04}-{:02}-{:02}", day.year(), day.month(), day.day());
  }
  return fmt::format("{:04}{}", day.year(), absl::FormatTime("-%m-%dT%H:%M:%E*SZ", time, absl::UTCTimeZone()));
}

std::string Literal(const RuleLiteral& literal, const Words* words) {
  switch (literal.kind_case()) {
    case RuleLiteral::kText:
      return words == nullptr ? Quoted(literal.text()) : literal.text();
    case RuleLiteral::kFlag:
      return literal.flag() ? "true" : "false";
    case RuleLiteral::kNumber:
      return Decimal(literal.number().units(), literal.number().nanos());
    case RuleLiteral::kMoney:
      return fmt::format("{} {}", Decimal(literal.money().units(), literal.money().nanos()),
                         literal.money().currency());
    case RuleLiteral::kDuration:
      return Length(literal.duration().seconds());
    case RuleLiteral::kTime:
      return Moment(literal.time());
    case RuleLiteral::KIND_NOT_SET:
      return "";
  }
  return "";
}

std::string Path(std::string_view path) {
  const size_t dot = path.find('.');
  if (dot == std::string_view::npos || IsBareKey(path.substr(dot + 1))) return std::string(path);
  return fmt::format("{}.{}", path.substr(0, dot), Quoted(path.substr(dot + 1)));
}

std::string_view Operator(events::v1::RuleOperator op) {
  switch (op) {
    case events::v1::RULE_OPERATOR_EQUAL:
      return "=";
    case events::v1::RULE_OPERATOR_NOT_EQUAL:
      return "!=";
    case events::v1::RULE_OPERATOR_LESS:
      return "<";
    case events::v1::RULE_OPERATOR_LESS_OR_EQUAL:
      return "<=";
    case events::v1::RULE_OPERATOR_GREATER:
      return ">";
    case events::v1::RULE_OPERATOR_GREATER_OR_EQUAL:
      return ">=";
    case events::v1::RULE_OPERATOR_IN:
      return "in";
    case events::v1::RULE_OPERATOR_EXISTS:
      return "exists";
    case events::v1::RULE_OPERATOR_CONTAINS:
      return "contains";
    default:
      return "?";
  }
}

std::string Format(const Rule& rule, Within within, const Scope& scope);

std::string Events(const RuleEvents& events) {
  const Scope scope{.event = true, .body = BodyNumber(events.body_type()).value_or(0)};
  std::string out = events.body_type().empty() ? "any" : events.body_type();
  if (events.has_condition()) out += " where " + Format(events.condition(), Within::kNothing, scope);
  if (events.has_within()) out += " within " + Length(events.within().seconds());
  return out;
}

std::string Operand(const RuleOperand& operand) {
  switch (operand.kind_case()) {
    case RuleOperand::kField:
      return Path(operand.field());
    case RuleOperand::kCount:
      return fmt::format("count({})", Events(operand.count().events()));
    case RuleOperand::kSum: {
      const auto& sum = operand.sum();
      return fmt::format("sum({}{}{} of {})", Path(sum.field()), sum.currency().empty() ? "" : " ", sum.currency(),
                         Events(sum.events()));
    }
    case RuleOperand::KIND_NOT_SET:
      return "";
  }
  return "";
}

std::string Comparison(const RuleComparison& comparison, const Scope& scope) {
  const Words* words = nullptr;
  Flaw flaw;
  if (comparison.left().has_field()) {
    const auto field = FindField(comparison.left().field(), scope, flaw);
    if (field.has_value()) words = field->words;
  }
  std::string out = fmt::format("{} {}", Operand(comparison.left()), Operator(comparison.operator_()));
  const bool list = comparison.operator_() == events::v1::RULE_OPERATOR_IN;
  for (int i = 0; i < comparison.right_size(); ++i) {
    out += i > 0 ? ", " : list ? " (" : " ";
    out += Literal(comparison.right(i), words);
  }
  return list ? out + ")" : out;
}

std::string List(const events::v1::RuleList& list, bool all, Within within, const Scope& scope) {
  if (list.rules_size() == 1) return Format(list.rules(0), within, scope);
  const Within mine = all ? Within::kAllOf : Within::kAnyOf;
  std::string out;
  for (const Rule& rule : list.rules()) {
    if (!out.empty()) out += all ? " and " : " or ";
    out += Format(rule, mine, scope);
  }
  return within >= mine ? fmt::format("({})", out) : out;
}

std::string Format(const Rule& rule, Within within, const Scope& scope) {
  switch (rule.kind_case()) {
    case Rule::kAllOf:
      return List(rule.all_of(), true, within, scope);
    case Rule::kAnyOf:
      return List(rule.any_of(), false, within, scope);
    case Rule::kNegated:
      return "not " + Format(rule.negated(), Within::kNegation, scope);
    case Rule::kComparison:
      return Comparison(rule.comparison(), scope);
    case Rule::kInactiveFor:
      return fmt::format("inactive({})", Length(rule.inactive_for().seconds()));
    case Rule::KIND_NOT_SET:
      return "";
  }
  return "";
}

}  // namespace

std::string FormatRule(const Rule& rule) { return Format(rule, Within::kNothing, {}); }

std::string FormatOperand(const RuleOperand& operand) { return Operand(operand); }

}  // namespace tributary::rules
