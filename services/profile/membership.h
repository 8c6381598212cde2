// Who belongs where: how decisions change the decisions' tables.
#pragma once

#include "profile/tables.h"
#include "tributary/events/v1/segment.pb.h"

namespace tributary::profile {

using DecisionsView = projection::KindView<projection::Kind::kDecisions>;
using DecisionsWriter = projection::Writer<projection::Kind::kDecisions>;

// What a profile is in already, or in no more, changes nothing.
void ApplyEntered(const events::v1::SegmentEntered& entered, const DecisionsView& decisions, DecisionsWriter& out);
void ApplyLeft(const events::v1::SegmentLeft& left, const DecisionsView& decisions, DecisionsWriter& out);
void ApplyTierChanged(const events::v1::ValueTierChanged& changed, const DecisionsView& decisions,
                      DecisionsWriter& out);
void ApplyTakeIn(const events::v1::TakeInProgressed& progress, DecisionsWriter& out);
// On partition 0.
void ApplyDecided(const events::v1::SegmentDefined& defined, DecisionsWriter& out);
void ApplyDecided(const events::v1::ValueTiersDefined& defined, DecisionsWriter& out);

}  // namespace tributary::profile
