#include "profile/processor.h"

#include "profile/apply.h"
#include "profile/copy.h"
#include "profile/derive.h"
#include "profile/entry.h"
#include "profile/tables.h"
#include "tributary/base/partitioning.h"
#include "tributary/processor/record_type.h"

namespace tributary::profile {

using events::v1::CustomerEvent;
using processor::Handling;
using processor::RecordType;

Handling ProfileProcessor::Handles(std::string_view type) const {
  return type == RecordType<CustomerEvent>() ? Handling::kApplied : Handling::kUnknown;
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
  const auto* event = fact.value.As<CustomerEvent>();
  if (event == nullptr) return absl::InternalError("a customer_event of the journey does not parse");
  return ApplyEvent(*event, fact.value.Bytes(), fact.offset.value(), facts, out);
}

void ProfileProcessor::ApplyDecision(const processor::Decision&,
                                     const processor::KindView<processor::Kind::kDecisions>&,
                                     processor::Writer<processor::Kind::kDecisions>&) {}

void ProfileProcessor::Derive(const processor::Changes& changes, const processor::View& view,
                              processor::Writer<processor::Kind::kCaches>& out) {
  DeriveCaches(changes, view, out);
}

processor::Decided ProfileProcessor::Decide(const processor::Input& input, const processor::View&, absl::Time) {
  processor::Decided decided;
  if (const auto* command = std::get_if<processor::Command>(&input)) {
    decided.reply = processor::Reply::Reject(absl::StatusCode::kUnimplemented, "UNKNOWN_COMMAND", "type",
                                             fmt::format("profile knows no command '{}'", command->type));
  }
  return decided;
}

std::optional<std::string> ProfileProcessor::ProfileOf(const processor::Fact& fact) const {
  const auto* event = fact.value.As<CustomerEvent>();
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

processor::Decided ProfileProcessor::DecideLost(const events::v1::ProfilesMerged&, const processor::View&, absl::Time) {
  return {};
}

processor::Decided ProfileProcessor::DecideWhole(const std::string&, const std::string&, const processor::View&,
                                                 absl::Time) {
  return {};
}

processor::Output ProfileProcessor::Forward(const processor::Fact& fact, const std::string& winner) const {
  return ForwardEvent(fact, winner);
}

std::unique_ptr<processor::Processor> MakeProcessor(processor::Partition partition, int32_t journey_partitions) {
  return std::make_unique<processor::MovingProcessor>(
      std::make_unique<ProfileProcessor>(), processor::PartitionRef{std::string(ProfileProcessor::kLog), partition},
      processor::ProfilePlaces{std::string(ProfileProcessor::kLog), [journey_partitions](std::string_view id) {
                                 return processor::Partition(JourneyPartitionOf(id, journey_partitions));
                               }});
}

}  // namespace tributary::profile
