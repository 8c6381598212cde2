// Who enters and leaves which segment, and which value tier each profile is in: what is decided, and when.
#pragma once

#include <cstdint>
#include <string>

#include "profile/definitions.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/processor/processor.h"

namespace tributary::profile {

// Profiles that are looked at in one step of a take-in: few, for live events wait that long.
inline constexpr int32_t kTakeInStep = 200;
// After so many decisions it ends too: a profile may come to one for each segment, and a step has its bounds.
inline constexpr size_t kTakeInDecisions = 1'000;

// Decides on levels: what the rules say of a profile against what it is in. A profile has one timer, due when time
// alone may change what any rule says of it; a definition's take-in has one, due at once until it has gone over all
// profiles. Of one task; one thread at a time.
class SegmentDecider {
 public:
  // `historical`: the event is older than the service.
  processor::Decided OnEvent(const events::v1::CustomerEvent& event, bool historical, const projection::View& view,
                             absl::Time now);
  // A definition came to this partition, and is in its tables if it is the newest.
  processor::Decided OnDefined(const events::v1::SegmentDefined& defined, const projection::View& view,
                               absl::Time now) const;
  processor::Decided OnDefined(const events::v1::ValueTiersDefined& defined, const projection::View& view,
                               absl::Time now) const;
  // One of the timers above.
  processor::Decided OnTimer(const processor::DueTimer& timer, const projection::View& view, absl::Time now);
  // As DecideLost and DecideWhole of a MovableProcessor.
  processor::Decided OnLost(const events::v1::ProfilesMerged& merged, const projection::View& view,
                            absl::Time now) const;
  processor::Decided OnWhole(const std::string& workspace, const std::string& profile, const projection::View& view,
                             absl::Time now);

  // Whether rows of memberships will be read for events of the workspace.
  bool Reads(const std::string& workspace) const { return ready_.Has(workspace); }

 private:
  processor::Decided TakeIn(const events::v1::TakeInProgressed& which, const projection::View& view, absl::Time now);

  ReadyDefinitions ready_;
};

}  // namespace tributary::profile
