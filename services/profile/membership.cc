#include "profile/membership.h"

#include <algorithm>
#include <string>
#include <utility>

#include "profile/entry.h"

namespace tributary::profile {
namespace {

using projection::Row;
using storage::v1::Membership;
using storage::v1::MembershipsRow;
using storage::v1::SizeRow;

using SizeTable = projection::Table<Kind::kDecisions, SegmentKey, SizeRow>;

void Resize(const SizeTable& table, const SegmentKey& key, int by, const DecisionsView& decisions,
            DecisionsWriter& out) {
  const Row<SizeRow> old = decisions.Get(table, key);
  SizeRow row;
  row.set_profiles((old == nullptr ? 0 : old->profiles()) + by);
  if (row.profiles() > 0) {
    out.Put(table, key, std::move(row));
  } else {
    out.Delete(table, key);
  }
}

MembershipsRow MembershipsOf(const std::string& profile, const DecisionsView& decisions) {
  const Row<MembershipsRow> row = decisions.Get(kMemberships, {profile});
  return row == nullptr ? MembershipsRow() : *row;
}

void PutMemberships(const std::string& profile, MembershipsRow row, DecisionsWriter& out) {
  if (row.segments_size() > 0 || !row.value_tier().empty()) {
    out.Put(kMemberships, {profile}, std::move(row));
  } else {
    out.Delete(kMemberships, {profile});
  }
}

// Where `segment` is, or would be.
int PlaceOf(const std::string& segment, const MembershipsRow& row) {
  const auto it = std::lower_bound(
      row.segments().begin(), row.segments().end(), segment,
      [](const Membership& membership, const std::string& id) { return membership.segment_id() < id; });
  return static_cast<int>(it - row.segments().begin());
}

bool IsAt(int place, const std::string& segment, const MembershipsRow& row) {
  return place < row.segments_size() && row.segments(place).segment_id() == segment;
}

}  // namespace

void ApplyEntered(const events::v1::SegmentEntered& entered, const DecisionsView& decisions, DecisionsWriter& out) {
  MembershipsRow row = MembershipsOf(entered.profile_id(), decisions);
  const int place = PlaceOf(entered.segment_id(), row);
  if (IsAt(place, entered.segment_id(), row)) return;
  Membership& membership = *row.add_segments();
  membership.set_segment_id(entered.segment_id());
  membership.set_entered_micros(MicrosOf(entered.decided_at()));
  membership.set_reason(entered.reason());
  storage::v1::MemberRow member;
  member.set_entered_micros(membership.entered_micros());
  member.set_reason(membership.reason());
  std::rotate(row.mutable_segments()->begin() + place, row.mutable_segments()->end() - 1,
              row.mutable_segments()->end());
  PutMemberships(entered.profile_id(), std::move(row), out);
  out.Put(kMembers, {entered.workspace_id(), entered.segment_id(), entered.profile_id()}, std::move(member));
  Resize(kSegmentSizes, {entered.workspace_id(), entered.segment_id()}, 1, decisions, out);
}

void ApplyLeft(const events::v1::SegmentLeft& left, const DecisionsView& decisions, DecisionsWriter& out) {
  MembershipsRow row = MembershipsOf(left.profile_id(), decisions);
  const int place = PlaceOf(left.segment_id(), row);
  if (!IsAt(place, left.segment_id(), row)) return;
  row.mutable_segments()->DeleteSubrange(place, 1);
  PutMemberships(left.profile_id(), std::move(row), out);
  out.Delete(kMembers, {left.workspace_id(), left.segment_id(), left.profile_id()});
  Resize(kSegmentSizes, {left.workspace_id(), left.segment_id()}, -1, decisions, out);
}

void ApplyTierChanged(const events::v1::ValueTierChanged& changed, const DecisionsView& decisions,
                      DecisionsWriter& out) {
  MembershipsRow row = MembershipsOf(changed.profile_id(), decisions);
  if (row.value_tier() == changed.to()) return;
  if (!row.value_tier().empty()) {
    Resize(kTierSizes, {changed.workspace_id(), row.value_tier()}, -1, decisions, out);
  }
  if (!changed.to().empty()) Resize(kTierSizes, {changed.workspace_id(), changed.to()}, 1, decisions, out);
  row.set_value_tier(changed.to());
  row.set_value_tier_micros(changed.to().empty() ? 0 : MicrosOf(changed.decided_at()));
  PutMemberships(changed.profile_id(), std::move(row), out);
}

void ApplyTakeIn(const events::v1::TakeInProgressed& progress, DecisionsWriter& out) {
  storage::v1::TakeInRow row;
  *row.mutable_progress() = progress;
  out.Put(kTakeIns, {progress.workspace_id(), progress.segment_id()}, std::move(row));
}

void ApplyDecided(const events::v1::SegmentDefined& defined, DecisionsWriter& out) {
  storage::v1::SegmentRow row;
  *row.mutable_defined() = defined;
  out.Put(kDecidedSegments, {defined.workspace_id(), defined.segment_id()}, std::move(row));
}

void ApplyDecided(const events::v1::ValueTiersDefined& defined, DecisionsWriter& out) {
  storage::v1::ValueTiersRow row;
  *row.mutable_defined() = defined;
  out.Put(kDecidedValueTiers, {defined.workspace_id()}, std::move(row));
}

}  // namespace tributary::profile
