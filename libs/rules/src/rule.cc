// Rules made ready from their messages.
#include "tributary/rules/rule.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "src/check.h"
#include "src/comparison.h"
#include "src/conditions.h"
#include "src/fields.h"

namespace tributary::rules {
namespace {

using events::v1::Rule;
using events::v1::RuleComparison;
using events::v1::RuleEvents;
using events::v1::RuleOperand;

// Builds the parts of a rule that was checked, and gathers what they look at.
class Builder {
 public:
  std::unique_ptr<Condition> Build(const Rule& rule) {
    switch (rule.kind_case()) {
      case Rule::kNegated:
        return MakeNegation(Build(rule.negated()));
      case Rule::kComparison:
        return Compared(rule.comparison());
      case Rule::kInactiveFor:
        bodies_.insert(0);
        return MakeInactivity(absl::Seconds(rule.inactive_for().seconds()));
      default: {
        Conditions parts;
        for (const Rule& part : (rule.has_all_of() ? rule.all_of() : rule.any_of()).rules()) {
          parts.push_back(Build(part));
        }
        return MakeGroup(rule.has_all_of(), std::move(parts));
      }
    }
  }

  CompiledRule::Dependencies Dependencies() const {
    CompiledRule::Dependencies out{.fields = {fields_.begin(), fields_.end()}};
    // Every type holds the others.
    out.bodies = bodies_.count(0) > 0 ? std::vector<int>{0} : std::vector<int>(bodies_.begin(), bodies_.end());
    return out;
  }

 private:
  static Field Known(const std::string& path, const Scope& scope) {
    Flaw flaw;
    return FindField(path, scope, flaw).value_or(Field{});
  }

  std::unique_ptr<Condition> Compared(const RuleComparison& comparison) {
    const RuleOperand& left = comparison.left();
    if (left.has_count()) return MakeCountCondition(Selected(left.count().events()), Comparison(comparison));
    if (left.has_sum()) {
      EventSelection events = Selected(left.sum().events());
      const Field field = Known(left.sum().field(), {.event = true, .body = events.body});
      return MakeSumCondition(std::move(events), field, left.sum().currency(), Comparison(comparison));
    }
    Field field = Known(left.field(), {});
    if (field.name == "recency") {
      fields_.insert("last_order_at");
      return MakeRecencyCondition(Comparison(comparison));
    }
    fields_.insert(field.name);
    return MakeFieldCondition(std::move(field), Comparison(comparison));
  }

  EventSelection Selected(const RuleEvents& events) {
    EventSelection out{.body = BodyNumber(events.body_type()).value_or(0)};
    bodies_.insert(out.body);
    if (events.has_within()) out.within = absl::Seconds(events.within().seconds());
    if (events.has_condition()) out.condition = BuildOfEvent(events.condition(), {.event = true, .body = out.body});
    return out;
  }

  static std::unique_ptr<EventCondition> BuildOfEvent(const Rule& rule, const Scope& scope) {
    if (rule.has_negated()) return MakeEventNegation(BuildOfEvent(rule.negated(), scope));
    if (rule.has_comparison()) {
      return MakeEventFieldCondition(Known(rule.comparison().left().field(), scope), Comparison(rule.comparison()));
    }
    EventConditions parts;
    for (const Rule& part : (rule.has_all_of() ? rule.all_of() : rule.any_of()).rules()) {
      parts.push_back(BuildOfEvent(part, scope));
    }
    return MakeEventGroup(rule.has_all_of(), std::move(parts));
  }

  std::set<std::string> fields_;
  std::set<int> bodies_;
};

}  // namespace

struct CompiledRule::Impl {
  std::unique_ptr<Condition> root;
  Dependencies dependencies;
};

absl::StatusOr<CompiledRule> CompiledRule::Compile(const Rule& rule) {
  const auto flaw = FlawOf(rule);
  if (flaw.has_value()) return ToStatus(*flaw);
  Builder builder;
  auto impl = std::make_shared<Impl>();
  impl->root = builder.Build(rule);
  impl->dependencies = builder.Dependencies();
  return CompiledRule(std::move(impl));
}

Verdict CompiledRule::Evaluate(const Customer& customer, absl::Time now) const {
  return impl_->root->Evaluate(Question(customer, absl::FromUnixMicros(absl::ToUnixMicros(now))));
}

const CompiledRule::Dependencies& CompiledRule::dependencies() const { return impl_->dependencies; }

}  // namespace tributary::rules
