#include "src/conditions.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace tributary::rules {
namespace {

constexpr absl::Duration kResolution = absl::Microseconds(1);

template <typename Parts>
int CostOf(const Parts& parts) {
  int cost = 0;
  for (const auto& part : parts) cost += part->cost();
  return cost;
}

template <typename Parts>
void SortByCost(Parts& parts) {
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a->cost() < b->cost(); });
}

class Group : public Condition {
 public:
  Group(bool all, Conditions parts) : all_(all), parts_(std::move(parts)) { SortByCost(parts_); }

  // A part that settles the whole (false in `and`, true in `or`) does so as long as it stands: of several the one that
  // stands longest counts, and after one that stands for ever nothing need be asked. Else the whole stands until the
  // first of its parts may change.
  Verdict Evaluate(const Question& question) const override {
    bool settled = false;
    absl::Time settled_until = absl::InfinitePast();
    absl::Time all_until = absl::InfiniteFuture();
    for (const auto& part : parts_) {
      const Verdict verdict = part->Evaluate(question);
      if (verdict.holds == all_) {
        all_until = std::min(all_until, verdict.stands_until);
        continue;
      }
      settled = true;
      settled_until = std::max(settled_until, verdict.stands_until);
      if (settled_until == absl::InfiniteFuture()) break;
    }
    if (settled) return {.holds = !all_, .stands_until = settled_until};
    return {.holds = all_, .stands_until = all_until};
  }
  int cost() const override { return CostOf(parts_); }

 private:
  bool all_;
  Conditions parts_;
};

class Negation : public Condition {
 public:
  explicit Negation(std::unique_ptr<Condition> part) : part_(std::move(part)) {}
  Verdict Evaluate(const Question& question) const override {
    const Verdict verdict = part_->Evaluate(question);
    return {.holds = !verdict.holds, .stands_until = verdict.stands_until};
  }
  int cost() const override { return part_->cost(); }

 private:
  std::unique_ptr<Condition> part_;
};

class FieldCondition : public Condition {
 public:
  FieldCondition(Field field, Comparison comparison) : field_(std::move(field)), comparison_(std::move(comparison)) {}

  Verdict Evaluate(const Question& question) const override {
    Value value = question.customer().Field(field_.name, field_.key);
    if (field_.zero && std::holds_alternative<std::monostate>(value)) {
      value = field_.type == Type::kMoney ? Value(MoneyValue{field_.currency, Amount()}) : Value(Amount());
    }
    return {.holds = comparison_.Holds(value),
            .stands_until = field_.of_journey ? question.NextArrival() : absl::InfiniteFuture()};
  }
  int cost() const override { return 1; }

 private:
  Field field_;
  Comparison comparison_;
};

class RecencyCondition : public Condition {
 public:
  explicit RecencyCondition(Comparison comparison) : comparison_(std::move(comparison)) {}

  Verdict Evaluate(const Question& question) const override {
    const Value value = question.customer().Field("last_order_at", "");
    const auto* last = std::get_if<absl::Time>(&value);
    if (last == nullptr) return {.holds = false, .stands_until = question.NextArrival()};
    const auto at = [&](absl::Time moment) {
      return comparison_.Holds(Value(std::max(moment - *last, absl::ZeroDuration())));
    };
    const bool holds = at(question.now());
    absl::Time until = question.NextArrival();
    // It can change where recency reaches a constant, and where it leaves it.
    for (const Value& right : comparison_.right()) {
      const absl::Time reached = AtOrAfter(*last + std::get<absl::Duration>(right));
      for (const absl::Time moment : {reached, reached + kResolution}) {
        if (moment > question.now() && moment < until && at(moment) != holds) until = moment;
      }
    }
    return {.holds = holds, .stands_until = until};
  }
  int cost() const override { return 1; }

 private:
  Comparison comparison_;
};

class Inactivity : public Condition {
 public:
  explicit Inactivity(absl::Duration length) : length_(length) {}

  Verdict Evaluate(const Question& question) const override {
    std::optional<absl::Time> last;
    question.customer().VisitEvents(0, absl::InfinitePast(), question.now(), [&last](const EventView& event) {
      if (!event.outbound()) last = event.occurred_at();
      return !last.has_value();
    });
    Verdict verdict{.holds = false, .stands_until = question.NextArrival()};
    if (!last.has_value()) return verdict;
    const absl::Time reached = AtOrAfter(*last + length_);
    verdict.holds = reached <= question.now();
    if (!verdict.holds) verdict.stands_until = std::min(verdict.stands_until, reached);
    return verdict;
  }
  int cost() const override { return 3; }

 private:
  absl::Duration length_;
};

int64_t Floor(Amount amount) { return amount.nanos() < 0 ? amount.units() - 1 : amount.units(); }

class CountCondition : public Condition {
 public:
  CountCondition(EventSelection events, Comparison comparison)
      : events_(std::move(events)), comparison_(std::move(comparison)) {
    const bool reached = comparison_.op() == events::v1::RULE_OPERATOR_GREATER_OR_EQUAL ||
                         comparison_.op() == events::v1::RULE_OPERATOR_LESS;
    for (const Value& right : comparison_.right()) {
      const Amount bound = std::get<Amount>(right);
      // The least count of which all higher ones are told the same: ceil(bound), or one beyond floor(bound).
      const int64_t enough = reached ? -Floor(-bound) : Floor(bound) + 1;
      enough_ = std::max(enough_, enough);
    }
  }

  Verdict Evaluate(const Question& question) const override {
    if (enough_ == 0) return {.holds = HoldsOf(0)};
    int64_t count = 0;
    std::vector<absl::Time> occurred;  // of a window; the latest first
    events_.Visit(question, [&](const EventView& event) {
      if (events_.IsWindow()) occurred.push_back(event.occurred_at());
      return ++count < enough_;
    });
    Verdict verdict{.holds = HoldsOf(count)};
    // Events that come can only change what is not yet enough.
    if (count < enough_) verdict.stands_until = question.NextArrival();
    if (!events_.IsWindow()) return verdict;
    // Events leave from the oldest on; the first count below that is told otherwise ends it.
    int64_t left = count;
    while (left > 0 && HoldsOf(left - 1) == verdict.holds) --left;
    if (left > 0) {
      const absl::Time change = events_.LeavesAt(occurred[static_cast<size_t>(left) - 1]);
      verdict.stands_until = std::min(verdict.stands_until, change);
    }
    return verdict;
  }
  int cost() const override { return events_.condition == nullptr ? 5 : 10; }

 private:
  bool HoldsOf(int64_t count) const {
    const auto amount = Amount::Of(count, 0);
    return amount.ok() && comparison_.Holds(Value(*amount));
  }

  EventSelection events_;
  Comparison comparison_;
  int64_t enough_ = 0;
};

class SumCondition : public Condition {
 public:
  SumCondition(EventSelection events, const Field& field, std::string currency, Comparison comparison)
      : events_(std::move(events)), field_(field), currency_(std::move(currency)), comparison_(std::move(comparison)) {}

  Verdict Evaluate(const Question& question) const override {
    struct Part {
      absl::Time leaves_at;
      Amount amount;
    };
    Amount total;
    std::vector<Part> parts;  // of a window; the latest first
    events_.Visit(question, [&](const EventView& event) {
      const Amount amount = AmountOf(event);
      if (amount == Amount()) return true;
      total += amount;
      if (events_.IsWindow()) parts.push_back({events_.LeavesAt(event.occurred_at()), amount});
      return true;
    });
    Verdict verdict{.holds = HoldsOf(total), .stands_until = question.NextArrival()};
    Amount left = total;
    while (!parts.empty()) {
      const absl::Time moment = parts.back().leaves_at;
      if (moment >= verdict.stands_until) break;
      // What leaves at one moment leaves together.
      for (; !parts.empty() && parts.back().leaves_at == moment; parts.pop_back()) left -= parts.back().amount;
      if (HoldsOf(left) != verdict.holds) verdict.stands_until = moment;
    }
    return verdict;
  }
  int cost() const override { return 20; }

 private:
  Amount AmountOf(const EventView& event) const {
    const Value value = field_.Read(event);
    if (const auto* money = std::get_if<MoneyValue>(&value)) {
      return money->currency == currency_ ? money->amount : Amount();
    }
    const auto* amount = std::get_if<Amount>(&value);
    return amount == nullptr || !currency_.empty() ? Amount() : *amount;
  }
  bool HoldsOf(Amount sum) const {
    return comparison_.Holds(currency_.empty() ? Value(sum) : Value(MoneyValue{currency_, sum}));
  }

  EventSelection events_;
  EventField field_;
  std::string currency_;
  Comparison comparison_;
};

class EventGroup : public EventCondition {
 public:
  EventGroup(bool all, EventConditions parts) : all_(all), parts_(std::move(parts)) { SortByCost(parts_); }
  bool Holds(const EventView& event) const override {
    for (const auto& part : parts_) {
      if (part->Holds(event) != all_) return !all_;
    }
    return all_;
  }
  int cost() const override { return CostOf(parts_); }

 private:
  bool all_;
  EventConditions parts_;
};

class EventNegation : public EventCondition {
 public:
  explicit EventNegation(std::unique_ptr<EventCondition> part) : part_(std::move(part)) {}
  bool Holds(const EventView& event) const override { return !part_->Holds(event); }
  int cost() const override { return part_->cost(); }

 private:
  std::unique_ptr<EventCondition> part_;
};

class EventFieldCondition : public EventCondition {
 public:
  EventFieldCondition(const Field& field, Comparison comparison) : field_(field), comparison_(std::move(comparison)) {}
  bool Holds(const EventView& event) const override { return comparison_.Holds(field_.Read(event)); }
  int cost() const override { return field_.IsCheap() ? 1 : 10; }

 private:
  EventField field_;
  Comparison comparison_;
};

}  // namespace

absl::Time AtOrAfter(absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return time;
  const absl::Time whole = absl::FromUnixMicros(absl::ToUnixMicros(time));
  return whole < time ? whole + kResolution : whole;
}

void EventSelection::Visit(const Question& question, const std::function<bool(const EventView&)>& visit) const {
  const absl::Time after = IsWindow() ? question.now() - within : absl::InfinitePast();
  question.customer().VisitEvents(body, after, question.now(),
                                  [&](const EventView& event) { return !Matches(event) || visit(event); });
}

std::unique_ptr<Condition> MakeGroup(bool all, Conditions parts) {
  return std::make_unique<Group>(all, std::move(parts));
}

std::unique_ptr<Condition> MakeNegation(std::unique_ptr<Condition> part) {
  return std::make_unique<Negation>(std::move(part));
}

std::unique_ptr<Condition> MakeFieldCondition(Field field, Comparison comparison) {
  return std::make_unique<FieldCondition>(std::move(field), std::move(comparison));
}

std::unique_ptr<Condition> MakeRecencyCondition(Comparison comparison) {
  return std::make_unique<RecencyCondition>(std::move(comparison));
}

std::unique_ptr<Condition> MakeInactivity(absl::Duration length) { return std::make_unique<Inactivity>(length); }

std::unique_ptr<Condition> MakeCountCondition(EventSelection events, Comparison comparison) {
  return std::make_unique<CountCondition>(std::move(events), std::move(comparison));
}

std::unique_ptr<Condition> MakeSumCondition(EventSelection events, const Field& field, std::string currency,
                                            Comparison comparison) {
  return std::make_unique<SumCondition>(std::move(events), field, std::move(currency), std::move(comparison));
}

std::unique_ptr<EventCondition> MakeEventGroup(bool all, EventConditions parts) {
  return std::make_unique<EventGroup>(all, std::move(parts));
}

std::unique_ptr<EventCondition> MakeEventNegation(std::unique_ptr<EventCondition> part) {
  return std::make_unique<EventNegation>(std::move(part));
}

std::unique_ptr<EventCondition> MakeEventFieldCondition(const Field& field, Comparison comparison) {
  return std::make_unique<EventFieldCondition>(field, std::move(comparison));
}

}  // namespace tributary::rules
