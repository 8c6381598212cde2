// Random rules that are valid, and random journeys that they say something about.
#pragma once

#include <rapidcheck.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/journey.h"

namespace tributary::rules::testing {

inline int Below(int bound) { return *rc::gen::resize(100, rc::gen::inRange(0, bound)); }
template <typename T>
const T& OneOf(const std::vector<T>& choices) {
  return choices[static_cast<size_t>(Below(static_cast<int>(choices.size())))];
}

// `wide`: constants of all the range that is allowed, for the text form. Else few and small ones, so that journeys meet
// them: times are seconds from 1970-01-01T00:00:00Z on, windows are seconds.
class RuleMaker {
 public:
  explicit RuleMaker(bool wide) : wide_(wide) {}

  events::v1::Rule Rule(int depth = 0) const {
    events::v1::Rule rule;
    const int choice = depth >= 4 ? 6 + Below(4) : Below(10);
    if (choice < 4) {
      auto& list = choice < 2 ? *rule.mutable_all_of() : *rule.mutable_any_of();
      const int size = 2 + Below(2);
      for (int i = 0; i < size; ++i) *list.add_rules() = Rule(depth + 1);
    } else if (choice == 4) {
      *rule.mutable_negated() = Rule(depth + 1);
    } else if (choice == 5) {
      rule.mutable_inactive_for()->set_seconds(Length());
    } else if (choice == 6) {
      *rule.mutable_comparison() = OfField();
    } else if (choice < 9) {
      *rule.mutable_comparison() = OfCount();
    } else {
      *rule.mutable_comparison() = OfSum();
    }
    return rule;
  }

  events::v1::RuleOperand Operand() const {
    const int choice = Below(3);
    if (choice == 0) return OfCount().left();
    if (choice == 1) return OfSum().left();
    events::v1::RuleOperand out;
    out.set_field(OneOf<std::string>({"recency", "order_count", "net_revenue.THB", "points.club.gold"}));
    return out;
  }

 private:
  using Op = events::v1::RuleOperator;

  int64_t Length() const { return wide_ ? *rc::gen::inRange<int64_t>(1, 100'000'000) : 1 + Below(20); }

  std::string Text() const {
    if (!wide_) return OneOf<std::string>({"a", "b", "เชียงใหม่", "x\"y"});
    std::string text;
    const int size = Below(8);
    for (int i = 0; i < size; ++i) {
      text += OneOf<std::string>({"a", "Z", " ", "\"", "\\", "\n", "\t", "\r", "\x01", "\x7F", "#", "'", "น้ำ", "é",
                                  "\U0001F600", "and", "(", std::string(1, '\0')});
    }
    return text;
  }

  // Units and nanos of one sign.
  std::pair<int64_t, int32_t> Number() const {
    if (!wide_) return {Below(6), Below(4) == 0 ? 500'000'000 : 0};
    const int64_t units = *rc::gen::inRange<int64_t>(0, 1'000'000'000'000'000'000);
    const int32_t nanos = Below(2) == 0 ? 0 : *rc::gen::inRange<int32_t>(0, 1'000'000'000);
    return Below(2) == 0 ? std::pair{units, nanos} : std::pair{-units, -nanos};
  }

  void SetNumber(events::v1::RuleLiteral& literal) const {
    const auto [units, nanos] = Number();
    literal.mutable_number()->set_units(units);
    literal.mutable_number()->set_nanos(nanos);
  }

  void SetMoney(const std::string& currency, events::v1::RuleLiteral& literal) const {
    const auto [units, nanos] = Number();
    literal.mutable_money()->set_currency(currency);
    literal.mutable_money()->set_units(units);
    literal.mutable_money()->set_nanos(nanos);
  }

  void SetTime(events::v1::RuleLiteral& literal) const {
    const bool day = Below(2) == 0;
    const int64_t seconds = wide_ ? *rc::gen::inRange<int64_t>(-62'135'596'800, 253'402'300'800) : Below(60);
    literal.mutable_time()->set_seconds(wide_ && day ? seconds - seconds % 86'400 : seconds);
    if (wide_ && !day) literal.mutable_time()->set_nanos(*rc::gen::inRange<int32_t>(0, 1'000'000'000));
  }

  template <typename Set>
  events::v1::RuleComparison Compared(std::vector<Op> ops, Set set) const {
    events::v1::RuleComparison out;
    out.set_operator_(OneOf(ops));
    const int size = out.operator_() == Op::RULE_OPERATOR_EXISTS ? 0
                     : out.operator_() == Op::RULE_OPERATOR_IN   ? 1 + Below(3)
                                                                 : 1;
    for (int i = 0; i < size; ++i) set(*out.add_right());
    return out;
  }

  static std::vector<Op> Ordered(bool exists) {
    std::vector<Op> ops = {
        Op::RULE_OPERATOR_EQUAL,   Op::RULE_OPERATOR_NOT_EQUAL,        Op::RULE_OPERATOR_LESS,
        Op::RULE_OPERATOR_GREATER, Op::RULE_OPERATOR_GREATER_OR_EQUAL, Op::RULE_OPERATOR_LESS_OR_EQUAL,
        Op::RULE_OPERATOR_IN};
    if (exists) ops.push_back(Op::RULE_OPERATOR_EXISTS);
    return ops;
  }
  static std::vector<Op> OfTexts() {
    return {Op::RULE_OPERATOR_EQUAL, Op::RULE_OPERATOR_NOT_EQUAL, Op::RULE_OPERATOR_IN, Op::RULE_OPERATOR_EXISTS,
            Op::RULE_OPERATOR_CONTAINS};
  }
  static std::vector<Op> OfWords() {
    return {Op::RULE_OPERATOR_EQUAL, Op::RULE_OPERATOR_NOT_EQUAL, Op::RULE_OPERATOR_IN, Op::RULE_OPERATOR_EXISTS};
  }

  events::v1::RuleComparison OfField() const {
    const auto number = [this](auto& literal) { SetNumber(literal); };
    events::v1::RuleComparison out;
    std::string path;
    switch (Below(9)) {
      case 0:
        path = OneOf<std::string>({"entry_count", "order_count", "points.club"});
        out = Compared(Ordered(true), number);
        break;
      case 1:
        path = "net_revenue.THB";
        out = Compared(Ordered(true), [this](auto& literal) { SetMoney("THB", literal); });
        break;
      case 2:
        path = OneOf<std::string>({"last_seen_at", "last_order_at"});
        out = Compared(Ordered(true), [this](auto& literal) { SetTime(literal); });
        break;
      case 3:
      case 4:
        path = "recency";
        out = Compared(Ordered(true), [this](auto& literal) { literal.mutable_duration()->set_seconds(Length() - 1); });
        break;
      case 5:
        path = "favourite_channel";
        out = Compared(OfWords(), [](auto& literal) {
          literal.set_text(OneOf<std::string>({"web", "line", "store"}));
        });
        break;
      case 6:
        path = wide_ ? OneOf<std::string>({"traits.\"", "traits.my key.x", "traits.a.b-c", "traits.ชื่อ", "traits.-"})
                     : "traits.city";
        out = Compared(OfTexts(), [this](auto& literal) { literal.set_text(Text()); });
        break;
      case 7:
        path = "traits.vip";
        out = Compared({Op::RULE_OPERATOR_EQUAL, Op::RULE_OPERATOR_NOT_EQUAL},
                       [](auto& literal) { literal.set_flag(Below(2) == 0); });
        break;
      default:
        path = "traits.score";
        out = Compared(Ordered(true), number);
        break;
    }
    out.mutable_left()->set_field(path);
    return out;
  }

  events::v1::RuleComparison OfCount() const {
    auto out = Compared(Ordered(false), [this](auto& literal) { SetNumber(literal); });
    Fill(OneOf<std::string>({"", "order_stated", "tracked", "points_posted"}), *out.mutable_left()->mutable_count());
    return out;
  }

  events::v1::RuleComparison OfSum() const {
    if (Below(2) == 0) {
      auto out = Compared(Ordered(false), [this](auto& literal) { SetNumber(literal); });
      out.mutable_left()->mutable_sum()->set_field(OneOf<std::string>({"points", "properties.n"}));
      Fill("points_posted", *out.mutable_left()->mutable_sum());
      return out;
    }
    auto out = Compared(Ordered(false), [this](auto& literal) { SetMoney("THB", literal); });
    out.mutable_left()->mutable_sum()->set_field("total");
    out.mutable_left()->mutable_sum()->set_currency("THB");
    Fill(OneOf<std::string>({"", "order_stated"}), *out.mutable_left()->mutable_sum());
    return out;
  }

  template <typename Counted>
  void Fill(const std::string& body, Counted& counted) const {
    auto& events = *counted.mutable_events();
    events.set_body_type(body);
    if (Below(4) != 0) events.mutable_within()->set_seconds(Length());
    if (Below(2) == 0) *events.mutable_condition() = OfEvent(body, 0);
  }

  events::v1::Rule OfEvent(const std::string& body, int depth) const {
    events::v1::Rule rule;
    const int choice = depth >= 2 ? 3 + Below(5) : Below(8);
    if (choice < 2) {
      auto& list = choice == 0 ? *rule.mutable_all_of() : *rule.mutable_any_of();
      for (int i = 0; i < 2; ++i) *list.add_rules() = OfEvent(body, depth + 1);
    } else if (choice == 2) {
      *rule.mutable_negated() = OfEvent(body, depth + 1);
    } else {
      *rule.mutable_comparison() = OfEventField(body, choice);
    }
    return rule;
  }

  events::v1::RuleComparison OfEventField(const std::string& body, int choice) const {
    events::v1::RuleComparison out;
    std::string path;
    if (choice == 3 && (body.empty() || body == "order_stated")) {
      path = "total";
      out = Compared(Ordered(true), [this](auto& literal) { SetMoney(OneOf<std::string>({"THB", "USD"}), literal); });
    } else if (choice == 4 && body == "order_stated") {
      path = "status";
      out = Compared(OfWords(), [](auto& literal) { literal.set_text(OneOf<std::string>({"placed", "cancelled"})); });
    } else if (choice == 5 && (body.empty() || body == "order_stated")) {
      path = "product";
      out = Compared({Op::RULE_OPERATOR_CONTAINS, Op::RULE_OPERATOR_EXISTS}, [](auto& literal) {
        literal.set_text(OneOf<std::string>({"a", "b"}));
      });
    } else if (choice == 6) {
      path = OneOf<std::string>({"properties.n", "properties.x"});
      out = Compared(Ordered(true), [this](auto& literal) { SetNumber(literal); });
    } else if (choice == 7) {
      path = "direction";
      out = Compared(OfWords(), [](auto& literal) { literal.set_text(OneOf<std::string>({"inbound", "outbound"})); });
    } else {
      path = "channel";
      out = Compared(OfWords(), [](auto& literal) { literal.set_text(OneOf<std::string>({"web", "line", "store"})); });
    }
    out.mutable_left()->set_field(path);
    return out;
  }

  bool wide_;
};

// A moment of the first minute; some fall between whole seconds, some between whole microseconds.
inline absl::Time SomeMoment() {
  const absl::Time second = absl::FromUnixSeconds(Below(60));
  return second + OneOf<absl::Duration>(
                      {absl::ZeroDuration(), absl::ZeroDuration(), absl::Microseconds(1), absl::Nanoseconds(1'500)});
}

inline PastEvent SomeEvent() {
  PastEvent out{.occurred_at = SomeMoment()};
  auto& event = out.event;
  event.set_channel(OneOf<events::v1::Channel>(
      {events::v1::CHANNEL_UNSPECIFIED, events::v1::CHANNEL_WEB, events::v1::CHANNEL_LINE, events::v1::CHANNEL_STORE}));
  event.set_direction(static_cast<events::v1::Direction>(Below(3)));
  if (Below(2) == 0) {
    auto& property = *event.add_properties();
    property.set_key("n");
    if (Below(3) == 0) {
      property.mutable_value()->set_string_value("2");
    } else {
      property.mutable_value()->set_int64_value(Below(4));
    }
  }
  switch (Below(3)) {
    case 0: {
      auto& order = *event.mutable_order_stated();
      order.mutable_total()->set_currency(OneOf<std::string>({"THB", "THB", "USD"}));
      order.mutable_total()->set_units(Below(4));
      order.set_status(OneOf<events::v1::OrderStated::Status>({events::v1::OrderStated::STATUS_UNSPECIFIED,
                                                               events::v1::OrderStated::STATUS_PLACED,
                                                               events::v1::OrderStated::STATUS_CANCELLED}));
      if (Below(2) == 0) order.add_lines()->mutable_product()->set_product_id(OneOf<std::string>({"a", "b"}));
      break;
    }
    case 1:
      event.mutable_points_posted()->set_points(Below(7) - 3);
      break;
    default:
      event.mutable_tracked()->set_name("Seen");
      break;
  }
  return out;
}

inline Journey SomeJourney() {
  Journey journey;
  const int size = Below(12);
  for (int i = 0; i < size; ++i) journey.events.push_back(SomeEvent());
  const auto maybe = [&journey](const std::string& path, Value value) {
    if (Below(3) != 0) journey.fields[path] = std::move(value);
  };
  maybe("order_count", Amount::Of(Below(4), 0).value());
  maybe("points.club", Amount::Of(Below(4), 500'000'000).value());
  maybe("net_revenue.THB", MoneyValue{"THB", Amount::Of(Below(4), 0).value()});
  maybe("last_order_at", SomeMoment());
  maybe("favourite_channel", OneOf<std::string>({"web", "line"}));
  maybe("traits.city", OneOf<std::string>({"a", "เชียงใหม่", "x\"y"}));
  maybe("traits.vip", Below(2) == 0);
  maybe("traits.score", Below(2) == 0 ? Value(Amount::Of(Below(4), 0).value()) : Value("2"));
  return journey;
}

}  // namespace tributary::rules::testing
