#include "profile/processor.h"

#include "profile/apply.h"
#include "profile/copy.h"
#include "profile/definition_commands.h"
#include "profile/definitions.h"
#include "profile/derive.h"
#include "profile/entry.h"
#include "profile/membership.h"
#include "profile/tables.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/status.h"
#include "tributary/processor/record_type.h"

namespace tributary::profile {

using events::v1::CustomerEvent;
using events::v1::SegmentDefined;
using events::v1::SegmentEntered;
using events::v1::SegmentLeft;
using events::v1::TakeInProgressed;
using events::v1::ValueTierChanged;
using events::v1::ValueTiersDefined;
using processor::Handling;
using processor::RecordType;

Handling ProfileProcessor::Handles(std::string_view type) const {
  const bool applied = type == RecordType<CustomerEvent>() || type == RecordType<SegmentDefined>() ||
                       type == RecordType<ValueTiersDefined>();
  return applied ? Handling::kApplied : Handling::kUnknown;
}

// All that an event touches unless it is amended, names an order that has returns, or its profile was retired.
void ProfileProcessor::Prefetch(const processor::Fact& fact, processor::KeySet& keys) const {
  if (fact.type != RecordType<CustomerEvent>()) return;
  const auto* event = fact.value.As<CustomerEvent>();
  if (event == nullptr) return;
  const std::string& profile = event->resolution().profile_id();
  keys.Add(kProfiles, {event->workspace_id(), profile});
  keys.Add(kEntryIds, {profile, event->source_id(), event->event_id()});
  keys.Add(kEntries, {profile, absl::FromUnixMicros(MicrosOf(event->occurred_at())), event->source_priority(),
                      event->event_id(), event->source_id()});
  keys.Add(kSummaries, {profile});
  if (segments_.Reads(event->workspace_id())) keys.Add(kMemberships, {profile});
  if (const events::v1::EventRef* named = NamedEvent(*event)) {
    keys.Add(kEntryIds,
             {profile, named->source_id().empty() ? event->source_id() : named->source_id(), named->event_id()});
  } else if (event->has_order_stated()) {
    keys.Add(kOrders, {profile, event->order_stated().order().issuer(), event->order_stated().order().order_id()});
  } else if (event->has_return_stated()) {
    keys.Add(kOrders, {profile, event->return_stated().order().issuer(), event->return_stated().order().order_id()});
  }
}

absl::Status ProfileProcessor::ApplyFact(const processor::Fact& fact,
                                         const processor::KindView<processor::Kind::kFacts>& facts,
                                         processor::Writer<processor::Kind::kFacts>& out) {
  if (fact.type == RecordType<SegmentDefined>()) {
    ApplySegmentDefined(*fact.value.As<SegmentDefined>(), fact.offset.value(), facts, out);
    return absl::OkStatus();
  }
  if (fact.type == RecordType<ValueTiersDefined>()) {
    ApplyValueTiersDefined(*fact.value.As<ValueTiersDefined>(), fact.offset.value(), facts, out);
    return absl::OkStatus();
  }
  return ApplyEvent(*fact.value.As<CustomerEvent>(), fact.value.Bytes(), fact.offset.value(), facts, out);
}

void ProfileProcessor::ApplyDecision(const processor::Decision& decision,
                                     const processor::KindView<processor::Kind::kDecisions>& decisions,
                                     processor::Writer<processor::Kind::kDecisions>& out) {
  if (decision.type == RecordType<SegmentEntered>()) {
    ApplyEntered(*decision.value.As<SegmentEntered>(), decisions, out);
  } else if (decision.type == RecordType<SegmentLeft>()) {
    ApplyLeft(*decision.value.As<SegmentLeft>(), decisions, out);
  } else if (decision.type == RecordType<ValueTierChanged>()) {
    ApplyTierChanged(*decision.value.As<ValueTierChanged>(), decisions, out);
  } else if (decision.type == RecordType<TakeInProgressed>()) {
    ApplyTakeIn(*decision.value.As<TakeInProgressed>(), out);
  } else if (decision.type == RecordType<SegmentDefined>()) {
    ApplyDecided(*decision.value.As<SegmentDefined>(), out);
  } else if (decision.type == RecordType<ValueTiersDefined>()) {
    ApplyDecided(*decision.value.As<ValueTiersDefined>(), out);
  }
}

void ProfileProcessor::Derive(const processor::Changes& changes, const processor::View& view,
                              processor::Writer<processor::Kind::kCaches>& out) {
  DeriveCaches(changes, view, out);
}

processor::Decided ProfileProcessor::Decide(const processor::Input& input, const processor::View& view,
                                            absl::Time now) {
  if (const auto* fact = std::get_if<processor::Fact>(&input)) return DecideFact(*fact, view, now);
  if (const auto* timer = std::get_if<processor::DueTimer>(&input)) return segments_.OnTimer(*timer, view, now);
  if (const auto* command = std::get_if<processor::Command>(&input)) return DecideDefinition(*command, view, now);
  return {};
}

processor::Decided ProfileProcessor::DecideFact(const processor::Fact& fact, const processor::View& view,
                                                absl::Time now) {
  if (fact.type == RecordType<CustomerEvent>()) {
    return segments_.OnEvent(*fact.value.As<CustomerEvent>(), fact.historical, view, now);
  }
  processor::Decided decided = fact.type == RecordType<SegmentDefined>()
                                   ? segments_.OnDefined(*fact.value.As<SegmentDefined>(), view, now)
                                   : segments_.OnDefined(*fact.value.As<ValueTiersDefined>(), view, now);
  if (partition_ == processor::Partition(0)) decided.outputs = SpreadDefinition(fact, journey_partitions_);
  return decided;
}

// A definition with a rule that this release does not know halts the task, as an unknown record does: who goes over it
// would take customers in for good by a rule that was never asked.
absl::Status ProfileProcessor::CheckFact(const processor::Fact& fact) const {
  const bool parses = fact.type == RecordType<SegmentDefined>()      ? fact.value.As<SegmentDefined>() != nullptr
                      : fact.type == RecordType<ValueTiersDefined>() ? fact.value.As<ValueTiersDefined>() != nullptr
                                                                     : fact.value.As<CustomerEvent>() != nullptr;
  if (!parses) return absl::InternalError(fmt::format("a {} of the journey does not parse", fact.type));
  absl::Status known = absl::OkStatus();
  if (fact.type == RecordType<SegmentDefined>()) known = CheckRules(*fact.value.As<SegmentDefined>());
  if (fact.type == RecordType<ValueTiersDefined>()) known = CheckRules(*fact.value.As<ValueTiersDefined>());
  if (known.ok()) return known;
  return absl::InternalError(
      fmt::format("this release does not know a rule of a {}: {}", fact.type, FromAbsl(known.message())));
}

std::optional<std::string> ProfileProcessor::ProfileOf(const processor::Fact& fact) const {
  const auto* event = fact.type == RecordType<CustomerEvent>() ? fact.value.As<CustomerEvent>() : nullptr;
  if (event == nullptr) return std::nullopt;
  return event->resolution().profile_id();
}

std::optional<std::string> ProfileProcessor::ProfileOf(const processor::Command&) const { return std::nullopt; }

bool ProfileProcessor::MustBeHeld(const processor::Fact&) const { return false; }

absl::Status ProfileProcessor::ApplyMerge(const events::v1::ProfilesMerged& merged, bool loser_is_here,
                                          bool winner_is_here,
                                          const processor::KindView<processor::Kind::kFacts>& facts,
                                          processor::Writer<processor::Kind::kFacts>& out) {
  return profile::ApplyMerge(merged, loser_is_here, winner_is_here, facts, out);
}

processor::CopiedRows ProfileProcessor::CopyRows(const processor::View& view, const std::string& workspace,
                                                 const std::string& profile, std::string_view cursor, int32_t max_rows,
                                                 size_t max_bytes) const {
  return CopyProfile(view, workspace, profile, cursor, max_rows, max_bytes);
}

absl::Status ProfileProcessor::ApplyMovedRow(const events::v1::MovedRow& row, const std::string& workspace,
                                             const std::string& winner,
                                             const processor::KindView<processor::Kind::kFacts>& facts,
                                             processor::Writer<processor::Kind::kFacts>& out) {
  return profile::ApplyMovedRow(row, workspace, winner, facts, out);
}

std::vector<processor::Decision> ProfileProcessor::Adopt(const events::v1::MovedRow&, const std::string&,
                                                         const processor::View&, absl::Time) {
  return {};
}

processor::Decided ProfileProcessor::DecideLost(const events::v1::ProfilesMerged& merged, const processor::View& view,
                                                absl::Time now) {
  return segments_.OnLost(merged, view, now);
}

processor::Decided ProfileProcessor::DecideWhole(const std::string& workspace, const std::string& profile,
                                                 const processor::View& view, absl::Time now) {
  return segments_.OnWhole(workspace, profile, view, now);
}

std::string ProfileProcessor::Forward(const processor::Fact& fact, const std::string& winner) const {
  return ForwardEvent(fact, winner);
}

std::unique_ptr<processor::Processor> MakeProcessor(processor::Partition partition, int32_t journey_partitions) {
  return std::make_unique<processor::MovingProcessor>(
      std::make_unique<ProfileProcessor>(partition, journey_partitions),
      processor::PartitionRef{std::string(ProfileProcessor::kLog), partition},
      processor::ProfilePlaces{std::string(ProfileProcessor::kLog), [journey_partitions](std::string_view id) {
                                 return processor::Partition(JourneyPartitionOf(id, journey_partitions));
                               }});
}

}  // namespace tributary::profile
