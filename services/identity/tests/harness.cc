#include "tests/harness.h"

#include <set>

#include "identity/tables.h"

namespace tributary::identity::testing {

using processor::RecordType;
using processor::testing::ProcessorTestDriver;

const identifier::KeyMaker& Keys() {
  static const auto* const keys = new identifier::KeyMaker(identifier::KeyMaker::Create().value());
  return *keys;
}

events::v1::Identifier Id(std::string type, std::string issuer, std::string value) {
  events::v1::Identifier identifier;
  identifier.set_type(std::move(type));
  identifier.set_issuer(std::move(issuer));
  identifier.set_value(std::move(value));
  return identifier;
}

events::v1::Identifier As(events::v1::IdentifierRole role, events::v1::Identifier identifier) {
  identifier.set_role(role);
  return identifier;
}

events::v1::CustomerEvent Event(std::string event_id, std::vector<events::v1::Identifier> identifiers) {
  events::v1::CustomerEvent event;
  event.set_workspace_id(kWorkspace);
  event.set_source_id("web");
  event.set_body_digest("digest of " + event_id);
  event.set_event_id(std::move(event_id));
  event.mutable_recorded_at()->set_seconds(1'767'225'500);
  event.mutable_page_viewed()->set_url("https://example.com/");
  for (events::v1::Identifier& identifier : identifiers) *event.add_identifiers() = std::move(identifier);
  return event;
}

events::v1::CustomerEvent Linking(std::string event_id, events::v1::Identifier a, events::v1::Identifier b) {
  events::v1::CustomerEvent event = Event(std::move(event_id));
  *event.mutable_identifiers_linked()->mutable_a() = std::move(a);
  *event.mutable_identifiers_linked()->mutable_b() = std::move(b);
  return event;
}

Identity::Identity(Options options) {
  ProcessorTestDriver::Options driver;
  driver.partition = {std::string(kIntakeLog), eventlog::Partition(0)};
  driver.task.max_facts_per_batch = options.max_facts_per_batch;
  driver.task.dead_letter = {"dead_letter", eventlog::Partition(0)};
  driver_ = std::make_unique<ProcessorTestDriver>(
      [options]() -> std::unique_ptr<processor::Processor> {
        std::unique_ptr<processor::Processor> made = std::make_unique<IdentityProcessor>(
            IdentityOptions{eventlog::Partition(0), options.journey_partitions}, Keys(), *options.rules);
        return options.wrap ? options.wrap(std::move(made)) : std::move(made);
      },
      driver);
}

Outcome Identity::Take(const events::v1::CustomerEvent& event) {
  return Take({.key = event.workspace_id(),
               .type = std::string(RecordType<events::v1::CustomerEvent>()),
               .value = event.SerializeAsString()});
}

Outcome Identity::Take(eventlog::Record record) {
  driver_->TakeDecisions();
  std::set<std::pair<std::string, int64_t>> before;
  for (const auto& old : Journey()) before.emplace(old->record.key, old->offset.value());
  Outcome outcome;
  outcome.offset = driver_->Pipe(std::move(record));
  for (const events::v1::Decision& decision : driver_->TakeDecisions()) {
    if (decision.type() == RecordType<events::v1::ProfilesMerged>()) {
      outcome.merged.emplace_back().ParseFromString(decision.value());
    } else if (decision.type() == RecordType<events::v1::LinkRefused>()) {
      outcome.refused.emplace_back().ParseFromString(decision.value());
      outcome.reasons.push_back(outcome.refused.back().reason());
    } else if (decision.type() == RecordType<events::v1::DuplicateSeen>()) {
      outcome.duplicate.emplace().ParseFromString(decision.value());
    } else if (decision.type() == RecordType<events::v1::DeadLettered>()) {
      outcome.dead.emplace().ParseFromString(decision.value());
    }
  }
  for (const auto& record_of_journey : Journey()) {
    if (before.contains({record_of_journey->record.key, record_of_journey->offset.value()})) continue;
    if (record_of_journey->record.type != RecordType<events::v1::CustomerEvent>()) continue;
    events::v1::CustomerEvent event;
    event.ParseFromString(record_of_journey->record.value);
    outcome.resolution = event.resolution();
    outcome.profile_id = event.resolution().profile_id();
  }
  return outcome;
}

processor::Offset Identity::Append(const events::v1::CustomerEvent& event) {
  return driver_->Append({.key = event.workspace_id(),
                          .type = std::string(RecordType<events::v1::CustomerEvent>()),
                          .value = event.SerializeAsString()});
}

std::string Identity::Survivor(const std::string& profile_id) {
  const auto snapshot = driver_->Snapshot();
  const auto row = snapshot->view().Get(kProfiles, {profile_id});
  if (row == nullptr) return "";
  return row->merged_into().empty() ? profile_id : row->merged_into();
}

std::string Identity::ProfileOf(const events::v1::Identifier& identifier, events::v1::SubjectKind kind) {
  const auto normal = identifier::Normalise({identifier.type(), identifier.issuer(), identifier.value()});
  const auto snapshot = driver_->Snapshot();
  const auto row = snapshot->view().Get(kIdentifiers, {kind, Keys().Make(kWorkspace, normal.value()).bytes()});
  return row == nullptr ? "" : row->profile_id();
}

std::vector<eventlog::RecordPtr> Identity::Journey() {
  std::vector<eventlog::RecordPtr> records;
  for (int32_t i = 0; i < 8; ++i) {
    for (auto& record : driver_->RecordsOf({std::string(kJourneyLog), eventlog::Partition(i)})) {
      records.push_back(std::move(record));
    }
  }
  return records;
}

std::map<std::string, std::string> Identity::ProfilesOfEvents() {
  std::map<std::string, std::string> profiles;
  for (const auto& record : Journey()) {
    if (record->record.type != RecordType<events::v1::CustomerEvent>()) continue;
    events::v1::CustomerEvent event;
    event.ParseFromString(record->record.value);
    profiles[event.event_id()] = event.resolution().profile_id();
  }
  return profiles;
}

bool Identity::RebuildsTheSame() {
  const auto [live, rebuilt] = driver_->DigestLiveAndRebuilt();
  return live.facts_and_decisions == rebuilt.facts_and_decisions && live.rows == rebuilt.rows;
}

}  // namespace tributary::identity::testing
