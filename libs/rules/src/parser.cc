// Rules from text: recursive descent over the grammar of docs/rules.md, one function for each of its rules. What a text
// means is checked afterwards, on the message, by the same code as rules that come as messages; each part of the
// message remembers where in the text it stands.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "src/check.h"
#include "src/fields.h"
#include "src/lexer.h"
#include "src/suggest.h"
#include "tributary/base/status.h"
#include "tributary/identifier/text.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {
namespace {

using events::v1::Rule;
using events::v1::RuleComparison;
using events::v1::RuleEvents;
using events::v1::RuleLiteral;
using events::v1::RuleOperand;
using Kind = Token::Kind;

constexpr size_t kMaxBytes = 16 * 1024;
// Parentheses are no rules; this only keeps the stack small.
constexpr int kMaxParentheses = 64;
constexpr size_t kMaxShown = 40;

// Where a part of a message stands in the text; its path is relative to the message at hand.
struct Mark {
  std::string path;
  size_t offset;
};

template <typename Message>
struct Parsed {
  Message message;
  std::vector<Mark> marks;
};

// Takes over the marks of a part that becomes `path`.
void Adopt(std::string_view path, std::vector<Mark> part, std::vector<Mark>& marks) {
  for (Mark& mark : part) marks.push_back({fmt::format("{}{}", path, mark.path), mark.offset});
}

bool IsWord(const Token& token, std::string_view word) { return token.kind == Kind::kWord && token.raw == word; }
bool IsSymbol(const Token& token, std::string_view symbol) {
  return token.kind == Kind::kSymbol && token.raw == symbol;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) {}

  absl::StatusOr<Parsed<Rule>> WholeRule() {
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    TRIBUTARY_ASSIGN_OR_RETURN(auto rule, Disjunction({}));
    if (token_.kind != Kind::kEnd) return Unexpected("`and`, `or` or the end", {"and", "or"});
    return rule;
  }

  absl::StatusOr<Parsed<RuleOperand>> WholeOperand() {
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    TRIBUTARY_ASSIGN_OR_RETURN(auto operand, Operand({}));
    if (token_.kind != Kind::kEnd) return Unexpected("the end", {});
    return operand;
  }

 private:
  absl::Status Advance() {
    TRIBUTARY_ASSIGN_OR_RETURN(token_, lexer_.Next());
    return absl::OkStatus();
  }

  // The error that something else than `expected` was found; `words` are what could have been meant.
  absl::Status Unexpected(std::string_view expected, const std::vector<std::string>& words) const {
    std::string found = fmt::format("`{}`", token_.raw);
    // What is in a text may be somebody's; errors go into logs.
    if (token_.kind == Kind::kText) found = "a text";
    if (token_.kind == Kind::kEnd) found = "the end";
    if (token_.raw.size() > kMaxShown) found = "a long word";
    const bool word = token_.kind == Kind::kWord;
    return ErrorAt(text_, token_.offset, fmt::format("found {}, expected {}", found, expected),
                   word ? DidYouMean(token_.raw, words, "") : "");
  }

  absl::Status Expect(std::string_view symbol) {
    if (!IsSymbol(token_, symbol)) return Unexpected(fmt::format("`{}`", symbol), {});
    return Advance();
  }

  // conjunction { "or" conjunction }
  absl::StatusOr<Parsed<Rule>> Disjunction(const Scope& scope) {
    return Joined(
        "or", scope, &Parser::Conjunction, [](Rule & rule) -> auto& { return *rule.mutable_any_of()->mutable_rules(); },
        ".any_of.rules[{}]");
  }

  // negation { "and" negation }
  absl::StatusOr<Parsed<Rule>> Conjunction(const Scope& scope) {
    return Joined(
        "and", scope, &Parser::Negation, [](Rule & rule) -> auto& { return *rule.mutable_all_of()->mutable_rules(); },
        ".all_of.rules[{}]");
  }

  template <typename ListOf>
  absl::StatusOr<Parsed<Rule>> Joined(std::string_view word, const Scope& scope,
                                      absl::StatusOr<Parsed<Rule>> (Parser::*part)(const Scope&), ListOf list_of,
                                      std::string_view path) {
    TRIBUTARY_ASSIGN_OR_RETURN(auto first, (this->*part)(scope));
    if (!IsWord(token_, word)) return first;
    Parsed<Rule> all;
    all.marks.push_back({"", first.marks.front().offset});
    Parsed<Rule> next = std::move(first);
    for (int i = 0;; ++i) {
      Adopt(fmt::format(fmt::runtime(path), i), std::move(next.marks), all.marks);
      list_of(all.message).Add(std::move(next.message));
      if (!IsWord(token_, word)) return all;
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      TRIBUTARY_ASSIGN_OR_RETURN(next, (this->*part)(scope));
    }
  }

  // "not" negation | primary
  absl::StatusOr<Parsed<Rule>> Negation(const Scope& scope) {
    if (!IsWord(token_, "not")) return Primary(scope);
    Parsed<Rule> rule;
    rule.marks.push_back({"", token_.offset});
    TRIBUTARY_RETURN_IF_ERROR(Enter());
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    TRIBUTARY_ASSIGN_OR_RETURN(auto inner, Negation(scope));
    --nesting_;
    *rule.message.mutable_negated() = std::move(inner.message);
    Adopt(".negated", std::move(inner.marks), rule.marks);
    return rule;
  }

  absl::Status Enter() {
    if (++nesting_ <= kMaxParentheses) return absl::OkStatus();
    return ErrorAt(text_, token_.offset, "this is nested too deep", "Make it flatter.");
  }

  // "(" rule ")" | "inactive" "(" duration ")" | comparison
  absl::StatusOr<Parsed<Rule>> Primary(const Scope& scope) {
    if (IsSymbol(token_, "(")) {
      TRIBUTARY_RETURN_IF_ERROR(Enter());
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      TRIBUTARY_ASSIGN_OR_RETURN(auto rule, Disjunction(scope));
      if (!IsSymbol(token_, ")")) return Unexpected("`and`, `or` or `)`", {"and", "or"});
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      --nesting_;
      return rule;
    }
    Parsed<Rule> rule;
    rule.marks.push_back({"", token_.offset});
    if (IsWord(token_, "inactive")) {
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      TRIBUTARY_RETURN_IF_ERROR(Expect("("));
      rule.marks.push_back({".inactive_for", token_.offset});
      TRIBUTARY_ASSIGN_OR_RETURN(const int64_t seconds, Duration());
      rule.message.mutable_inactive_for()->set_seconds(seconds);
      TRIBUTARY_RETURN_IF_ERROR(Expect(")"));
      return rule;
    }
    TRIBUTARY_ASSIGN_OR_RETURN(auto comparison, Comparison(scope));
    *rule.message.mutable_comparison() = std::move(comparison.message);
    Adopt(".comparison", std::move(comparison.marks), rule.marks);
    return rule;
  }

  absl::StatusOr<int64_t> Duration() {
    if (token_.kind != Kind::kDuration) return Unexpected("a duration such as `90d`", {});
    const int64_t seconds = token_.seconds;
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    return seconds;
  }

  // operand ( relation literal | "in" "(" literal { "," literal } ")" | "contains" literal | "exists" )
  absl::StatusOr<Parsed<RuleComparison>> Comparison(const Scope& scope) {
    Parsed<RuleComparison> out;
    TRIBUTARY_ASSIGN_OR_RETURN(auto operand, Operand(scope));
    *out.message.mutable_left() = std::move(operand.message);
    Adopt(".left", std::move(operand.marks), out.marks);
    out.marks.push_back({".operator", token_.offset});
    const auto op = OperatorOf(token_);
    if (op == events::v1::RULE_OPERATOR_UNSPECIFIED) {
      return Unexpected("`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `contains` or `exists`", {"in", "contains", "exists"});
    }
    out.message.set_operator_(op);
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    if (op == events::v1::RULE_OPERATOR_EXISTS) return out;
    out.marks.push_back({".right", token_.offset});
    if (op != events::v1::RULE_OPERATOR_IN) {
      TRIBUTARY_RETURN_IF_ERROR(Literal(scope, out));
      return out;
    }
    TRIBUTARY_RETURN_IF_ERROR(Expect("("));
    TRIBUTARY_RETURN_IF_ERROR(Literal(scope, out));
    while (IsSymbol(token_, ",")) {
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      TRIBUTARY_RETURN_IF_ERROR(Literal(scope, out));
    }
    if (!IsSymbol(token_, ")")) return Unexpected("`,` or `)`", {});
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    return out;
  }

  static events::v1::RuleOperator OperatorOf(const Token& token) {
    if (token.kind != Kind::kWord && token.kind != Kind::kSymbol) return events::v1::RULE_OPERATOR_UNSPECIFIED;
    const std::string_view raw = token.raw;
    if (raw == "=") return events::v1::RULE_OPERATOR_EQUAL;
    if (raw == "!=") return events::v1::RULE_OPERATOR_NOT_EQUAL;
    if (raw == "<") return events::v1::RULE_OPERATOR_LESS;
    if (raw == "<=") return events::v1::RULE_OPERATOR_LESS_OR_EQUAL;
    if (raw == ">") return events::v1::RULE_OPERATOR_GREATER;
    if (raw == ">=") return events::v1::RULE_OPERATOR_GREATER_OR_EQUAL;
    if (raw == "in") return events::v1::RULE_OPERATOR_IN;
    if (raw == "contains") return events::v1::RULE_OPERATOR_CONTAINS;
    if (raw == "exists") return events::v1::RULE_OPERATOR_EXISTS;
    return events::v1::RULE_OPERATOR_UNSPECIFIED;
  }

  // "count" "(" events ")" | "sum" "(" path [ currency ] "of" events ")" | path
  absl::StatusOr<Parsed<RuleOperand>> Operand(const Scope& scope) {
    Parsed<RuleOperand> out;
    out.marks.push_back({"", token_.offset});
    if (IsWord(token_, "count") || IsWord(token_, "sum")) {
      const bool count = token_.raw == "count";
      TRIBUTARY_RETURN_IF_ERROR(Advance());
      TRIBUTARY_RETURN_IF_ERROR(Expect("("));
      if (!count) TRIBUTARY_RETURN_IF_ERROR(Summed(out));
      TRIBUTARY_ASSIGN_OR_RETURN(auto events, Events());
      Adopt(count ? ".count.events" : ".sum.events", std::move(events.marks), out.marks);
      *(count ? out.message.mutable_count()->mutable_events() : out.message.mutable_sum()->mutable_events()) =
          std::move(events.message);
      TRIBUTARY_RETURN_IF_ERROR(Expect(")"));
      return out;
    }
    const bool path = token_.kind == Kind::kPath || (token_.kind == Kind::kWord && !IsReserved(token_.raw));
    if (!path) {
      return Unexpected(
          scope.event ? "a field of events, `not` or `(`" : "a field, `count`, `sum`, `inactive`, `not` or `(`",
          {"not"});
    }
    out.message.set_field(token_.text);
    out.marks.push_back({".field", token_.offset});
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    return out;
  }

  // path [ currency ] "of"
  absl::Status Summed(Parsed<RuleOperand>& out) {
    if (token_.kind != Kind::kPath && (token_.kind != Kind::kWord || IsReserved(token_.raw))) {
      return Unexpected("a field of events", {});
    }
    out.message.mutable_sum()->set_field(token_.text);
    out.marks.push_back({".sum.field", token_.offset});
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    out.marks.push_back({".sum.currency", token_.offset});
    if (MayBeCurrency(token_)) {
      out.message.mutable_sum()->set_currency(token_.text);
      TRIBUTARY_RETURN_IF_ERROR(Advance());
    }
    if (!IsWord(token_, "of")) return Unexpected("`of` or a currency", {"of"});
    return Advance();
  }

  // ( type | "any" ) { "where" rule | "within" duration }, each once
  absl::StatusOr<Parsed<RuleEvents>> Events() {
    Parsed<RuleEvents> out;
    out.marks.push_back({".body_type", token_.offset});
    if (token_.kind != Kind::kWord || (IsReserved(token_.raw) && token_.raw != "any")) {
      return Unexpected("a type of events or `any`", {});
    }
    if (token_.raw != "any") out.message.set_body_type(token_.text);
    const Scope scope{.event = true, .body = BodyNumber(out.message.body_type()).value_or(0)};
    TRIBUTARY_RETURN_IF_ERROR(Advance());
    while (true) {
      if (IsWord(token_, "where") && !out.message.has_condition()) {
        TRIBUTARY_RETURN_IF_ERROR(Advance());
        TRIBUTARY_ASSIGN_OR_RETURN(auto condition, Disjunction(scope));
        *out.message.mutable_condition() = std::move(condition.message);
        Adopt(".condition", std::move(condition.marks), out.marks);
      } else if (IsWord(token_, "within") && !out.message.has_within()) {
        TRIBUTARY_RETURN_IF_ERROR(Advance());
        out.marks.push_back({".within", token_.offset});
        TRIBUTARY_ASSIGN_OR_RETURN(const int64_t seconds, Duration());
        out.message.mutable_within()->set_seconds(seconds);
      } else if (IsSymbol(token_, ")")) {
        return out;
      } else {
        return Unexpected("`where`, `within`, `and`, `or` or `)`", {"where", "within", "and", "or"});
      }
    }
  }

  // text | number [ currency ] | duration | time | "true" | "false" | word
  absl::Status Literal(const Scope& scope, Parsed<RuleComparison>& out) {
    out.marks.push_back({fmt::format(".right[{}]", out.message.right_size()), token_.offset});
    RuleLiteral& literal = *out.message.add_right();
    const Token token = token_;
    switch (token.kind) {
      case Kind::kText:
        literal.set_text(token.text);
        return Advance();
      case Kind::kNumber:
        TRIBUTARY_RETURN_IF_ERROR(Advance());
        return Number(token.number, literal);
      case Kind::kDuration:
        literal.mutable_duration()->set_seconds(token.seconds);
        return Advance();
      case Kind::kTime: {
        const int64_t seconds = absl::ToUnixSeconds(token.time);
        literal.mutable_time()->set_seconds(seconds);
        literal.mutable_time()->set_nanos(
            static_cast<int32_t>(absl::ToInt64Nanoseconds(token.time - absl::FromUnixSeconds(seconds))));
        return Advance();
      }
      case Kind::kWord:
        if (token.raw == "true" || token.raw == "false") {
          literal.set_flag(token.raw == "true");
          return Advance();
        }
        TRIBUTARY_RETURN_IF_ERROR(MayBeWord(out.message.left(), scope));
        literal.set_text(token.text);
        return Advance();
      default:
        return Unexpected("a value", {});
    }
  }

  absl::Status Number(Amount number, RuleLiteral& literal) {
    if (MayBeCurrency(token_)) {
      literal.mutable_money()->set_currency(token_.text);
      literal.mutable_money()->set_units(number.units());
      literal.mutable_money()->set_nanos(number.nanos());
      return Advance();
    }
    literal.mutable_number()->set_units(number.units());
    literal.mutable_number()->set_nanos(number.nanos());
    return absl::OkStatus();
  }

  // Words without quotes are values of fields that have a closed set of them, such as channels.
  absl::Status MayBeWord(const RuleOperand& left, const Scope& scope) const {
    if (IsReserved(token_.raw)) return Unexpected("a value", {});
    if (!left.has_field()) return Unexpected("a value such as 3 or 5000 THB", {});
    Flaw flaw;
    const auto field = FindField(left.field(), scope, flaw);
    // An unknown field is the first thing to mend, and the check will say so.
    if (!field.has_value() || field->words != nullptr) return absl::OkStatus();
    return Unexpected("a value (texts stand in double quotes)", {"true", "false"});
  }

  // AND and the like are keywords in the wrong case.
  static bool MayBeCurrency(const Token& token) {
    return token.kind == Kind::kWord && IsCurrency(token.raw) && !IsReserved(absl::AsciiStrToLower(ToAbsl(token.raw)));
  }

  static bool IsReserved(std::string_view word) {
    static constexpr std::string_view kReserved[] = {"and",   "any", "contains", "count", "exists",
                                                     "false", "in",  "inactive", "not",   "of",
                                                     "or",    "sum", "true",     "where", "within"};
    return std::find(std::begin(kReserved), std::end(kReserved), word) != std::end(kReserved);
  }

  std::string_view text_;
  Lexer lexer_;
  Token token_;
  int nesting_ = 0;
};

absl::Status CheckText(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return InvalidField("INVALID_RULE", "rule", fmt::format("has more than {} bytes", kMaxBytes), "Shorten it.");
  }
  if (!identifier::IsValidUtf8(text)) return InvalidField("INVALID_RULE", "rule", "is not UTF-8", "Save it as UTF-8.");
  return absl::OkStatus();
}

// `flaw` at the place of the innermost marked part that holds its path.
absl::Status AtItsPlace(std::string_view text, const Flaw& flaw, size_t root_size, const std::vector<Mark>& marks) {
  std::string_view path = std::string_view(flaw.path).substr(root_size);
  while (true) {
    for (const Mark& mark : marks) {
      if (mark.path == path) return ErrorAt(text, mark.offset, flaw.what, flaw.mend);
    }
    if (path.empty()) return ErrorAt(text, 0, flaw.what, flaw.mend);
    const size_t last = path.find_last_of(".[");
    path = path.substr(0, last == std::string_view::npos ? 0 : last);
  }
}

}  // namespace

absl::StatusOr<Rule> ParseRule(std::string_view text) {
  TRIBUTARY_RETURN_IF_ERROR(CheckText(text));
  TRIBUTARY_ASSIGN_OR_RETURN(auto parsed, Parser(text).WholeRule());
  const auto flaw = FlawOf(parsed.message);
  if (flaw.has_value()) return AtItsPlace(text, *flaw, std::string_view("rule").size(), parsed.marks);
  return std::move(parsed.message);
}

absl::StatusOr<RuleOperand> ParseOperand(std::string_view text) {
  TRIBUTARY_RETURN_IF_ERROR(CheckText(text));
  TRIBUTARY_ASSIGN_OR_RETURN(auto parsed, Parser(text).WholeOperand());
  const auto flaw = FlawOfOperand(parsed.message);
  if (flaw.has_value()) return AtItsPlace(text, *flaw, std::string_view("operand").size(), parsed.marks);
  return std::move(parsed.message);
}

}  // namespace tributary::rules
