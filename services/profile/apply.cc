#include "profile/apply.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "profile/copy.h"
#include "profile/entry.h"
#include "profile/tables.h"
#include "tributary/base/status.h"

namespace tributary::profile {
namespace {

using events::v1::CustomerEvent;
using events::v1::ProfilesMerged;
using projection::Row;
using storage::v1::EntryAmendments;
using storage::v1::EntryIdRow;
using storage::v1::EntryPlace;
using storage::v1::EntryRow;
using storage::v1::ProfileRow;

EntryKey KeyOf(const EntryIdKey& id, const EntryPlace& place) {
  const auto& [profile, source, event] = id;
  return {profile, absl::FromUnixMicros(place.occurred_at_micros()), place.source_priority(), event, source};
}

// Writes the entry `id` with the amendments that `row` has, at the place where it counts, and takes it from `former`.
void PutEntry(const EntryIdKey& id, const CustomerEvent& event, EntryRow row, const EntryPlace* former,
              FactsWriter& out) {
  CustomerEvent corrected;
  if (row.amendments().has_correction()) {
    corrected = event;
    Correct(row.amendments(), &corrected);
  }
  const CustomerEvent& counting = row.amendments().has_correction() ? corrected : event;
  *row.mutable_figures() = FiguresOf(counting);
  EntryIdRow id_row;
  id_row.mutable_place()->set_occurred_at_micros(MicrosOf(counting.occurred_at()));
  id_row.mutable_place()->set_source_priority(counting.source_priority());
  const EntryKey key = KeyOf(id, id_row.place());
  if (former != nullptr && KeyOf(id, *former) != key) out.Delete(kEntries, KeyOf(id, *former));
  out.Put(kEntries, key, std::move(row));
  out.Put(kEntryIds, id, std::move(id_row));
}

// Amends the entry `id` if it is there; else the amendments wait for it. `offset`: of the event that amends; none if
// they came in a merge.
absl::Status Amend(const EntryIdKey& id, const EntryAmendments& amendments, std::optional<int64_t> offset,
                   const FactsView& facts, FactsWriter& out) {
  const Row<EntryIdRow> known = facts.Get(kEntryIds, id);
  if (known == nullptr || !known->has_place()) {
    EntryIdRow id_row = known == nullptr ? EntryIdRow() : *known;
    MergeAmendments(amendments, id_row.mutable_waiting());
    out.Put(kEntryIds, id, std::move(id_row));
    return absl::OkStatus();
  }
  const Row<EntryRow> entry = facts.Get(kEntries, KeyOf(id, known->place()));
  CustomerEvent event;
  if (entry == nullptr || !event.ParseFromString(entry->event())) {
    return absl::DataLossError("an entry that its name row tells of is not there or does not parse");
  }
  EntryRow row = *entry;
  MergeAmendments(amendments, row.mutable_amendments());
  if (offset.has_value()) row.set_changed_offset(*offset);
  PutEntry(id, event, std::move(row), &known->place(), out);
  return absl::OkStatus();
}

// Adds `ids` that are not there yet before `behind`, or at the end.
void AddRetired(const google::protobuf::RepeatedPtrField<std::string>& ids, const std::string& behind,
                ProfileRow* row) {
  auto& retired = *row->mutable_retired_profile_ids();
  for (const std::string& id : ids) {
    if (std::find(retired.begin(), retired.end(), id) != retired.end()) continue;
    const auto place = std::find(retired.begin(), retired.end(), behind) - retired.begin();
    *retired.Add() = id;
    std::rotate(retired.begin() + place, retired.end() - 1, retired.end());
  }
}

absl::Status ApplyMovedProfile(const storage::v1::MovedProfile& moved, const std::string& workspace,
                               const std::string& winner, const FactsView& facts, FactsWriter& out) {
  const Row<ProfileRow> old = facts.Get(kProfiles, {workspace, winner});
  ProfileRow row = old == nullptr ? ProfileRow() : *old;
  if (old == nullptr || row.subject_kind() == events::v1::SUBJECT_KIND_UNSPECIFIED) {
    row.set_subject_kind(moved.row().subject_kind());
  }
  AddRetired(moved.row().retired_profile_ids(), moved.profile_id(), &row);
  out.Put(kProfiles, {workspace, winner}, std::move(row));
  return absl::OkStatus();
}

absl::Status ApplyMovedEntry(const storage::v1::MovedEntry& moved, const std::string& winner, const FactsView& facts,
                             FactsWriter& out) {
  const EntryIdKey id{winner, moved.source_id(), moved.event_id()};
  if (!moved.has_entry()) return Amend(id, moved.waiting(), std::nullopt, facts, out);
  CustomerEvent event;
  if (!event.ParseFromString(moved.entry().event())) return absl::InternalError("a moved entry does not parse");
  const Row<EntryIdRow> known = facts.Get(kEntryIds, id);
  if (known != nullptr && known->has_place()) {
    return Amend(id, moved.entry().amendments(), std::nullopt, facts, out);
  }
  EntryRow row = moved.entry();
  row.clear_changed_offset();  // it was another partition's
  if (known != nullptr && known->has_waiting()) MergeAmendments(known->waiting(), row.mutable_amendments());
  PutEntry(id, event, std::move(row), nullptr, out);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyEvent(const CustomerEvent& event, std::string bytes, int64_t offset, const FactsView& facts,
                        FactsWriter& out) {
  TRIBUTARY_RETURN_IF_ERROR(CheckEvent(event));
  const std::string& profile = event.resolution().profile_id();
  const EntryIdKey id{profile, event.source_id(), event.event_id()};
  const Row<EntryIdRow> known = facts.Get(kEntryIds, id);
  if (known != nullptr && known->has_place()) return absl::OkStatus();
  if (!facts.Contains(kProfiles, {event.workspace_id(), profile})) {
    ProfileRow row;
    row.set_subject_kind(event.subject_kind() == events::v1::SUBJECT_KIND_UNSPECIFIED ? events::v1::SUBJECT_KIND_PERSON
                                                                                      : event.subject_kind());
    out.Put(kProfiles, {event.workspace_id(), profile}, std::move(row));
  }
  EntryRow row;
  row.set_event(std::move(bytes));
  row.set_offset(offset);
  row.set_changed_offset(offset);
  if (known != nullptr && known->has_waiting()) *row.mutable_amendments() = known->waiting();
  PutEntry(id, event, std::move(row), nullptr, out);
  const events::v1::EventRef* named = NamedEvent(event);
  if (named == nullptr) return absl::OkStatus();
  const std::string& source = named->source_id().empty() ? event.source_id() : named->source_id();
  return Amend({profile, source, named->event_id()}, AmendmentsBy(event), offset, facts, out);
}

absl::Status ApplyMerge(const ProfilesMerged& merged, bool loser_is_here, bool winner_is_here, const FactsView& facts,
                        FactsWriter& out) {
  const std::string& workspace = merged.workspace_id();
  if (loser_is_here) {
    const Row<ProfileRow> old = facts.Get(kProfiles, {workspace, merged.loser_id()});
    ProfileRow row = old == nullptr ? ProfileRow() : *old;
    row.set_merged_into(merged.winner_id());
    row.set_merge_id(merged.merge_id());
    out.Put(kProfiles, {workspace, merged.loser_id()}, std::move(row));
  }
  if (winner_is_here) {
    const Row<ProfileRow> old = facts.Get(kProfiles, {workspace, merged.winner_id()});
    ProfileRow row = old == nullptr ? ProfileRow() : *old;
    if (old == nullptr) row.set_subject_kind(merged.subject_kind());
    google::protobuf::RepeatedPtrField<std::string> loser;
    *loser.Add() = merged.loser_id();
    AddRetired(loser, "", &row);
    out.Put(kProfiles, {workspace, merged.winner_id()}, std::move(row));
  }
  return absl::OkStatus();
}

absl::Status ApplyMovedRow(const events::v1::MovedRow& row, const std::string& workspace, const std::string& winner,
                           const FactsView& facts, FactsWriter& out) {
  if (row.kind() == kMovedProfile) {
    storage::v1::MovedProfile moved;
    if (!moved.ParseFromString(row.value())) return absl::InternalError("a moved profile does not parse");
    return ApplyMovedProfile(moved, workspace, winner, facts, out);
  }
  if (row.kind() == kMovedEntry) {
    storage::v1::MovedEntry moved;
    if (!moved.ParseFromString(row.value())) return absl::InternalError("a moved entry does not parse");
    return ApplyMovedEntry(moved, winner, facts, out);
  }
  return absl::InternalError("a moved row is of a kind that this release does not know");
}

}  // namespace tributary::profile
