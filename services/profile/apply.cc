#include "profile/apply.h"

#include <utility>
#include <vector>

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

struct Found {
  std::string id;
  Row<ProfileRow> row;  // null: not seen before
};

// The profile that survives of `id`. Ends: a merge makes a pointer from a profile that was none to another.
Found Survivor(const FactsView& facts, const std::string& workspace, const std::string& id) {
  Found found{id, facts.Get(kProfiles, {workspace, id})};
  while (found.row != nullptr && !found.row->merged_into().empty()) {
    found.id = found.row->merged_into();
    found.row = facts.Get(kProfiles, {workspace, found.id});
  }
  return found;
}

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

// Amends the entry `id` if it is there; else the amendments wait for it.
absl::Status Amend(const EntryIdKey& id, const EntryAmendments& amendments, const FactsView& facts, FactsWriter& out) {
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
  PutEntry(id, event, std::move(row), &known->place(), out);
  return absl::OkStatus();
}

// Copies one entry of a retired profile, or what waits for it, to the survivor.
absl::Status CopyEntry(const EntryIdKey& from, const EntryIdRow& from_row, const std::string& winner,
                       const FactsView& facts, FactsWriter& out) {
  const EntryIdKey to{winner, std::get<1>(from), std::get<2>(from)};
  if (!from_row.has_place()) return Amend(to, from_row.waiting(), facts, out);
  const Row<EntryRow> entry = facts.Get(kEntries, KeyOf(from, from_row.place()));
  CustomerEvent event;
  if (entry == nullptr || !event.ParseFromString(entry->event())) {
    return absl::DataLossError("an entry that its name row tells of is not there or does not parse");
  }
  const Row<EntryIdRow> known = facts.Get(kEntryIds, to);
  if (known != nullptr && known->has_place()) return Amend(to, entry->amendments(), facts, out);
  EntryRow row = *entry;
  if (known != nullptr && known->has_waiting()) MergeAmendments(known->waiting(), row.mutable_amendments());
  PutEntry(to, event, std::move(row), nullptr, out);
  return absl::OkStatus();
}

}  // namespace

absl::Status ApplyEvent(const CustomerEvent& event, std::string bytes, int64_t offset, const FactsView& facts,
                        FactsWriter& out) {
  TRIBUTARY_RETURN_IF_ERROR(CheckEvent(event));
  const Found profile = Survivor(facts, event.workspace_id(), event.resolution().profile_id());
  const EntryIdKey id{profile.id, event.source_id(), event.event_id()};
  const Row<EntryIdRow> known = facts.Get(kEntryIds, id);
  if (known != nullptr && known->has_place()) return absl::OkStatus();
  if (profile.row == nullptr) {
    ProfileRow row;
    row.set_subject_kind(event.subject_kind() == events::v1::SUBJECT_KIND_UNSPECIFIED ? events::v1::SUBJECT_KIND_PERSON
                                                                                      : event.subject_kind());
    out.Put(kProfiles, {event.workspace_id(), profile.id}, std::move(row));
  }
  EntryRow row;
  row.set_event(std::move(bytes));
  row.set_offset(offset);
  if (known != nullptr && known->has_waiting()) *row.mutable_amendments() = known->waiting();
  PutEntry(id, event, std::move(row), nullptr, out);
  const events::v1::EventRef* named = NamedEvent(event);
  if (named == nullptr) return absl::OkStatus();
  const std::string& source = named->source_id().empty() ? event.source_id() : named->source_id();
  return Amend({profile.id, source, named->event_id()}, AmendmentsBy(event), facts, out);
}

absl::Status ApplyMerge(const ProfilesMerged& merged, const FactsView& facts, FactsWriter& out) {
  const std::string& workspace = merged.workspace_id();
  if (merged.merge_id().empty() || workspace.empty() || merged.winner_id().empty() || merged.loser_id().empty() ||
      merged.winner_id() == merged.loser_id()) {
    return absl::InternalError("a profiles_merged of the journey is malformed");
  }
  const Found winner = Survivor(facts, workspace, merged.winner_id());
  const Row<ProfileRow> loser = facts.Get(kProfiles, {workspace, merged.loser_id()});
  if (Survivor(facts, workspace, merged.loser_id()).id == winner.id) return absl::OkStatus();  // the same merge again
  if (loser != nullptr && !loser->merged_into().empty()) {
    return absl::InternalError("a profiles_merged names a loser that another merge retired");
  }

  ProfileRow winner_row = winner.row == nullptr ? ProfileRow() : *winner.row;
  ProfileRow loser_row = loser == nullptr ? ProfileRow() : *loser;
  if (winner.row == nullptr) winner_row.set_subject_kind(loser_row.subject_kind());
  winner_row.mutable_retired_profile_ids()->MergeFrom(loser_row.retired_profile_ids());
  winner_row.add_retired_profile_ids(merged.loser_id());
  loser_row.set_merged_into(winner.id);
  loser_row.set_merge_id(merged.merge_id());
  out.Put(kProfiles, {workspace, winner.id}, std::move(winner_row));
  out.Put(kProfiles, {workspace, merged.loser_id()}, std::move(loser_row));

  std::vector<std::pair<EntryIdKey, Row<EntryIdRow>>> entries;  // a scan's visitor must not write
  facts.Scan(kEntryIds, std::tuple(merged.loser_id()), [&](const EntryIdKey& key, const Row<EntryIdRow>& row) {
    entries.emplace_back(key, row);
    return true;
  });
  for (const auto& [key, row] : entries) {
    TRIBUTARY_RETURN_IF_ERROR(CopyEntry(key, *row, winner.id, facts, out));
  }
  return absl::OkStatus();
}

}  // namespace tributary::profile
