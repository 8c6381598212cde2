// What a rule means, as plainly as it can be said: nothing is stopped early, sorted, prepared or remembered.
#pragma once

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "tests/journey.h"
#include "tributary/identifier/text.h"

namespace tributary::rules::testing {

inline absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

class Plain {
 public:
  Plain(const Journey& journey, absl::Time now) : journey_(journey), now_(now) {}

  bool Holds(const events::v1::Rule& rule) const {
    if (rule.has_negated()) return !Holds(rule.negated());
    if (rule.has_comparison()) return Compare(rule.comparison(), LeftOf(rule.comparison().left()));
    if (rule.has_inactive_for()) {
      bool before = false;
      for (const auto& past : journey_.events) {
        if (past.occurred_at > now_ || past.event.direction() == events::v1::DIRECTION_OUTBOUND) continue;
        before = true;
        if (past.occurred_at > now_ - absl::Seconds(rule.inactive_for().seconds())) return false;
      }
      return before;
    }
    bool all = true;
    bool any = false;
    for (const auto& part : (rule.has_all_of() ? rule.all_of() : rule.any_of()).rules()) {
      (Holds(part) ? any : all) = Holds(part);
    }
    return rule.has_all_of() ? all : any;
  }

 private:
  Value LeftOf(const events::v1::RuleOperand& left) const {
    if (left.has_field()) return FieldOf(left.field());
    int64_t count = 0;
    Amount sum;
    const auto& events = left.has_count() ? left.count().events() : left.sum().events();
    for (const auto& past : journey_.events) {
      if (past.occurred_at > now_) continue;
      if (events.has_within() && past.occurred_at <= now_ - absl::Seconds(events.within().seconds())) continue;
      const auto* type = events::v1::CustomerEvent::descriptor()->FindFieldByName(events.body_type());
      if (type != nullptr && type->number() != static_cast<int>(past.event.body_case())) continue;
      if (events.has_condition() && !HoldsOf(events.condition(), past.event)) continue;
      ++count;
      const Value value = EventFieldOf(left.sum().field(), past.event);
      const auto* money = std::get_if<MoneyValue>(&value);
      if (money != nullptr && money->currency == left.sum().currency()) sum += money->amount;
      if (std::holds_alternative<Amount>(value) && left.sum().currency().empty()) sum += std::get<Amount>(value);
    }
    if (left.has_count()) return Amount::Of(count, 0).value();
    return left.sum().currency().empty() ? Value(sum) : Value(MoneyValue{left.sum().currency(), sum});
  }

  Value FieldOf(const std::string& path) const {
    const FakeCustomer customer(journey_, now_);
    if (path == "recency") {
      const Value last = customer.Field("last_order_at", "");
      if (!std::holds_alternative<absl::Time>(last)) return {};
      return std::max(now_ - std::get<absl::Time>(last), absl::ZeroDuration());
    }
    const size_t dot = path.find('.');
    const Value value = customer.Field(path.substr(0, dot), dot == std::string::npos ? "" : path.substr(dot + 1));
    if (!std::holds_alternative<std::monostate>(value)) return value;
    if (path == "order_count" || path.substr(0, 7) == "points.") return Amount();
    if (path.substr(0, 12) == "net_revenue.") return MoneyValue{path.substr(12), Amount()};
    return value;
  }

  static bool HoldsOf(const events::v1::Rule& rule, const events::v1::CustomerEvent& event) {
    if (rule.has_negated()) return !HoldsOf(rule.negated(), event);
    if (rule.has_comparison()) {
      return Compare(rule.comparison(), EventFieldOf(rule.comparison().left().field(), event));
    }
    bool all = true;
    bool any = false;
    for (const auto& part : (rule.has_all_of() ? rule.all_of() : rule.any_of()).rules()) {
      (HoldsOf(part, event) ? any : all) = HoldsOf(part, event);
    }
    return rule.has_all_of() ? all : any;
  }

  static Value MoneyOf(const events::v1::Money& money) {
    return MoneyValue{money.currency(), Amount::Of(money.units(), money.nanos()).value()};
  }

  // Only what random journeys hold.
  static Value EventFieldOf(const std::string& path, const events::v1::CustomerEvent& event) {
    if (path == "channel") {
      std::string name = events::v1::Channel_Name(event.channel()).substr(8);
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      return event.channel() == 0 ? Value() : Value(name);
    }
    if (path == "direction") {
      if (event.direction() == events::v1::DIRECTION_UNSPECIFIED) return {};
      return event.direction() == events::v1::DIRECTION_OUTBOUND ? "outbound" : "inbound";
    }
    if (path == "total" && event.has_order_stated()) return MoneyOf(event.order_stated().total());
    if (path == "refund" && event.has_return_stated()) return MoneyOf(event.return_stated().refund());
    if (path == "points" && event.has_points_posted()) return Amount::Of(event.points_posted().points(), 0).value();
    if (path == "name" && event.has_tracked()) return event.tracked().name();
    if (path == "status" && event.has_order_stated()) {
      return event.order_stated().status() == events::v1::OrderStated::STATUS_CANCELLED ? "cancelled" : "placed";
    }
    if (path == "product" && event.order_stated().lines_size() > 0) {
      return std::vector<std::string>{event.order_stated().lines(0).product().product_id()};
    }
    if (path.substr(0, 11) == "properties.") {
      for (const auto& property : event.properties()) {
        if (property.key() == path.substr(11)) return ValueOf(property.value());
      }
    }
    return {};
  }

  static bool Compare(const events::v1::RuleComparison& comparison, const Value& left) {
    using namespace events::v1;  // NOLINT(google-build-using-namespace): the operators
    if (std::holds_alternative<std::monostate>(left)) return false;
    if (comparison.operator_() == RULE_OPERATOR_EXISTS) return true;
    for (const auto& right : comparison.right()) {
      if (comparison.operator_() == RULE_OPERATOR_CONTAINS) {
        if (Contains(left, identifier::NormalForm(right.text()))) return true;
        continue;
      }
      const std::optional<int> order = OrderOf(left, right);
      if (!order.has_value()) continue;
      switch (comparison.operator_()) {
        case RULE_OPERATOR_EQUAL:
        case RULE_OPERATOR_IN:
          if (*order == 0) return true;
          break;
        case RULE_OPERATOR_NOT_EQUAL:
          return *order != 0;
        case RULE_OPERATOR_LESS:
          return *order < 0;
        case RULE_OPERATOR_LESS_OR_EQUAL:
          return *order <= 0;
        case RULE_OPERATOR_GREATER:
          return *order > 0;
        default:
          return *order >= 0;
      }
    }
    return false;
  }

  static bool Contains(const Value& left, const std::string& part) {
    if (const auto* text = std::get_if<std::string>(&left))
      return identifier::NormalForm(*text).find(part) != part.npos;
    const auto* list = std::get_if<std::vector<std::string>>(&left);
    return list != nullptr && std::find(list->begin(), list->end(), part) != list->end();
  }

  template <typename T>
  static int Sign(const T& a, const T& b) {
    if (a == b) return 0;
    return a < b ? -1 : 1;
  }

  static std::optional<int> OrderOf(const Value& left, const events::v1::RuleLiteral& right) {
    if (std::holds_alternative<std::string>(left) && right.has_text()) {
      return Sign(identifier::NormalForm(std::get<std::string>(left)), identifier::NormalForm(right.text()));
    }
    if (std::holds_alternative<bool>(left) && right.has_flag()) return Sign(std::get<bool>(left), right.flag());
    if (std::holds_alternative<Amount>(left) && right.has_number()) {
      return Sign(std::get<Amount>(left), Amount::Of(right.number().units(), right.number().nanos()).value());
    }
    if (std::holds_alternative<MoneyValue>(left) && right.has_money()) {
      const auto& money = std::get<MoneyValue>(left);
      if (money.currency != right.money().currency()) return std::nullopt;
      return Sign(money.amount, Amount::Of(right.money().units(), right.money().nanos()).value());
    }
    if (std::holds_alternative<absl::Duration>(left) && right.has_duration()) {
      return Sign(std::get<absl::Duration>(left), absl::Seconds(right.duration().seconds()));
    }
    if (std::holds_alternative<absl::Time>(left) && right.has_time()) {
      return Sign(std::get<absl::Time>(left), TimeOf(right.time()));
    }
    return std::nullopt;
  }

  const Journey& journey_;
  absl::Time now_;
};

}  // namespace tributary::rules::testing
