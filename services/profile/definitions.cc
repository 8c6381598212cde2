#include "profile/definitions.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "absl/status/statusor.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::profile {
namespace {

using events::v1::CustomerEvent;
using events::v1::SegmentDefined;
using events::v1::ValueTiersDefined;
using projection::Row;
using projection::View;
using rules::CompiledRule;
using storage::v1::SegmentRow;

void Stamp(const std::string& workspace, int64_t offset, FactsWriter& out) {
  storage::v1::DefinitionStampRow row;
  row.set_offset(offset);
  out.Put(kDefinitionStamps, {workspace}, std::move(row));
}

// The types of events that may change a field of the customer; of a field that is not named here, every one may.
struct FieldSource {
  std::string_view field;
  std::array<int, 2> bodies;
};
constexpr std::array<int, 2> kOrders{CustomerEvent::kOrderStated, CustomerEvent::kReturnStated};
constexpr std::array<int, 2> kTraitsBodies{CustomerEvent::kTraitsStated, CustomerEvent::kAccountStated};
constexpr FieldSource kFieldSources[] = {
    {"average_order_value", kOrders},
    {"birth_date", kTraitsBodies},
    {"first_order_at", kOrders},
    {"gender", kTraitsBodies},
    {"gross_revenue", kOrders},
    {"language", kTraitsBodies},
    {"last_order_at", kOrders},
    {"last_stay_departure", {CustomerEvent::kStayStated, CustomerEvent::kStayStated}},
    {"net_revenue", kOrders},
    {"order_count", kOrders},
    {"orders_per_30_days", kOrders},
    {"points", {CustomerEvent::kPointsPosted, CustomerEvent::kPointsPosted}},
    {"returned", kOrders},
    {"traits", kTraitsBodies},
};

bool MayChange(std::string_view field, int body) {
  if (field == kTierField) return false;  // whoever changes the tier looks at who uses it
  for (const FieldSource& source : kFieldSources) {
    if (source.field == field) return source.bodies[0] == body || source.bodies[1] == body;
  }
  return true;
}

bool Touches(const CompiledRule& rule, int body) {
  const CompiledRule::Dependencies& on = rule.dependencies();
  return std::any_of(on.bodies.begin(), on.bodies.end(), [&](int other) { return other == 0 || other == body; }) ||
         std::any_of(on.fields.begin(), on.fields.end(),
                     [&](const std::string& field) { return MayChange(field, body); });
}

bool UsesTier(const CompiledRule& rule) {
  const std::vector<std::string>& fields = rule.dependencies().fields;
  return std::find(fields.begin(), fields.end(), kTierField) != fields.end();
}

ReadyTiers TiersOf(const ValueTiersDefined& defined) {
  ReadyTiers ready{.revision = defined.revision(), .highest_first = {}};
  for (int i = defined.tiers_size() - 1; i >= 0; --i) {
    ready.highest_first.push_back(
        {defined.tiers(i).tier_id(), CompiledRule::Compile(RuleOf(defined.measure(), defined.tiers(i))).value()});
  }
  return ready;
}

}  // namespace

events::v1::Rule RuleOf(const events::v1::RuleOperand& measure, const events::v1::ValueTierDefinition& tier) {
  events::v1::Rule rule;
  events::v1::RuleComparison& comparison = *rule.mutable_comparison();
  *comparison.mutable_left() = measure;
  comparison.set_operator_(events::v1::RULE_OPERATOR_GREATER_OR_EQUAL);
  *comparison.add_right() = tier.at_least();
  return rule;
}

absl::Status CheckRules(const SegmentDefined& defined) {
  return defined.deleted() ? absl::OkStatus() : CompiledRule::Compile(defined.rule()).status();
}

absl::Status CheckRules(const ValueTiersDefined& defined) {
  for (const events::v1::ValueTierDefinition& tier : defined.tiers()) {
    TRIBUTARY_RETURN_IF_ERROR(CompiledRule::Compile(RuleOf(defined.measure(), tier)).status());
  }
  return absl::OkStatus();
}

void ApplySegmentDefined(const SegmentDefined& defined, int64_t offset, const FactsView& facts, FactsWriter& out) {
  const SegmentKey key{defined.workspace_id(), defined.segment_id()};
  const Row<SegmentRow> old = facts.Get(kSegments, key);
  if (old != nullptr && old->defined().revision() >= defined.revision()) return;
  SegmentRow row;
  *row.mutable_defined() = defined;
  out.Put(kSegments, key, std::move(row));
  Stamp(defined.workspace_id(), offset, out);
}

void ApplyValueTiersDefined(const ValueTiersDefined& defined, int64_t offset, const FactsView& facts,
                            FactsWriter& out) {
  const Row<storage::v1::ValueTiersRow> old = facts.Get(kValueTiers, {defined.workspace_id()});
  if (old != nullptr && old->defined().revision() >= defined.revision()) return;
  storage::v1::ValueTiersRow row;
  *row.mutable_defined() = defined;
  out.Put(kValueTiers, {defined.workspace_id()}, std::move(row));
  Stamp(defined.workspace_id(), offset, out);
}

Definitions::Definitions(const View& view, const std::string& workspace) {
  view.Scan(kSegments, std::tuple(workspace), [&](const SegmentKey& key, const Row<SegmentRow>& row) {
    if (row->defined().deleted()) return true;
    CompiledRule rule = CompiledRule::Compile(row->defined().rule()).value();
    const bool uses_tier = UsesTier(rule);
    segments_.push_back({std::get<1>(key), row->defined().revision(), std::move(rule), uses_tier});
    return true;
  });
  if (const auto row = view.Get(kValueTiers, {workspace}); row != nullptr) tiers_ = TiersOf(row->defined());
}

const ReadySegment* Definitions::Find(std::string_view id) const {
  const auto it =
      std::lower_bound(segments_.begin(), segments_.end(), id,
                       [](const ReadySegment& segment, std::string_view other) { return segment.id < other; });
  return it == segments_.end() || it->id != id ? nullptr : &*it;
}

const Definitions::Touched& Definitions::TouchedBy(int body) const {
  const auto [it, first] = touched_.try_emplace(body);
  if (!first) return it->second;
  for (const ReadySegment& segment : segments_) {
    if (Touches(segment.rule, body)) it->second.segments.push_back(&segment);
  }
  if (tiers_.has_value()) {
    it->second.tiers = std::any_of(tiers_->highest_first.begin(), tiers_->highest_first.end(),
                                   [&](const ReadyTier& tier) { return Touches(tier.reached, body); });
  }
  return it->second;
}

const Definitions* ReadyDefinitions::Of(const View& view, const std::string& workspace) {
  const Row<storage::v1::DefinitionStampRow> stamp = view.Get(kDefinitionStamps, {workspace});
  if (stamp == nullptr) {
    if (!ready_.empty()) ready_.erase(workspace);
    return nullptr;
  }
  Ready& ready = ready_[workspace];
  if (ready.stamp != stamp->offset()) {
    ready.definitions = std::make_unique<const Definitions>(view, workspace);
    ready.stamp = stamp->offset();
  }
  return ready.definitions.get();
}

}  // namespace tributary::profile
