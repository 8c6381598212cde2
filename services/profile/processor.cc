#include "profile/processor.h"

#include "profile/apply.h"
#include "profile/derive.h"
#include "profile/entry.h"
#include "profile/tables.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/processor/record_type.h"

namespace tributary::profile {

using events::v1::CustomerEvent;
using events::v1::ProfilesMerged;
using processor::Handling;
using processor::RecordType;

Handling ProfileProcessor::Handles(std::string_view type) const {
  if (type == RecordType<CustomerEvent>() || type == RecordType<ProfilesMerged>()) return Handling::kApplied;
  return Handling::kUnknown;
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
  if (fact.type == RecordType<ProfilesMerged>()) {
    const auto* merged = fact.value.As<ProfilesMerged>();
    if (merged == nullptr) return absl::InternalError("a profiles_merged of the journey does not parse");
    return ApplyMerge(*merged, facts, out);
  }
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

processor::Decided ProfileProcessor::Decide(const processor::Input&, const processor::View&, absl::Time) { return {}; }

}  // namespace tributary::profile
