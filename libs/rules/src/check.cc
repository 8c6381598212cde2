#include "src/check.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "src/suggest.h"
#include "tributary/base/status.h"
#include "tributary/identifier/text.h"

namespace tributary::rules {
namespace {

using events::v1::Rule;
using events::v1::RuleComparison;
using events::v1::RuleEvents;
using events::v1::RuleList;
using events::v1::RuleLiteral;
using events::v1::RuleOperand;
using events::v1::RuleOperator;

constexpr int kMaxRules = 200;
constexpr int kMaxDepth = 10;
constexpr int kMaxListSize = 50;
constexpr int kMaxValues = 100;
constexpr size_t kMaxTextBytes = 256;
constexpr int64_t kMaxUnits = 1'000'000'000'000'000'000;
constexpr int64_t kMinSecondsOfTime = -62'135'596'800;  // 0001-01-01
constexpr int64_t kMaxSecondsOfTime = 253'402'300'799;  // 9999-12-31

std::string TypeName(const Field& field) {
  if (field.words == &ChannelNames()) return "a channel";
  switch (field.type) {
    case Type::kNumber:
      return "a number";
    case Type::kMoney:
      return field.currency.empty() ? "money" : fmt::format("money in {}", field.currency);
    case Type::kText:
      return "text";
    case Type::kFlag:
      return "true or false";
    case Type::kDuration:
      return "a duration";
    case Type::kTime:
      return "a time";
    case Type::kList:
      return "a list of texts";
    case Type::kAny:
      return "text, a number, a time, true or false";
  }
  return "";
}

std::string Shown(const Field& field) {
  return field.key.empty() ? field.name : fmt::format("{}.{}", field.name, field.key);
}

std::string Example(const Field& field) {
  switch (field.type) {
    case Type::kNumber:
      return "3";
    case Type::kMoney:
      return fmt::format("5000 {}", field.currency.empty() ? "THB" : field.currency);
    case Type::kFlag:
      return "true";
    case Type::kDuration:
      return "90d";
    case Type::kTime:
      return "2026-01-31";
    default:
      return field.words == nullptr ? "\"Bangkok\"" : field.words->front();
  }
}

std::string TypeName(const RuleLiteral& literal) {
  switch (literal.kind_case()) {
    case RuleLiteral::kText:
      return "text";
    case RuleLiteral::kFlag:
      return "true or false";
    case RuleLiteral::kNumber:
      return "a number";
    case RuleLiteral::kMoney:
      return fmt::format("money in {}", literal.money().currency());
    case RuleLiteral::kDuration:
      return "a duration";
    case RuleLiteral::kTime:
      return "a time";
    case RuleLiteral::KIND_NOT_SET:
      return "nothing";
  }
  return "";
}

// Whether a field can hold what the literal is; any: a property or trait.
bool Fits(const Field& field, const RuleLiteral& literal) {
  switch (field.type) {
    case Type::kNumber:
      return literal.has_number();
    case Type::kMoney:
      return literal.has_money() && (field.currency.empty() || field.currency == literal.money().currency());
    case Type::kText:
    case Type::kList:
      return literal.has_text();
    case Type::kFlag:
      return literal.has_flag();
    case Type::kDuration:
      return literal.has_duration();
    case Type::kTime:
      return literal.has_time();
    case Type::kAny:
      return literal.has_text() || literal.has_flag() || literal.has_number() || literal.has_time();
  }
  return false;
}

bool IsOrdered(const Field& field, const RuleLiteral& literal) {
  if (field.type == Type::kAny) return literal.has_number() || literal.has_time();
  return field.type == Type::kNumber || field.type == Type::kMoney || field.type == Type::kDuration ||
         field.type == Type::kTime;
}

// Goes through a rule as it is read and keeps the first flaw. All its functions say whether there was none.
class Checker {
 public:
  bool CheckRule(const Rule& rule, const std::string& path, int depth, const Scope& scope) {
    if (++rules_ > kMaxRules) return Fail(path, fmt::format("there are more than {} rules", kMaxRules), "Split it.");
    if (depth > kMaxDepth) {
      return Fail(path, fmt::format("rules are nested more than {} deep", kMaxDepth), "Make it flatter.");
    }
    switch (rule.kind_case()) {
      case Rule::kAllOf:
        return CheckList(rule.all_of(), path + ".all_of", depth, scope);
      case Rule::kAnyOf:
        return CheckList(rule.any_of(), path + ".any_of", depth, scope);
      case Rule::kNegated:
        return CheckRule(rule.negated(), path + ".negated", depth + 1, scope);
      case Rule::kComparison:
        return CheckComparison(rule.comparison(), path + ".comparison", depth, scope);
      case Rule::kInactiveFor:
        if (scope.event) {
          return Fail(path + ".inactive_for", "a condition of events cannot ask for `inactive`",
                      "Ask it beside count or sum.");
        }
        return CheckLength(rule.inactive_for(), 1, path + ".inactive_for");
      case Rule::KIND_NOT_SET:
        return Fail(path, "this rule is empty", "Set one of its fields.");
    }
    return Fail(path, "this rule is of an unknown kind", "Set one of its fields.");
  }

  // The operand as if it were a field, so that its type is known.
  std::optional<Field> CheckOperand(const RuleOperand& operand, const std::string& path, int depth,
                                    const Scope& scope) {
    if (operand.kind_case() == RuleOperand::kField) return CheckField(operand.field(), path + ".field", scope);
    if (operand.kind_case() == RuleOperand::KIND_NOT_SET) {
      Fail(path, "it is not said what is compared", "Set field, count or sum.");
      return std::nullopt;
    }
    if (scope.event) {
      Fail(path, "a condition of events cannot count or sum", "Ask for fields of the event.");
      return std::nullopt;
    }
    if (operand.kind_case() == RuleOperand::kCount) {
      if (!CheckEvents(operand.count().events(), path + ".count.events", depth)) return std::nullopt;
      return Field{.name = "count(...)", .type = Type::kNumber};
    }
    return CheckSum(operand, path + ".sum", depth);
  }

  bool Fail(std::string path, std::string what, std::string mend) {
    if (!flaw_.has_value()) flaw_ = Flaw{std::move(path), std::move(what), std::move(mend)};
    return false;
  }
  const std::optional<Flaw>& flaw() const { return flaw_; }

 private:
  bool CheckList(const RuleList& list, const std::string& path, int depth, const Scope& scope) {
    if (list.rules_size() < 1 || list.rules_size() > kMaxListSize) {
      return Fail(path + ".rules", fmt::format("a list has 1 to {} rules", kMaxListSize), "Put them into lists.");
    }
    for (int i = 0; i < list.rules_size(); ++i) {
      if (!CheckRule(list.rules(i), fmt::format("{}.rules[{}]", path, i), depth + 1, scope)) return false;
    }
    return true;
  }

  std::optional<Field> CheckField(const std::string& field_path, const std::string& path, const Scope& scope) {
    Flaw flaw;
    auto field = FindField(field_path, scope, flaw);
    if (!field.has_value()) Fail(path, flaw.what, flaw.mend);
    return field;
  }

  std::optional<Field> CheckSum(const RuleOperand& operand, const std::string& path, int depth) {
    const auto& sum = operand.sum();
    const auto body = CheckBody(sum.events(), path + ".events");
    if (!body.has_value()) return std::nullopt;
    auto field = CheckField(sum.field(), path + ".field", {.event = true, .body = *body});
    if (!field.has_value()) return std::nullopt;
    if (field->type == Type::kMoney) {
      if (!IsCurrency(sum.currency())) {
        Fail(path + ".currency", fmt::format("a sum of `{}` needs a currency", sum.field()),
             fmt::format("Write e.g. `sum({} THB of ...)`.", sum.field()));
        return std::nullopt;
      }
    } else if (field->type != Type::kNumber && field->type != Type::kAny) {
      Fail(path + ".field", fmt::format("`{}` is {} and cannot be summed", sum.field(), TypeName(*field)),
           "Sum numbers or money.");
      return std::nullopt;
    } else if (!sum.currency().empty()) {
      Fail(path + ".currency", fmt::format("`{}` is no money and has no currency", sum.field()),
           fmt::format("Write `sum({} of ...)`.", sum.field()));
      return std::nullopt;
    }
    if (!CheckEvents(sum.events(), path + ".events", depth)) return std::nullopt;
    const bool money = field->type == Type::kMoney;
    return Field{.name = "sum(...)", .type = money ? Type::kMoney : Type::kNumber, .currency = sum.currency()};
  }

  std::optional<int> CheckBody(const RuleEvents& events, const std::string& path) {
    const auto body = BodyNumber(events.body_type());
    if (!body.has_value()) {
      const std::string& name = events.body_type();
      const bool printable = name.size() <= 64 && identifier::IsValidUtf8(name);
      Fail(path + ".body_type",
           printable ? fmt::format("there are no events `{}` that count", name) : "this is no type of events",
           DidYouMean(name, BodyNames(), "Types are e.g. `order_stated`; `any` means all."));
    }
    return body;
  }

  bool CheckEvents(const RuleEvents& events, const std::string& path, int depth) {
    const auto body = CheckBody(events, path);
    if (!body.has_value()) return false;
    if (events.has_condition() &&
        !CheckRule(events.condition(), path + ".condition", depth + 1, {.event = true, .body = *body})) {
      return false;
    }
    return !events.has_within() || CheckLength(events.within(), 1, path + ".within");
  }

  bool CheckLength(const google::protobuf::Duration& length, int64_t least, const std::string& path) {
    if (length.nanos() == 0 && length.seconds() >= least && length.seconds() <= kMaxSeconds) return true;
    return Fail(path, fmt::format("a duration here is of whole seconds, {}s to 36500d", least), "Write e.g. `90d`.");
  }

  bool CheckComparison(const RuleComparison& comparison, const std::string& path, int depth, const Scope& scope) {
    const auto field = CheckOperand(comparison.left(), path + ".left", depth, scope);
    if (!field.has_value() || !CheckOperator(comparison, *field, path)) return false;
    for (int i = 0; i < comparison.right_size(); ++i) {
      const std::string at = fmt::format("{}.right[{}]", path, i);
      if (!CheckLiteral(comparison.right(i), at) || !CheckFits(comparison, i, *field, path, at)) return false;
    }
    return true;
  }

  // The operator by itself, and how many values it takes.
  bool CheckOperator(const RuleComparison& comparison, const Field& field, const std::string& path) {
    const RuleOperator op = comparison.operator_();
    if (!events::v1::RuleOperator_IsValid(op) || op == events::v1::RULE_OPERATOR_UNSPECIFIED) {
      return Fail(path + ".operator", "it is not said how it is compared", "Set an operator.");
    }
    if (op == events::v1::RULE_OPERATOR_EXISTS) {
      if (comparison.left().kind_case() != RuleOperand::kField) {
        return Fail(path + ".operator", fmt::format("`{}` always exists", field.name), "Compare it with a value.");
      }
      if (comparison.right_size() == 0) return true;
      return Fail(path + ".right", "`exists` takes no value", "Leave it out.");
    }
    if (field.type == Type::kList && op != events::v1::RULE_OPERATOR_CONTAINS) {
      return Fail(path + ".operator", fmt::format("`{}` is a list of texts", field.name),
                  fmt::format("Write `{} contains ...`.", field.name));
    }
    const int most = op == events::v1::RULE_OPERATOR_IN ? kMaxValues : 1;
    if (comparison.right_size() >= 1 && comparison.right_size() <= most) return true;
    return Fail(path + ".right",
                most == 1 ? "it takes one value" : fmt::format("`in` takes 1 to {} values", kMaxValues),
                "Correct their number.");
  }

  // Bounds of a literal by itself.
  bool CheckLiteral(const RuleLiteral& literal, const std::string& path) {
    const auto number_is_good = [](int64_t units, int32_t nanos) {
      return units > -kMaxUnits && units < kMaxUnits && Amount::Of(units, nanos).ok();
    };
    switch (literal.kind_case()) {
      case RuleLiteral::kText:
        if (literal.text().size() <= kMaxTextBytes && identifier::IsValidUtf8(literal.text())) return true;
        return Fail(path, fmt::format("a text has at most {} bytes of UTF-8", kMaxTextBytes), "Shorten it.");
      case RuleLiteral::kFlag:
        return true;
      case RuleLiteral::kNumber:
        if (number_is_good(literal.number().units(), literal.number().nanos())) return true;
        return Fail(path, "this number is out of bounds", "At most 18 digits before the point and 9 after it.");
      case RuleLiteral::kMoney:
        if (!IsCurrency(literal.money().currency())) {
          return Fail(path, "this is no currency", "Write three upper-case letters, e.g. THB.");
        }
        if (number_is_good(literal.money().units(), literal.money().nanos())) return true;
        return Fail(path, "this amount is out of bounds", "At most 18 digits before the point and 9 after it.");
      case RuleLiteral::kDuration:
        return CheckLength(literal.duration(), 0, path);
      case RuleLiteral::kTime:
        if (literal.time().seconds() >= kMinSecondsOfTime && literal.time().seconds() <= kMaxSecondsOfTime &&
            literal.time().nanos() >= 0 && literal.time().nanos() < 1'000'000'000) {
          return true;
        }
        return Fail(path, "this time is out of bounds", "Years are 1 to 9999.");
      case RuleLiteral::KIND_NOT_SET:
        return Fail(path, "this value is empty", "Set one of its fields.");
    }
    return Fail(path, "this value is of an unknown kind", "Set one of its fields.");
  }

  // Left side, operator and a value together.
  bool CheckFits(const RuleComparison& comparison, int index, const Field& field, const std::string& path,
                 const std::string& at) {
    const RuleLiteral& literal = comparison.right(index);
    if (!Fits(field, literal)) {
      return Fail(at,
                  fmt::format("`{}` is {} and is compared with {}", Shown(field), TypeName(field), TypeName(literal)),
                  fmt::format("Write e.g. `{}`.", Example(field)));
    }
    const RuleOperator op = comparison.operator_();
    const bool ordering = op == events::v1::RULE_OPERATOR_LESS || op == events::v1::RULE_OPERATOR_LESS_OR_EQUAL ||
                          op == events::v1::RULE_OPERATOR_GREATER || op == events::v1::RULE_OPERATOR_GREATER_OR_EQUAL;
    if (ordering && !IsOrdered(field, literal)) {
      return Fail(path + ".operator", fmt::format("`{}` is not more or less than {}", field.name, TypeName(literal)),
                  "Use =, != or in.");
    }
    if (op == events::v1::RULE_OPERATOR_CONTAINS && (!literal.has_text() || field.words != nullptr)) {
      return Fail(path + ".operator", fmt::format("`{}` contains nothing of that kind", field.name),
                  "Only texts and lists of texts contain a text.");
    }
    if (field.words == nullptr ||
        std::find(field.words->begin(), field.words->end(), literal.text()) != field.words->end()) {
      return true;
    }
    return Fail(at, fmt::format("`{}` is one of {}", field.name, Enumerated(*field.words)),
                DidYouMean(literal.text(), *field.words, "Write one of them."));
  }

  std::optional<Flaw> flaw_;
  int rules_ = 0;
};

}  // namespace

std::optional<Flaw> FlawOf(const Rule& rule) {
  Checker checker;
  checker.CheckRule(rule, "rule", 1, {});
  return checker.flaw();
}

std::optional<Flaw> FlawOfOperand(const RuleOperand& operand) {
  Checker checker;
  const auto field = checker.CheckOperand(operand, "operand", 1, {});
  if (field.has_value() && field->type != Type::kNumber && field->type != Type::kMoney &&
      field->type != Type::kDuration) {
    checker.Fail("operand", fmt::format("`{}` is {}", field->name, TypeName(*field)),
                 "Name a number, money or a duration.");
  }
  return checker.flaw();
}

absl::Status ToStatus(const Flaw& flaw) { return InvalidField("INVALID_RULE", flaw.path, flaw.what, flaw.mend); }

}  // namespace tributary::rules
