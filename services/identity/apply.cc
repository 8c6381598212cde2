// How identity's decisions change its tables.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "identity/processor.h"
#include "identity/tables.h"

namespace tributary::identity {
namespace {

using storage::v1::IdentifierRow;
using storage::v1::IdentityProfileRow;
using storage::v1::TypeCount;

// Any timestamp: one beyond what int64 holds becomes the nearest.
int64_t MicrosOf(const google::protobuf::Timestamp& timestamp) {
  return absl::ToUnixMicros(absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos()));
}

void AddCount(IdentityProfileRow& row, const std::string& type, int32_t count) {
  auto& counts = *row.mutable_counts();
  const auto place = std::lower_bound(counts.begin(), counts.end(), type,
                                      [](const TypeCount& a, const std::string& b) { return a.type() < b; });
  if (place != counts.end() && place->type() == type) {
    place->set_count(place->count() + count);
    return;
  }
  const int index = static_cast<int>(place - counts.begin());
  TypeCount* added = counts.Add();
  added->set_type(type);
  added->set_count(count);
  for (int i = counts.size() - 1; i > index; --i) counts.SwapElements(i, i - 1);
}

IdentityProfileRow NewProfile(const events::v1::EventResolved& resolved) {
  IdentityProfileRow row;
  row.set_created_offset(resolved.event().offset());
  if (resolved.linked_size() > 0) {
    int32_t oldest = resolved.linked(0).ordinal();
    for (const events::v1::LinkedIdentifier& linked : resolved.linked()) oldest = std::min(oldest, linked.ordinal());
    row.set_created_ordinal(oldest);
  }
  row.set_subject_kind(resolved.subject_kind());
  row.set_workspace_id(resolved.event().workspace_id());
  return row;
}

// Identifiers name the surviving profile, so that an event finds it by one row. At most as many rows as the limits
// let a profile have identifiers.
void PointIdentifiers(const std::string& from, int32_t subject_kind, const std::string& to, const DecisionsView& view,
                      DecisionsWriter& out) {
  std::vector<std::string> keys;
  view.Scan(kProfileIdentifiers, std::tuple(from), [&](const auto& key, const auto&) {
    keys.push_back(std::get<1>(key));
    return true;
  });
  for (const std::string& key : keys) {
    const auto old = view.Get(kIdentifiers, {subject_kind, key});
    if (old == nullptr) continue;
    IdentifierRow row = *old;
    row.set_profile_id(to);
    row.set_linked_profile_id(from);
    out.Put(kIdentifiers, {subject_kind, key}, std::move(row));
  }
}

}  // namespace

void ApplyEventResolved(const events::v1::EventResolved& resolved, const DecisionsView& view, DecisionsWriter& out) {
  if (!resolved.created() && resolved.linked_size() == 0) return;
  IdentityProfileRow profile;
  if (resolved.created()) {
    profile = NewProfile(resolved);
  } else if (const auto old = view.Get(kProfiles, {resolved.profile_id()}); old != nullptr) {
    profile = *old;
  }
  for (const events::v1::LinkedIdentifier& linked : resolved.linked()) {
    const events::v1::IdentifierKey& identifier = linked.identifier();
    IdentifierRow row;
    row.set_profile_id(resolved.profile_id());
    row.set_first_offset(resolved.event().offset());
    row.set_first_ordinal(linked.ordinal());
    row.set_type(identifier.type());
    row.set_issuer(identifier.issuer());
    row.set_linked_at_micros(MicrosOf(resolved.event().decided_at()));
    if (resolved.event().has_recorded_at()) {
      row.set_first_recorded_at_micros(MicrosOf(resolved.event().recorded_at()));
    }
    out.Put(kIdentifiers, {resolved.subject_kind(), identifier.key()}, std::move(row));
    storage::v1::ProfileIdentifierRow of_profile;
    *of_profile.mutable_identifier() = identifier;
    of_profile.set_source_id(resolved.event().source_id());
    of_profile.set_event_id(resolved.event().event_id());
    out.Put(kProfileIdentifiers, {resolved.profile_id(), identifier.key()}, std::move(of_profile));
    AddCount(profile, identifier.type(), 1);
  }
  out.Put(kProfiles, {resolved.profile_id()}, std::move(profile));
}

void ApplyProfilesMerged(const events::v1::ProfilesMerged& merged, const DecisionsView& view, DecisionsWriter& out) {
  const auto old_winner = view.Get(kProfiles, {merged.winner_id()});
  const auto old_loser = view.Get(kProfiles, {merged.loser_id()});
  if (old_winner == nullptr || old_loser == nullptr) return;  // cannot be read: latched by the reader

  // Everything that ever was the loser points straight at the winner: no look-up walks a chain.
  std::vector<std::string> retired(old_loser->retired_profile_ids().begin(), old_loser->retired_profile_ids().end());
  for (const std::string& id : retired) {
    PointIdentifiers(id, merged.subject_kind(), merged.winner_id(), view, out);
    if (const auto row = view.Get(kProfiles, {id}); row != nullptr) {
      IdentityProfileRow pointer = *row;
      pointer.set_merged_into(merged.winner_id());
      out.Put(kProfiles, {id}, std::move(pointer));
    }
  }
  PointIdentifiers(merged.loser_id(), merged.subject_kind(), merged.winner_id(), view, out);
  IdentityProfileRow loser = *old_loser;
  loser.set_merged_into(merged.winner_id());
  loser.set_merge_id(merged.merge_id());

  IdentityProfileRow winner = *old_winner;
  for (const TypeCount& count : loser.counts()) AddCount(winner, count.type(), count.count());
  retired.push_back(merged.loser_id());
  retired.insert(retired.end(), winner.retired_profile_ids().begin(), winner.retired_profile_ids().end());
  winner.clear_retired_profile_ids();
  winner.set_last_merge_offset(std::max(merged.offset(), winner.last_merge_offset()));
  out.Put(kProfiles, {merged.loser_id()}, std::move(loser));
  std::vector<std::pair<std::pair<int64_t, int32_t>, std::string>> by_age;
  for (std::string& id : retired) {
    const auto row = view.Get(kProfiles, {id});
    const std::pair<int64_t, int32_t> age =
        row == nullptr ? std::pair<int64_t, int32_t>() : std::pair(row->created_offset(), row->created_ordinal());
    by_age.emplace_back(age, std::move(id));
  }
  std::sort(by_age.begin(), by_age.end());
  for (auto& [age, id] : by_age) winner.add_retired_profile_ids(std::move(id));
  out.Put(kProfiles, {merged.winner_id()}, std::move(winner));
  storage::v1::MergeRow merge;
  *merge.mutable_merged() = merged;
  out.Put(kMerges, {merged.merge_id()}, std::move(merge));
}

void ApplyLinkRefused(const events::v1::LinkRefused& refused, DecisionsWriter& out) {
  storage::v1::RefusalRow row;
  *row.mutable_refused() = refused;
  row.mutable_refused()->clear_event();
  row.set_source_id(refused.event().source_id());
  row.set_event_id(refused.event().event_id());
  row.set_decided_at_micros(MicrosOf(refused.event().decided_at()));
  out.Put(kRefusals, {refused.event().workspace_id(), refused.event().offset(), refused.index()}, std::move(row));
  if (refused.identifier().key().empty()) return;
  storage::v1::RefusalPlaceRow place;
  place.set_workspace_id(refused.event().workspace_id());
  out.Put(kRefusalsOfIdentifier, {refused.identifier().key(), refused.event().offset(), refused.index()},
          std::move(place));
}

}  // namespace tributary::identity
