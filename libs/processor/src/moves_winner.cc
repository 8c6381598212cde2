// What arrives at a profile that has won a merge: parts, end markers, and facts that were held until then.
#include <utility>

#include "src/moves_records.h"
#include "src/tables.h"
#include "tributary/processor/moves.h"

namespace tributary::processor {

using events::v1::ProfileEffectEnded;
using events::v1::ProfileMoveEnded;
using events::v1::ProfileRowsMoved;

Decided MovingProcessor::DecideRows(const ProfileRowsMoved& moved, const View& view, absl::Time now) {
  Decided decided;
  if (const auto pointer = view.Get(kMovePointers, {moved.winner_id()}); pointer != nullptr) {
    // A chain: what comes for one that has lost since goes on, under the name of its own merge, whose end waits for it.
    ProfileRowsMoved onward = moved;
    onward.set_merge_id(pointer->merge_id());
    onward.set_loser_id(moved.winner_id());
    onward.set_winner_id(pointer->winner_id());
    decided.outputs.push_back(RowsTo(pointer->winner_id(), onward));
    return decided;
  }
  for (const events::v1::TimerArmed& timer : moved.timers()) {
    const auto own = view.Get(kTimers, {moved.winner_id(), timer.id()});
    // Of two that have one name the earlier stays: who is asked sooner can arm it again.
    if (own != nullptr && own->due_micros() <= timer.due_micros()) continue;
    decided.decisions.push_back(
        ArmTimer(moved.winner_id(), timer.id(), absl::FromUnixMicros(timer.due_micros()), timer.payload()));
  }
  for (const events::v1::MovedRow& row : moved.rows()) {
    for (Decision& decision : service_->Adopt(row, moved.winner_id(), view, now)) {
      decided.decisions.push_back(std::move(decision));
    }
  }
  return decided;
}

Decided MovingProcessor::DecideEnd(const ProfileMoveEnded& ended, const View& view, absl::Time now) {
  const std::string& winner = ended.winner_id();
  if (MissesPieces(view, winner)) return {};  // another end is waited for
  if (!view.Contains(kMovePointers, {winner})) return Settle(ended.workspace_id(), winner, view, now);
  Decided decided;
  EndIfDone(winner, view, &decided);
  return decided;
}

Decided MovingProcessor::Settle(const std::string& workspace, const std::string& profile, const View& view,
                                absl::Time now) {
  Decided decided;
  // Each by a timer of its own, so that each sees what was decided of the one before.
  view.Scan(kHeldFacts, std::tuple(profile), [&](const auto& key, const auto&) {
    decided.decisions.push_back(ArmTimer(profile, HeldTimerId(std::get<1>(key), std::get<2>(key)), now));
    return decided.decisions.size() < bounds_.held_per_round;
  });
  if (decided.decisions.empty()) return service_->DecideWhole(workspace, profile, view, now);
  decided.decisions.push_back(ArmTimer(profile, std::string(kSettleTimer), now, workspace));
  return decided;
}

Decided MovingProcessor::DecideHeld(const DueTimer& timer, const View& view, absl::Time now) {
  int64_t offset = 0;
  int32_t index = 0;
  if (!ParseHeldTimerId(timer.id, &offset, &index)) return {};
  const auto row = view.Get(kHeldFacts, {timer.key, offset, index});
  if (row == nullptr) return {};
  Decided decided = DecideCarried(timer.key, FactOf(row->held()), view, now);
  decided.decisions.push_back(DecidedHeld(row->held()));
  return decided;
}

Decided MovingProcessor::DecideCarried(const std::string& profile, const Fact& fact, const View& view, absl::Time now) {
  Decided decided;
  if (IsOutcome(fact)) {
    if (const auto* message = fact.value.As<ProfileEffectEnded>()) {
      decided = service_->DecideOutcome(OutcomeOf(*message), profile, view, now);
    }
  } else {
    decided = service_->Decide(fact, view, now);
  }
  // No record of the log is being decided that a patch could name: it needs the bytes that came along.
  for (Output& output : decided.outputs) {
    if (const auto* patch = std::get_if<FactPatch>(&output.value)) output.value = fact.value.Bytes() + patch->patch;
  }
  decided.depth = fact.depth;
  return decided;
}

}  // namespace tributary::processor
