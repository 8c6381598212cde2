// Conditions on a customer: parsed from text, checked, evaluated at a moment. docs/rules.md describes the language.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/money.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/rule.pb.h"

namespace tributary::rules {

// An amount of one currency.
struct MoneyValue {
  std::string currency;
  Amount amount;
  friend bool operator==(const MoneyValue&, const MoneyValue&) = default;
};

// What a field holds. monostate: unknown; no comparison holds of it. Amount: a number.
using Value = std::variant<std::monostate, std::string, bool, Amount, MoneyValue, absl::Duration, absl::Time,
                           std::vector<std::string>>;

// One event of a journey as a rule sees it: it counts, and is as corrected.
class EventView {
 public:
  virtual ~EventView() = default;
  virtual absl::Time occurred_at() const = 0;
  // Number of the field of CustomerEvent.body.
  virtual int body() const = 0;
  virtual events::v1::Channel channel() const = 0;
  // From us to the customer.
  virtual bool outbound() const = 0;
  // In whole; may cost a look-up and a parse, so it is asked for last.
  virtual const events::v1::CustomerEvent& event() const = 0;
};

// What a rule asks of a customer. Fields of the journey are as of the moment of asking; the answers to two questions of
// one evaluation come from one state.
class Customer {
 public:
  virtual ~Customer() = default;
  // The value of a field that customer_field() knows. `key`: what follows the first dot of its path, e.g. "THB".
  virtual Value Field(std::string_view name, std::string_view key) const = 0;
  // Visits events that count, later than `after` and at or before `until`, the latest first, until `visit` returns
  // false. `body` 0: of every type.
  virtual void VisitEvents(int body, absl::Time after, absl::Time until,
                           const std::function<bool(const EventView&)>& visit) const = 0;
  // occurred_at of the earliest event later than `after` (events may lie ahead by a day), or infinite future.
  virtual absl::Time NextEventAfter(absl::Time after) const = 0;
};

// Parses and checks. InvalidArgument, reason INVALID_RULE, field "rule", with line and column, what was found and what
// was expected. Text: at most 16 KiB.
absl::StatusOr<events::v1::Rule> ParseRule(std::string_view text);
// The operand alone, e.g. "net_revenue.THB" or "count(order_stated within 90d)"; of a number, money or a duration.
absl::StatusOr<events::v1::RuleOperand> ParseOperand(std::string_view text);
// The same rule as text, on one line; ParseRule gives it back.
std::string FormatRule(const events::v1::Rule& rule);
std::string FormatOperand(const events::v1::RuleOperand& operand);

// What evaluation comes to.
struct Verdict {
  bool holds = false;
  // Until then the verdict stays if the customer's data do: the earliest moment at which time alone may change it;
  // infinite future: never. Later than the moment of asking.
  absl::Time stands_until = absl::InfiniteFuture();
};

// A rule made ready. Immutable; thread-safe.
class CompiledRule {
 public:
  // InvalidArgument, reason INVALID_RULE; the field is a path within the message, e.g.
  // "rule.all_of.rules[1].comparison.right[0]".
  static absl::StatusOr<CompiledRule> Compile(const events::v1::Rule& rule);

  // Deterministic in the customer's data and `now`.
  Verdict Evaluate(const Customer& customer, absl::Time now) const;

  // What it looks at: if nothing of this changes, nor time passes beyond `stands_until`, the verdict stays.
  struct Dependencies {
    std::vector<std::string> fields;  // first parts of paths ("net_revenue"), sorted, each once
    std::vector<int> bodies;          // types of events, sorted; 0: every one
  };
  const Dependencies& dependencies() const;

 private:
  struct Impl;
  explicit CompiledRule(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// The fields of customers that rules know, for documentation and completion.
struct FieldDescription {
  std::string_view name;     // "net_revenue"
  std::string_view key;      // what follows the dot: "", or what it is, e.g. "currency"
  std::string_view type;     // "number", "money", "text", "channel", "duration", "time", "flag", "any"
  std::string_view meaning;  // in a sentence
};
const std::vector<FieldDescription>& CustomerFields();

}  // namespace tributary::rules
