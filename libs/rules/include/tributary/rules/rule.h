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

// What a field holds. monostate: unknown; no comparison holds of it. Amount: a number. string: a text, or the name of a
// channel or of a kind of subject ("line", "person"), see ChannelName(). vector: a list of texts, in any order.
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

// The value of a property or a further trait: text, flag, number, time or list; of a list, its texts. Unknown if it is
// none of these, or a number beyond what Amount holds.
Value ValueOf(const events::v1::PropertyValue& value);
// "line" of CHANNEL_LINE; "" of CHANNEL_UNSPECIFIED and of numbers that are no channel.
std::string_view ChannelName(events::v1::Channel channel);

// What a rule asks of a customer. Fields of the journey are as of the moment of asking; the answers to two questions of
// one evaluation come from one state. Moments are whole microseconds.
class Customer {
 public:
  virtual ~Customer() = default;
  // The value of a field in CustomerFields(), but for "recency", which rules make of "last_order_at". `key`: what
  // follows the first dot of its path, e.g. "THB". Counts, sums of money and points of which nothing is known may be
  // returned as unknown: rules take them as 0 (not so averages and rates).
  virtual Value Field(std::string_view name, std::string_view key) const = 0;
  // Visits events that count, later than `after` (infinite past: all) and at or before `until`, the latest first,
  // until `visit` returns false. `body` 0: of every type. Views live only during the call of `visit`.
  virtual void VisitEvents(int body, absl::Time after, absl::Time until,
                           const std::function<bool(const EventView&)>& visit) const = 0;
  // occurred_at of the earliest event that counts and is later than `after` (events may lie ahead by a day), or
  // infinite future.
  virtual absl::Time NextEventAfter(absl::Time after) const = 0;
};

// Parses and checks as Compile does. InvalidArgument, reason INVALID_RULE, field "rule", with line and column, what was
// found and what was expected. Text: at most 16 KiB.
absl::StatusOr<events::v1::Rule> ParseRule(std::string_view text);
// The operand alone, e.g. "net_revenue.THB" or "count(order_stated within 90d)"; of a number, money or a duration.
absl::StatusOr<events::v1::RuleOperand> ParseOperand(std::string_view text);
// The same as text, on one line, of one that Compile takes; parsing it gives it back, but for lists of one rule, which
// come back as that rule.
std::string FormatRule(const events::v1::Rule& rule);
std::string FormatOperand(const events::v1::RuleOperand& operand);

// Where in the text.
struct TextPosition {
  int line = 1;    // from 1
  int column = 1;  // from 1, in characters (code points)
};
// The position that an error of ParseRule or ParseOperand names; nothing of any other status. It is not sent with a
// status over gRPC.
std::optional<TextPosition> PositionOf(const absl::Status& status);

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
  // "rule.all_of.rules[1].comparison.right[0]". Bounds are those of rule.proto.
  static absl::StatusOr<CompiledRule> Compile(const events::v1::Rule& rule);

  // Deterministic in the customer's data and `now`, of which parts of a microsecond are dropped. stands_until is a
  // whole microsecond. Reads of `count(...) >= n` and the like end after n events that match; sums read their window.
  Verdict Evaluate(const Customer& customer, absl::Time now) const;

  // What it looks at: if nothing of this changes, nor time passes beyond `stands_until`, the verdict stays.
  struct Dependencies {
    std::vector<std::string>
        fields;               // first parts of paths ("net_revenue"), sorted, each once; of recency last_order_at
    std::vector<int> bodies;  // types of events, sorted; {0}: every one, as of inactive()
  };
  const Dependencies& dependencies() const;

 private:
  struct Impl;
  explicit CompiledRule(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

// The fields of customers that rules know, sorted by name, for documentation and completion.
struct FieldDescription {
  std::string_view name;     // "net_revenue"
  std::string_view key;      // what follows the dot: "", or what it is, e.g. "currency"
  std::string_view type;     // "number", "money", "text", "channel", "duration", "time", "flag", "any"
  std::string_view meaning;  // in a sentence
};
const std::vector<FieldDescription>& CustomerFields();

// The fields of events that a condition in count() and sum() knows, sorted by name.
struct EventFieldDescription {
  std::string_view name;     // "total"
  std::string_view key;      // as of FieldDescription
  std::string_view type;     // as of FieldDescription; "list": a list of texts
  std::string_view bodies;   // the types of events that have it, separated by ", "; "": every one
  std::string_view meaning;  // in a sentence
};
const std::vector<EventFieldDescription>& EventFields();

}  // namespace tributary::rules
