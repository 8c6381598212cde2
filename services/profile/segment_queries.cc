#include "profile/segment_queries.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "profile/definitions.h"
#include "profile/entry.h"
#include "profile/queries.h"
#include "tributary/processor/moves.h"
#include "tributary/rules/rule.h"

namespace tributary::profile {
namespace {

using events::v1::SegmentDefined;
using events::v1::ValueTiersDefined;
using projection::Row;
using projection::View;

ToldSegment Tell(const SegmentDefined& defined) {
  ToldSegment told{.segment = {}, .rule_revision = defined.rule_revision()};
  v1::Segment& segment = told.segment;
  segment.set_segment_id(defined.segment_id());
  segment.set_display_name(defined.display_name());
  segment.set_description(defined.description());
  *segment.mutable_rule() = defined.rule();
  segment.set_rule_text(rules::FormatRule(defined.rule()));
  segment.set_revision(defined.revision());
  *segment.mutable_created_at() = defined.created_at();
  *segment.mutable_updated_at() = defined.updated_at();
  return told;
}

// A bound as it stands in a rule, behind the operator.
std::string BoundText(const ValueTiersDefined& defined, const events::v1::ValueTierDefinition& tier) {
  const std::string before = rules::FormatOperand(defined.measure()) + " >= ";
  const std::string rule = rules::FormatRule(RuleOf(defined.measure(), tier));
  return rule.starts_with(before) ? rule.substr(before.size()) : rule;
}

void AddProgress(const View& view, const SegmentKey& which, int64_t rule_revision, v1::TakeInProgress* progress) {
  progress->set_partitions(progress->partitions() + 1);
  const auto count = view.Get(kProfileCounts, {std::get<0>(which)});
  int64_t done = 0;
  const auto row = view.Get(kTakeIns, which);
  if (row != nullptr && row->progress().rule_revision() == rule_revision) {
    done = row->progress().profiles_done();
    if (row->progress().done()) progress->set_partitions_done(progress->partitions_done() + 1);
  }
  progress->set_profiles_done(progress->profiles_done() + done);
  progress->set_profiles_total(progress->profiles_total() + std::max(done, count == nullptr ? 0 : count->profiles()));
  progress->set_done(progress->partitions_done() == progress->partitions());
}

}  // namespace

std::optional<ToldSegment> ReadSegment(const View& view, const std::string& workspace, const std::string& segment) {
  const auto row = view.Get(kDecidedSegments, {workspace, segment});
  if (row == nullptr || row->defined().deleted()) return std::nullopt;
  return Tell(row->defined());
}

SegmentsPage ReadSegments(const View& view, const std::string& workspace, const std::string& after, int32_t limit) {
  SegmentsPage page;
  bool more = false;
  projection::ScanRange<SegmentKey> range;
  if (!after.empty()) range.from = SegmentKey{workspace, after};
  view.Scan(
      kDecidedSegments, std::tuple(workspace),
      [&](const SegmentKey& key, const Row<storage::v1::SegmentRow>& row) {
        if (std::get<1>(key) == after || row->defined().deleted()) return true;
        more = static_cast<int32_t>(page.segments.size()) == limit;
        if (!more) page.segments.push_back(Tell(row->defined()));
        return !more;
      },
      range);
  if (more) page.next_after = page.segments.back().segment.segment_id();
  return page;
}

ToldTiers ReadTiers(const View& view, const std::string& workspace) {
  ToldTiers told;
  const auto row = view.Get(kDecidedValueTiers, {workspace});
  if (row == nullptr) return told;
  const ValueTiersDefined& defined = row->defined();
  told.rule_revision = defined.revision();
  told.tiers.set_revision(defined.revision());
  *told.tiers.mutable_updated_at() = defined.updated_at();
  if (defined.has_measure()) {
    *told.tiers.mutable_measure() = defined.measure();
    told.tiers.set_measure_text(rules::FormatOperand(defined.measure()));
  }
  for (const events::v1::ValueTierDefinition& of : defined.tiers()) {
    v1::ValueTier& tier = *told.tiers.add_tiers();
    tier.set_tier_id(of.tier_id());
    tier.set_display_name(of.display_name());
    *tier.mutable_at_least() = of.at_least();
    tier.set_at_least_text(BoundText(defined, of));
  }
  return told;
}

void AddPartition(const View& view, const std::string& workspace, ToldSegment* told) {
  v1::Segment& segment = told->segment;
  if (const auto size = view.Get(kSegmentSizes, {workspace, segment.segment_id()}); size != nullptr) {
    segment.set_size(segment.size() + size->profiles());
  }
  AddProgress(view, {workspace, segment.segment_id()}, told->rule_revision, segment.mutable_take_in());
}

void AddPartition(const View& view, const std::string& workspace, ToldTiers* told) {
  if (told->rule_revision == 0) return;
  for (v1::ValueTier& tier : *told->tiers.mutable_tiers()) {
    if (const auto size = view.Get(kTierSizes, {workspace, tier.tier_id()}); size != nullptr) {
      tier.set_size(tier.size() + size->profiles());
    }
  }
  AddProgress(view, {workspace, ""}, told->rule_revision, told->tiers.mutable_take_in());
}

MembersPage ReadMembers(const View& view, const std::string& workspace, const std::string& segment,
                        const std::string& after, int32_t limit) {
  MembersPage page;
  int32_t visited = 0;
  bool more = false;
  std::string last;
  projection::ScanRange<MemberKey> range;
  if (!after.empty()) range.from = MemberKey{workspace, segment, after};
  view.Scan(
      kMembers, std::tuple(workspace, segment),
      [&](const MemberKey& key, const Row<storage::v1::MemberRow>& row) {
        const std::string& profile = std::get<2>(key);
        if (profile == after) return true;
        more = static_cast<int32_t>(page.members.size()) == limit || visited == kMaxEntriesVisited;
        if (more) return false;
        ++visited;
        last = profile;
        const processor::ProfileMoves moves = processor::MovesOf(view, workspace, profile);
        if (moves.moving || moves.pointer.has_value()) return true;
        v1::SegmentMember& member = page.members.emplace_back();
        member.set_profile_id(profile);
        *member.mutable_entered_at() = TimestampOf(row->entered_micros());
        member.set_reason(row->reason());
        return true;
      },
      range);
  if (more) page.next_after = last;
  return page;
}

bool IsDeleted(const View& view, const std::string& workspace, const std::string& segment) {
  const auto row = view.Get(kSegments, {workspace, segment});
  return row == nullptr || row->defined().deleted();
}

v1::ListProfileSegmentsResponse ReadProfileSegments(const View& view, const std::string& workspace,
                                                    const std::string& profile, const std::string& after,
                                                    int32_t limit) {
  v1::ListProfileSegmentsResponse response;
  response.set_profile_id(profile);
  const auto row = view.Get(kMemberships, {profile});
  if (row == nullptr) return response;
  response.set_value_tier(row->value_tier());
  for (const storage::v1::Membership& membership : row->segments()) {
    if (membership.segment_id() <= after || IsDeleted(view, workspace, membership.segment_id())) continue;
    if (response.segments_size() == limit) {
      response.set_next_page_token(response.segments(limit - 1).segment_id());
      break;
    }
    v1::ProfileSegment& segment = *response.add_segments();
    segment.set_segment_id(membership.segment_id());
    *segment.mutable_entered_at() = TimestampOf(membership.entered_micros());
    segment.set_reason(membership.reason());
  }
  return response;
}

}  // namespace tributary::profile
