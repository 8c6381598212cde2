// What the parts of MovingProcessor share: names of its own timers, held and forwarded facts, levels of a profile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tributary/events/v1/moves.pb.h"
#include "tributary/processor/fact.h"
#include "tributary/projection/table.h"

namespace tributary::processor {

inline constexpr std::string_view kMoveTimer = "~move";
// Of those that are due together it fires after all that decide held facts; its payload is the workspace.
inline constexpr std::string_view kSettleTimer = "~settle";
// Ordered by (offset, index) as text, too, for timers that are due together fire by id.
std::string HeldTimerId(int64_t fact, int32_t index);
bool ParseHeldTimerId(std::string_view id, int64_t* fact, int32_t* index);
// One of those above.
bool IsOwnTimer(std::string_view id);

// Some of its pieces are still on their way.
bool MissesPieces(const projection::View& view, const std::string& profile);
// From the first sign of a merge until all that was held has been decided.
bool IsMoving(const projection::View& view, const std::string& profile);
bool HoldsFacts(const projection::View& view, const std::string& profile);

// The profile that the effect is of; nullopt: of none.
std::optional<std::string> ProfileOfEffect(std::string_view effect_id);

Decision Hold(const Fact& fact, const std::string& profile);
Decision DecidedHeld(const events::v1::FactHeld& held);
// Views into the message. Of one that was forwarded offset and index are those of `carrier`.
Fact FactOf(const events::v1::FactHeld& held);
Fact FactOf(const events::v1::FactForwarded& forwarded, const Fact& carrier);

// An outcome as a fact, and back; a view into `message`. Its log knows it as no record.
Fact FactOf(const events::v1::ProfileEffectEnded& message);
bool IsOutcome(const Fact& fact);
events::v1::ProfileEffectEnded ToMessage(const EndedEffect& ended);
EndedEffect OutcomeOf(const events::v1::ProfileEffectEnded& message);

}  // namespace tributary::processor
