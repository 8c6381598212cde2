#include "identity/processor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "fmt/format.h"
#include "google/protobuf/util/time_util.h"
#include "identity/linking.h"
#include "identity/tables.h"
#include "tributary/base/partitioning.h"

namespace tributary::identity {
namespace {

using events::v1::CustomerEvent;
using events::v1::EventResolved;
using events::v1::LinkRefused;
using events::v1::ProfilesMerged;
using events::v1::Resolution;
using processor::Decided;
using processor::Decision;
using processor::Fact;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

// Everything that follows from one event that is no duplicate.
class Conclusion {
 public:
  Conclusion(const IdentityOptions& options, const Fact& fact, const IntakeEvent& event, Linking linking,
             absl::Time now)
      : options_(options), fact_(fact), event_(event), linking_(std::move(linking)), now_(now) {
    created_ = linking_.profile_id.empty();
    if (created_) linking_.profile_id = NewProfileId();
    journey_ = JourneyOf(linking_.profile_id);
  }

  Decided Take() {
    for (size_t i = 0; i < linking_.losers.size(); ++i) AddMerge(static_cast<int32_t>(i));
    AddResolved();
    for (size_t i = 0; i < linking_.refusals.size(); ++i) AddRefusal(static_cast<int32_t>(i));
    AddJourneyEvent();
    return std::move(decided_);
  }

 private:
  // By its oldest identifier. One event makes one profile at most, so that an event without any is unique, too.
  std::string NewProfileId() const {
    const auto oldest =
        std::min_element(linking_.linked.begin(), linking_.linked.end(),
                         [](const Candidate* a, const Candidate* b) { return a->ordinal < b->ordinal; });
    const int32_t ordinal = oldest == linking_.linked.end() ? 0 : (*oldest)->ordinal;
    return fmt::format("p{}-{}-{}", options_.partition, fact_.offset, ordinal);
  }

  events::v1::DecidedEvent TheEvent() const {
    events::v1::DecidedEvent decided;
    decided.set_workspace_id(event_.workspace_id);
    decided.set_offset(fact_.offset.value());
    decided.set_source_id(event_.source_id);
    decided.set_event_id(event_.event_id);
    if (event_.has_recorded_at) *decided.mutable_recorded_at() = event_.recorded_at;
    *decided.mutable_decided_at() = ToTimestamp(now_);
    return decided;
  }

  processor::PartitionRef JourneyOf(const std::string& profile_id) const {
    return {std::string(kJourneyLog), eventlog::Partition(JourneyPartitionOf(profile_id, options_.journey_partitions))};
  }

  static processor::Output MergeTo(const processor::PartitionRef& to, const ProfilesMerged& merged) {
    return {to, std::string(processor::RecordType<ProfilesMerged>()), merged.winner_id(), merged.SerializeAsString()};
  }

  void AddMerge(int32_t index) {
    const std::string& loser = linking_.losers[static_cast<size_t>(index)];
    ProfilesMerged merged;
    merged.set_merge_id(fmt::format("m{}-{}-{}", options_.partition, fact_.offset, index));
    merged.set_workspace_id(event_.workspace_id);
    merged.set_winner_id(linking_.profile_id);
    merged.set_loser_id(loser);
    merged.set_evidence_source_id(event_.source_id);
    merged.set_evidence_event_id(event_.event_id);
    for (size_t i = 0; i < linking_.counted.size(); ++i) {
      const std::string& of = linking_.was_of[i];
      if (of == loser || of == linking_.profile_id) *merged.add_evidence() = linking_.counted[i]->key;
    }
    *merged.mutable_decided_at() = ToTimestamp(now_);
    merged.set_traceparent(event_.traceparent);
    merged.set_subject_kind(event_.subject_kind);
    merged.set_offset(fact_.offset.value());
    // Before the event: whoever reads the journey knows of the merge when the event comes. The loser's first: the
    // sooner its pieces are on their way.
    const processor::PartitionRef of_loser = JourneyOf(loser);
    if (of_loser != journey_) decided_.outputs.push_back(MergeTo(of_loser, merged));
    decided_.outputs.push_back(MergeTo(journey_, merged));
    decided_.decisions.push_back(Decision::Of(std::move(merged)));
  }

  void AddResolved() {
    EventResolved resolved;
    resolved.set_profile_id(linking_.profile_id);
    for (const Candidate* candidate : linking_.linked) {
      events::v1::LinkedIdentifier* linked = resolved.add_linked();
      *linked->mutable_identifier() = candidate->key;
      linked->set_ordinal(candidate->ordinal);
    }
    if (created_ || resolved.linked_size() > 0) {
      resolved.set_created(created_);
      resolved.set_subject_kind(event_.subject_kind);
      *resolved.mutable_event() = TheEvent();
    }
    decided_.decisions.push_back(Decision::Of(std::move(resolved)));
  }

  void AddRefusal(int32_t index) {
    Refusal& refusal = linking_.refusals[static_cast<size_t>(index)];
    if (refusal.reason != events::v1::LINK_REFUSAL_REASON_ROLE_NOT_SUBJECT) ++refused_;
    LinkRefused refused;
    refused.set_reason(refusal.reason);
    *refused.mutable_identifier() = std::move(refusal.key);
    refused.set_profile_id(linking_.profile_id);
    for (std::string& wanted : refusal.wanted) refused.add_wanted_profile_ids(std::move(wanted));
    refused.set_limited_type(std::move(refusal.limited_type));
    refused.set_limit(refusal.limit);
    *refused.mutable_event() = TheEvent();
    refused.set_index(index);
    decided_.decisions.push_back(Decision::Of(std::move(refused)));
  }

  Resolution::Match Match() const {
    if (!linking_.losers.empty()) return Resolution::MATCH_MERGED;
    if (!created_) return Resolution::MATCH_KNOWN;
    return linking_.counted.empty() && refused_ > 0 ? Resolution::MATCH_REFUSED : Resolution::MATCH_NEW;
  }

  void AddJourneyEvent() {
    CustomerEvent patch;
    Resolution& resolution = *patch.mutable_resolution();
    resolution.set_profile_id(linking_.profile_id);
    for (const Candidate* candidate : linking_.counted) *resolution.add_identifiers() = candidate->key;
    resolution.set_match(Match());
    resolution.set_refused_count(refused_);
    decided_.outputs.push_back({journey_, std::string(processor::RecordType<CustomerEvent>()), linking_.profile_id,
                                processor::FactPatch{patch.SerializeAsString()}});
  }

  const IdentityOptions& options_;
  const Fact& fact_;
  const IntakeEvent& event_;
  Linking linking_;
  const absl::Time now_;
  bool created_ = false;
  int32_t refused_ = 0;
  processor::PartitionRef journey_;
  Decided decided_;
};

}  // namespace

IdentityProcessor::IdentityProcessor(const IdentityOptions& options, const identifier::KeyMaker& keys,
                                     const identifier::IdentifierRules& rules)
    : options_(options), keys_(keys), rules_(rules) {}

processor::Handling IdentityProcessor::Handles(std::string_view type) const {
  return type == processor::RecordType<CustomerEvent>() ? processor::Handling::kApplied : processor::Handling::kUnknown;
}

const IntakeEvent& IdentityProcessor::Read(const Fact& fact) const {
  Slot& slot = SlotOf(fact.offset);
  if (slot.offset != fact.offset) {
    slot.event = ReadIntakeEvent(fact.value.As<CustomerEvent>(), rules_, keys_);
    slot.offset = fact.offset;
  }
  return slot.event;
}

void IdentityProcessor::Prefetch(const Fact& fact, processor::KeySet& keys) const {
  const IntakeEvent& event = Read(fact);
  if (!event.usable.ok()) return;
  keys.Add(kDedupe, {event.workspace_id, event.source_id, event.event_id});
  for (const Candidate& candidate : event.candidates) {
    keys.Add(kIdentifiers, {event.subject_kind, candidate.key.key()});
  }
}

absl::Status IdentityProcessor::ApplyFact(const Fact& fact, const processor::KindView<Kind::kFacts>& facts,
                                          processor::Writer<Kind::kFacts>& out) {
  const IntakeEvent& event = Read(fact);
  if (!event.usable.ok()) return event.usable;
  // The first stays.
  if (facts.Contains(kDedupe, {event.workspace_id, event.source_id, event.event_id})) return absl::OkStatus();
  storage::v1::DedupeRow row;
  row.set_offset(fact.offset.value());
  row.set_body_digest(event.body_digest);
  if (event.candidates.size() > 1) {
    for (const Candidate& candidate : event.candidates) row.add_identifier_prefixes(PrefixOf(candidate.key.key()));
  }
  out.Put(kDedupe, {event.workspace_id, event.source_id, event.event_id}, std::move(row));
  return absl::OkStatus();
}

void IdentityProcessor::ApplyDecision(const Decision& decision, const DecisionsView& decisions, DecisionsWriter& out) {
  if (decision.type == processor::RecordType<EventResolved>()) {
    if (const auto* resolved = decision.value.As<EventResolved>()) ApplyEventResolved(*resolved, decisions, out);
  } else if (decision.type == processor::RecordType<ProfilesMerged>()) {
    if (const auto* merged = decision.value.As<ProfilesMerged>()) ApplyProfilesMerged(*merged, decisions, out);
  } else if (decision.type == processor::RecordType<LinkRefused>()) {
    if (const auto* refused = decision.value.As<LinkRefused>()) ApplyLinkRefused(*refused, out);
  }
}

Decided IdentityProcessor::Decide(const processor::Input& input, const processor::View& view, absl::Time now) {
  if (const auto* fact = std::get_if<Fact>(&input)) {
    Decided of_event = DecideEvent(*fact, view, now);
    SlotOf(fact->offset) = Slot();  // nobody asks for it again
    return of_event;
  }
  Decided decided;
  if (const auto* command = std::get_if<processor::Command>(&input)) {
    decided.reply = processor::Reply::Reject(absl::StatusCode::kUnimplemented, "UNKNOWN_COMMAND", "type",
                                             fmt::format("identity knows no command '{}'", command->type));
  }
  return decided;
}

Decided IdentityProcessor::DecideEvent(const Fact& fact, const processor::View& view, absl::Time now) const {
  const IntakeEvent& event = Read(fact);
  const auto first = view.Get(kDedupe, {event.workspace_id, event.source_id, event.event_id});
  if (first != nullptr && first->offset() != fact.offset.value()) {
    events::v1::DuplicateSeen duplicate;
    duplicate.set_first_offset(first->offset());
    duplicate.set_conflict(first->body_digest() != event.body_digest);
    Decided decided;
    decided.decisions.push_back(Decision::Of(std::move(duplicate)));
    return decided;
  }
  return Conclusion(options_, fact, event, Link(event, view, rules_), now).Take();
}

}  // namespace tributary::identity
