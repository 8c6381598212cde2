// The parts of a compiled rule: what is asked of a customer at a moment, and how long the answer stands.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "src/comparison.h"
#include "src/fields.h"
#include "tributary/rules/rule.h"

namespace tributary::rules {

// The least whole microsecond that is not before `time`.
absl::Time AtOrAfter(absl::Time time);

// One evaluation.
class Question {
 public:
  // `now`: a whole microsecond.
  Question(const Customer& customer, absl::Time now) : customer_(customer), now_(now) {}
  const Customer& customer() const { return customer_; }
  absl::Time now() const { return now_; }
  // The first moment at which an event that lies ahead begins to count; looked up once.
  absl::Time NextArrival() const {
    if (!next_arrival_.has_value()) next_arrival_ = AtOrAfter(customer_.NextEventAfter(now_));
    return *next_arrival_;
  }

 private:
  const Customer& customer_;
  absl::Time now_;
  mutable std::optional<absl::Time> next_arrival_;
};

// A rule about a customer. Immutable; thread-safe.
class Condition {
 public:
  virtual ~Condition() = default;
  virtual Verdict Evaluate(const Question& question) const = 0;
  // What an answer costs, roughly, against others: the cheap are asked first.
  virtual int cost() const = 0;
};

// A rule about an event. Time changes nothing of it. Immutable; thread-safe.
class EventCondition {
 public:
  virtual ~EventCondition() = default;
  virtual bool Holds(const EventView& event) const = 0;
  virtual int cost() const = 0;
};

// Which events are meant.
struct EventSelection {
  int body = 0;                                      // 0: every type
  absl::Duration within = absl::InfiniteDuration();  // infinite: ever
  std::unique_ptr<EventCondition> condition;         // null: all

  bool IsWindow() const { return within != absl::InfiniteDuration(); }
  bool Matches(const EventView& event) const { return condition == nullptr || condition->Holds(event); }
  // When an event leaves the window; infinite future if there is none.
  absl::Time LeavesAt(absl::Time occurred_at) const {
    return IsWindow() ? AtOrAfter(occurred_at + within) : absl::InfiniteFuture();
  }
  // Visits those that match and count now, the latest first, until `visit` returns false.
  void Visit(const Question& question, const std::function<bool(const EventView&)>& visit) const;
};

using Conditions = std::vector<std::unique_ptr<Condition>>;
using EventConditions = std::vector<std::unique_ptr<EventCondition>>;

// `all`: every one holds; else at least one.
std::unique_ptr<Condition> MakeGroup(bool all, Conditions parts);
std::unique_ptr<Condition> MakeNegation(std::unique_ptr<Condition> part);
std::unique_ptr<Condition> MakeFieldCondition(Field field, Comparison comparison);
// Time since last_order_at.
std::unique_ptr<Condition> MakeRecencyCondition(Comparison comparison);
std::unique_ptr<Condition> MakeInactivity(absl::Duration length);
std::unique_ptr<Condition> MakeCountCondition(EventSelection events, Comparison comparison);
// `currency`: of money; "": a sum of numbers.
std::unique_ptr<Condition> MakeSumCondition(EventSelection events, const Field& field, std::string currency,
                                            Comparison comparison);

std::unique_ptr<EventCondition> MakeEventGroup(bool all, EventConditions parts);
std::unique_ptr<EventCondition> MakeEventNegation(std::unique_ptr<EventCondition> part);
std::unique_ptr<EventCondition> MakeEventFieldCondition(const Field& field, Comparison comparison);

}  // namespace tributary::rules
