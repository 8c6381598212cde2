#include "profile/segments.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "profile/customer.h"
#include "profile/entry.h"
#include "profile/tables.h"
#include "tributary/processor/moves.h"
#include "tributary/processor/timers.h"

namespace tributary::profile {
namespace {

using events::v1::MembershipReason;
using events::v1::SegmentDefined;
using events::v1::TakeInProgressed;
using processor::Decided;
using processor::Decision;
using projection::Row;
using projection::View;
using storage::v1::MembershipsRow;

// Of a profile (its key); the payload is the workspace.
constexpr char kProfileTimer[] = "segments";
// Of a definition; the payload is a TakeInProgressed that names it.
constexpr char kTakeInTimer[] = "take-in";

// The end of 9999: nothing is armed for later.
const absl::Time kFarFuture = absl::FromUnixSeconds(253'402'300'799);

google::protobuf::Timestamp ProtoOf(absl::Time time) { return TimestampOf(absl::ToUnixMicros(time)); }

// Why something is looked at.
struct Occasion {
  MembershipReason reason;
  bool historical = false;
  absl::Time now;
};

Decision Entered(const std::string& workspace, const ReadySegment& segment, const std::string& profile,
                 const Occasion& occasion) {
  events::v1::SegmentEntered entered;
  entered.set_workspace_id(workspace);
  entered.set_segment_id(segment.id);
  entered.set_revision(segment.revision);
  entered.set_profile_id(profile);
  entered.set_reason(occasion.reason);
  entered.set_historical(occasion.historical);
  *entered.mutable_decided_at() = ProtoOf(occasion.now);
  return Decision::Of(std::move(entered));
}

Decision Left(const std::string& workspace, const std::string& segment, int64_t revision, const std::string& profile,
              const Occasion& occasion) {
  events::v1::SegmentLeft left;
  left.set_workspace_id(workspace);
  left.set_segment_id(segment);
  left.set_revision(revision);
  left.set_profile_id(profile);
  left.set_reason(occasion.reason);
  left.set_historical(occasion.historical);
  *left.mutable_decided_at() = ProtoOf(occasion.now);
  return Decision::Of(std::move(left));
}

Decision TierChanged(const std::string& workspace, const std::string& profile, const std::string& from,
                     const std::string& to, int64_t revision, const Occasion& occasion) {
  events::v1::ValueTierChanged changed;
  changed.set_workspace_id(workspace);
  changed.set_profile_id(profile);
  changed.set_from(from);
  changed.set_to(to);
  changed.set_revision(revision);
  changed.set_reason(occasion.reason);
  changed.set_historical(occasion.historical);
  *changed.mutable_decided_at() = ProtoOf(occasion.now);
  return Decision::Of(std::move(changed));
}

int64_t RevisionOf(const View& view, const std::string& workspace, const std::string& segment) {
  const auto row = view.Get(kSegments, {workspace, segment});
  return row == nullptr ? 0 : row->defined().revision();
}

// Looks at one profile, rule by rule; the value tier first, for rules may look at it.
class Look {
 public:
  Look(const View& view, const std::string& workspace, const std::string& profile, const Occasion& occasion,
       Decided* decided)
      : view_(view),
        workspace_(workspace),
        profile_(profile),
        occasion_(occasion),
        decided_(decided),
        memberships_(view.Get(kMemberships, {profile})),
        customer_(view, workspace, profile, memberships_ == nullptr ? "" : memberships_->value_tier()) {}

  void AtAll(const Definitions& definitions) {
    if (definitions.tiers() != nullptr) AtTiers(*definitions.tiers());
    for (const ReadySegment& segment : definitions.segments()) At(segment);
  }

  void AtTouched(const Definitions& definitions, const Definitions::Touched& touched) {
    const bool changed = touched.tiers && AtTiers(*definitions.tiers());
    for (const ReadySegment* segment : touched.segments) {
      if (!changed || !segment->uses_tier) At(*segment);
    }
    if (changed) AtUsersOfTier(definitions);
  }

  // True if the profile is in another tier than before.
  bool AtTiers(const ReadyTiers& tiers) {
    std::string tier;
    for (const ReadyTier& candidate : tiers.highest_first) {
      if (!Holds(candidate.reached)) continue;
      tier = candidate.id;
      break;
    }
    const std::string from = memberships_ == nullptr ? "" : memberships_->value_tier();
    if (tier == from) return false;
    decided_->decisions.push_back(TierChanged(workspace_, profile_, from, tier, tiers.revision, occasion_));
    customer_.set_value_tier(std::move(tier));
    return true;
  }

  void AtUsersOfTier(const Definitions& definitions) {
    for (const ReadySegment& segment : definitions.segments()) {
      if (segment.uses_tier) At(segment);
    }
  }

  void At(const ReadySegment& segment) {
    const bool belongs = Holds(segment.rule);
    if (belongs == IsIn(segment.id)) return;
    decided_->decisions.push_back(belongs ? Entered(workspace_, segment, profile_, occasion_)
                                          : Left(workspace_, segment.id, segment.revision, profile_, occasion_));
  }

  // To be asked again when what was looked at may change by itself. What was not looked at now is asked again by the
  // timer that is armed already.
  void AskAgain() {
    if (stands_until_ > kFarFuture) return;
    const std::optional<absl::Time> armed = processor::TimerDue(view_, profile_, kProfileTimer);
    if (armed.has_value() && *armed <= stands_until_) return;
    decided_->decisions.push_back(processor::ArmTimer(profile_, kProfileTimer, stands_until_, workspace_));
  }

 private:
  bool Holds(const rules::CompiledRule& rule) {
    const rules::Verdict verdict = rule.Evaluate(customer_, occasion_.now);
    stands_until_ = std::min(stands_until_, verdict.stands_until);
    return verdict.holds;
  }

  bool IsIn(const std::string& segment) const {
    if (memberships_ == nullptr) return false;
    const auto& segments = memberships_->segments();
    return std::any_of(segments.begin(), segments.end(),
                       [&](const storage::v1::Membership& in) { return in.segment_id() == segment; });
  }

  const View view_;
  const std::string& workspace_;
  const std::string& profile_;
  const Occasion occasion_;
  Decided* const decided_;
  const Row<MembershipsRow> memberships_;
  ProfileCustomer customer_;
  absl::Time stands_until_ = absl::InfiniteFuture();
};

Decision ArmTakeIn(const TakeInProgressed& progress, absl::Time now) {
  TakeInProgressed which;
  which.set_workspace_id(progress.workspace_id());
  which.set_segment_id(progress.segment_id());
  return processor::ArmTimer(fmt::format("segment/{}/{}", which.workspace_id(), which.segment_id()), kTakeInTimer, now,
                             which.SerializeAsString());
}

// Where the take-in of `rule_revision` is; at its beginning if the one that is kept is of another.
TakeInProgressed ProgressOf(const View& view, const TakeInProgressed& which, int64_t rule_revision) {
  const auto row = view.Get(kTakeIns, {which.workspace_id(), which.segment_id()});
  if (row != nullptr && row->progress().rule_revision() == rule_revision) return row->progress();
  TakeInProgressed progress;
  progress.set_workspace_id(which.workspace_id());
  progress.set_segment_id(which.segment_id());
  progress.set_rule_revision(rule_revision);
  return progress;
}

Decided BeginTakeIn(const TakeInProgressed& which, int64_t rule_revision, const View& view, absl::Time now) {
  Decided decided;
  const TakeInProgressed progress = ProgressOf(view, which, rule_revision);
  if (!progress.done()) decided.decisions.push_back(ArmTakeIn(progress, now));
  return decided;
}

// Records how far the take-in is, and sees to the next step.
void Continue(TakeInProgressed progress, absl::Time now, Decided* decided) {
  if (!progress.done()) decided->decisions.push_back(ArmTakeIn(progress, now));
  decided->decisions.push_back(Decision::Of(std::move(progress)));
}

// Whether what came last about the profile, not counting what merges brought, is history: then an import joined it,
// and nothing is to start because of that.
bool LastCameAsHistory(const View& view, const std::string& profile) {
  bool historical = false;
  view.Scan(kArrivals, std::tuple(profile),
            [&](const ArrivalKey& key, const Row<storage::v1::EntryPlace>& place) {
              const auto& [id, offset, source_id, event_id] = key;
              const auto entry = view.Get(kEntries, {id, absl::FromUnixMicros(place->occurred_at_micros()),
                                                     place->source_priority(), event_id, source_id});
              historical = entry != nullptr && CountingEvent(*entry).historical();
              return false;
            },
            {.from = std::nullopt, .reverse = true});
  return historical;
}

struct NextProfiles {
  struct Next {
    std::string id;
    bool survives = false;
  };
  std::vector<Next> profiles;
  bool last = true;  // there are none behind these
};

// The next profiles of the workspace behind the cursor.
NextProfiles ProfilesBehind(const View& view, const TakeInProgressed& progress) {
  NextProfiles next;
  projection::ScanRange<ProfileKey> range;
  if (!progress.cursor().empty()) range.from = ProfileKey{progress.workspace_id(), progress.cursor()};
  view.Scan(
      kProfiles, std::tuple(progress.workspace_id()),
      [&](const ProfileKey& key, const Row<storage::v1::ProfileRow>& row) {
        const std::string& id = std::get<1>(key);
        if (id == progress.cursor()) return true;
        if (next.profiles.size() == static_cast<size_t>(kTakeInStep)) return next.last = false;
        next.profiles.push_back({id, row->merged_into().empty()});
        return true;
      },
      range);
  return next;
}

Decided Dissolve(const SegmentDefined& segment, TakeInProgressed progress, const View& view, absl::Time now) {
  Decided decided;
  const Occasion occasion{events::v1::MEMBERSHIP_REASON_DELETED, false, now};
  view.Scan(kMembers, std::tuple(segment.workspace_id(), segment.segment_id()),
            [&](const MemberKey& key, const Row<storage::v1::MemberRow>&) {
              decided.decisions.push_back(
                  Left(segment.workspace_id(), segment.segment_id(), segment.revision(), std::get<2>(key), occasion));
              return static_cast<int32_t>(decided.decisions.size()) < kTakeInStep;
            });
  const auto left = static_cast<int64_t>(decided.decisions.size());
  progress.set_profiles_done(progress.profiles_done() + left);
  progress.set_done(left < kTakeInStep);
  Continue(std::move(progress), now, &decided);
  return decided;
}

}  // namespace

Decided SegmentDecider::OnEvent(const events::v1::CustomerEvent& event, bool historical, const View& view,
                                absl::Time now) {
  Decided decided;
  const Definitions* definitions = ready_.Of(view, event.workspace_id());
  if (definitions == nullptr) return decided;
  const std::string& profile = event.resolution().profile_id();
  const auto summary = view.Get(kSummaries, {profile});
  // No rule was asked about a profile before its first event; a correction or retraction may change anything.
  const bool all = IsControl(event.body_case()) || summary == nullptr || summary->entry_count() <= 1;
  const Definitions::Touched& touched = definitions->TouchedBy(event.body_case());
  if (!all && !touched.tiers && touched.segments.empty()) return decided;
  Look look(view, event.workspace_id(), profile,
            {events::v1::MEMBERSHIP_REASON_EVENT, historical || event.historical(), now}, &decided);
  if (all) {
    look.AtAll(*definitions);
  } else {
    look.AtTouched(*definitions, touched);
  }
  look.AskAgain();
  return decided;
}

Decided SegmentDecider::OnDefined(const SegmentDefined& defined, const View& view, absl::Time now) const {
  TakeInProgressed which;
  which.set_workspace_id(defined.workspace_id());
  which.set_segment_id(defined.segment_id());
  const auto row = view.Get(kSegments, {defined.workspace_id(), defined.segment_id()});
  return row == nullptr ? Decided() : BeginTakeIn(which, row->defined().rule_revision(), view, now);
}

Decided SegmentDecider::OnDefined(const events::v1::ValueTiersDefined& defined, const View& view,
                                  absl::Time now) const {
  TakeInProgressed which;
  which.set_workspace_id(defined.workspace_id());
  const auto row = view.Get(kValueTiers, {defined.workspace_id()});
  return row == nullptr ? Decided() : BeginTakeIn(which, row->defined().revision(), view, now);
}

Decided SegmentDecider::OnTimer(const processor::DueTimer& timer, const View& view, absl::Time now) {
  if (timer.id == kTakeInTimer) {
    TakeInProgressed which;  // written by this file: parses
    return which.ParseFromString(timer.payload) ? TakeIn(which, view, now) : Decided();
  }
  Decided decided;
  const Definitions* definitions = timer.id == kProfileTimer ? ready_.Of(view, timer.payload) : nullptr;
  const auto profile = view.Get(kProfiles, {timer.payload, timer.key});
  if (definitions == nullptr || profile == nullptr || !profile->merged_into().empty()) return decided;
  Look look(view, timer.payload, timer.key, {events::v1::MEMBERSHIP_REASON_TIME, false, now}, &decided);
  look.AtAll(*definitions);
  look.AskAgain();
  return decided;
}

Decided SegmentDecider::TakeIn(const TakeInProgressed& which, const View& view, absl::Time now) {
  const std::string& workspace = which.workspace_id();
  const Definitions* definitions = ready_.Of(view, workspace);
  if (definitions == nullptr) return {};
  const bool tiers = which.segment_id().empty();
  const auto segment = tiers ? nullptr : view.Get(kSegments, {workspace, which.segment_id()});
  const auto tiers_row = tiers ? view.Get(kValueTiers, {workspace}) : nullptr;
  if (segment == nullptr && tiers_row == nullptr) return {};
  TakeInProgressed progress =
      ProgressOf(view, which, tiers ? tiers_row->defined().revision() : segment->defined().rule_revision());
  if (progress.done()) return {};
  if (segment != nullptr && segment->defined().deleted()) {
    return Dissolve(segment->defined(), std::move(progress), view, now);
  }
  Decided decided;
  const ReadySegment* ready = tiers ? nullptr : definitions->Find(which.segment_id());
  const NextProfiles next = ProfilesBehind(view, progress);
  progress.set_done(next.last);
  for (const auto& [profile, survives] : next.profiles) {
    if (decided.decisions.size() >= kTakeInDecisions) {
      progress.set_done(false);
      break;
    }
    progress.set_cursor(profile);
    if (!survives) continue;
    progress.set_profiles_done(progress.profiles_done() + 1);
    // Once it is whole it is looked at anyway.
    if (processor::MovesOf(view, workspace, profile).moving) continue;
    Look look(view, workspace, profile, {events::v1::MEMBERSHIP_REASON_DEFINITION, false, now}, &decided);
    if (ready != nullptr) look.At(*ready);
    if (tiers && definitions->tiers() != nullptr && look.AtTiers(*definitions->tiers())) {
      look.AtUsersOfTier(*definitions);
    }
    look.AskAgain();
  }
  Continue(std::move(progress), now, &decided);
  return decided;
}

Decided SegmentDecider::OnLost(const events::v1::ProfilesMerged& merged, const View& view, absl::Time now) const {
  Decided decided;
  const Row<MembershipsRow> row = view.Get(kMemberships, {merged.loser_id()});
  if (row == nullptr) return decided;
  // Nothing is to start because of it: the customer has not left, but goes on as the winner.
  const Occasion occasion{events::v1::MEMBERSHIP_REASON_MERGE, true, now};
  const std::string& workspace = merged.workspace_id();
  for (const storage::v1::Membership& in : row->segments()) {
    decided.decisions.push_back(
        Left(workspace, in.segment_id(), RevisionOf(view, workspace, in.segment_id()), merged.loser_id(), occasion));
  }
  if (!row->value_tier().empty()) {
    const auto tiers = view.Get(kValueTiers, {workspace});
    decided.decisions.push_back(TierChanged(workspace, merged.loser_id(), row->value_tier(), "",
                                            tiers == nullptr ? 0 : tiers->defined().revision(), occasion));
  }
  return decided;
}

Decided SegmentDecider::OnWhole(const std::string& workspace, const std::string& profile, const View& view,
                                absl::Time now) {
  Decided decided;
  const Definitions* definitions = ready_.Of(view, workspace);
  if (definitions == nullptr) return decided;
  Look look(view, workspace, profile, {events::v1::MEMBERSHIP_REASON_MERGE, LastCameAsHistory(view, profile), now},
            &decided);
  look.AtAll(*definitions);
  look.AskAgain();
  return decided;
}

}  // namespace tributary::profile
