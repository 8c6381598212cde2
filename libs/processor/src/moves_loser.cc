// What leaves a profile that has lost a merge: parts, facts that it held, outcomes of its effects, the end marker.
#include <algorithm>
#include <iterator>
#include <utility>

#include "src/moves_records.h"
#include "src/tables.h"
#include "tributary/processor/moves.h"

namespace tributary::processor {

using events::v1::FactForwarded;
using events::v1::ProfileEffectEnded;
using events::v1::ProfileMoveEnded;
using events::v1::ProfileMoveProgressed;
using events::v1::ProfileRowsMoved;
using events::v1::ProfilesMerged;

// What may still go into a part.
struct MovingProcessor::Room {
  size_t things;
  size_t bytes;
  bool Full() const { return things == 0 || bytes == 0; }
  void Take(size_t size) {
    --things;
    bytes -= std::min(bytes, size);
  }
};

// The first part goes at once: most profiles are small.
Decided MovingProcessor::DecideMerge(const ProfilesMerged& merged, const View& view, absl::Time now) {
  if (!Here(merged.loser_id()) || view.Contains(kOutgoingMoves, {merged.loser_id()})) return {};
  ProfileMoveProgressed progress;
  progress.set_merge_id(merged.merge_id());
  progress.set_workspace_id(merged.workspace_id());
  progress.set_loser_id(merged.loser_id());
  progress.set_winner_id(merged.winner_id());
  Decided decided = Continue(std::move(progress), /*first=*/true, view, now);
  Decided lost = service_->DecideLost(merged, view, now);
  std::move(lost.decisions.begin(), lost.decisions.end(), std::back_inserter(decided.decisions));
  std::move(lost.outputs.begin(), lost.outputs.end(), std::back_inserter(decided.outputs));
  return decided;
}

Decided MovingProcessor::Continue(ProfileMoveProgressed progress, bool first, const View& view, absl::Time now) const {
  const std::string& loser = progress.loser_id();
  Decided decided;
  ProfileRowsMoved moved;
  Room room{bounds_.things_per_part, bounds_.bytes_per_part};
  bool claimed = false;
  // What it holds goes before its rows, for later facts that name it are sent on only once that is gone.
  bool all = TakeTimers(loser, view, &room, &moved, &decided) && TakeHeld(progress, view, &room, &decided) &&
             TakeEffects(progress, view, &room, &decided, &claimed) && !room.Full();
  if (all) {
    CopiedRows copied = service_->CopyRows(view, progress.workspace_id(), loser, progress.cursor(),
                                           static_cast<int32_t>(room.things), room.bytes);
    for (events::v1::MovedRow& row : copied.rows) *moved.add_rows() = std::move(row);
    all = !copied.next.has_value();
    progress.set_cursor(std::move(copied.next).value_or(""));
  }
  const bool ends = all && !claimed && !MissesPieces(view, loser);
  // Unless the end follows at once the winner must hear of the merge before what is forwarded to it comes: its own
  // word of it may be late.
  if (moved.rows_size() > 0 || moved.timers_size() > 0 || (first && !ends)) {
    moved.set_processor(std::string(name()));
    moved.set_merge_id(progress.merge_id());
    moved.set_workspace_id(progress.workspace_id());
    moved.set_loser_id(loser);
    moved.set_winner_id(progress.winner_id());
    decided.outputs.insert(decided.outputs.begin(), RowsTo(progress.winner_id(), moved));
  }
  if (all) {
    progress.set_copied(true);
    if (ends) End(&progress, &decided);
  } else {
    // Due already: it fires in the next step, after what came meanwhile.
    decided.decisions.push_back(ArmTimer(loser, std::string(kMoveTimer), now));
  }
  decided.decisions.push_back(Decision::Of(std::move(progress)));
  return decided;
}

bool MovingProcessor::TakeTimers(const std::string& loser, const View& view, Room* room, ProfileRowsMoved* moved,
                                 Decided* decided) const {
  bool all = true;
  view.Scan(kTimers, std::tuple(loser), [&](const auto& key, const auto& row) {
    const std::string& id = std::get<1>(key);
    if (IsOwnTimer(id)) return true;
    if (room->Full()) return all = false;
    events::v1::TimerArmed* timer = moved->add_timers();
    timer->set_key(loser);
    timer->set_id(id);
    timer->set_due_micros(row->due_micros());
    timer->set_payload(row->payload());
    decided->decisions.push_back(CancelTimer(loser, id));
    room->Take(timer->ByteSizeLong());
    return true;
  });
  return all;
}

// What was to be decided here is decided there.
bool MovingProcessor::TakeHeld(const ProfileMoveProgressed& progress, const View& view, Room* room,
                               Decided* decided) const {
  bool all = true;
  view.Scan(kHeldFacts, std::tuple(progress.loser_id()), [&](const auto&, const auto& row) {
    if (room->Full()) return all = false;
    decided->outputs.push_back(Forwarded(FactOf(row->held()), progress.winner_id()));
    decided->decisions.push_back(DecidedHeld(row->held()));
    room->Take(row->held().ByteSizeLong());
    return true;
  });
  return all;
}

bool MovingProcessor::TakeEffects(const ProfileMoveProgressed& progress, const View& view, Room* room, Decided* decided,
                                  bool* claimed) const {
  bool all = true;
  const std::string prefix = EffectIdOf(progress.loser_id(), "");
  const auto visit = [&](const auto& key, const auto& row) {
    const std::string& effect_id = std::get<0>(key);
    if (effect_id.substr(0, prefix.size()) != prefix) return false;
    if (row->attempt() > 0) return *claimed = true;
    if (room->Full()) return all = false;
    const ProfileEffectEnded message =
        ToMessage({effect_id, row->channel(), EffectStatus::kWithheld, std::string(kEffectOfLoser)});
    events::v1::EffectEnded ended;
    ended.set_effect_id(effect_id);
    ended.set_status(message.status());
    ended.set_reason(message.reason());
    decided->decisions.push_back(Decision::Of(std::move(ended)));
    decided->outputs.push_back(Forwarded(FactOf(message), progress.winner_id()));
    room->Take(message.ByteSizeLong());
    return true;
  };
  view.Scan(kEffects, std::tuple<>(), visit, {.from = std::tuple(prefix)});
  return all;
}

void MovingProcessor::EndIfDone(const std::string& loser, const View& view, Decided* decided) const {
  const auto outgoing = view.Get(kOutgoingMoves, {loser});
  if (outgoing == nullptr || !outgoing->progress().copied() || outgoing->progress().ended()) return;
  if (MissesPieces(view, loser)) return;
  bool open = false;
  const std::string prefix = EffectIdOf(loser, "");
  const auto visit = [&](const auto& key, const auto&) {
    open = std::get<0>(key).substr(0, prefix.size()) == prefix;
    return false;
  };
  view.Scan(kEffects, std::tuple<>(), visit, {.from = std::tuple(prefix)});
  if (open) return;
  ProfileMoveProgressed progress = outgoing->progress();
  End(&progress, decided);
  decided->decisions.push_back(Decision::Of(std::move(progress)));
}

void MovingProcessor::End(ProfileMoveProgressed* progress, Decided* decided) const {
  progress->set_ended(true);
  ProfileMoveEnded ended;
  ended.set_processor(std::string(name()));
  ended.set_merge_id(progress->merge_id());
  ended.set_workspace_id(progress->workspace_id());
  ended.set_loser_id(progress->loser_id());
  ended.set_winner_id(progress->winner_id());
  Output output{PlaceOf(progress->winner_id()), std::string(RecordType<ProfileMoveEnded>()), progress->winner_id(),
                ended.SerializeAsString()};
  output.forwards = true;  // one end leads to the next along a chain of any length
  decided->outputs.push_back(std::move(output));
}

Output MovingProcessor::RowsTo(const std::string& winner, const ProfileRowsMoved& moved) const {
  Output output{PlaceOf(winner), std::string(RecordType<ProfileRowsMoved>()), winner, moved.SerializeAsString()};
  output.forwards = true;
  return output;
}

Decided MovingProcessor::SendTimer(const DueTimer& timer, const View& view) const {
  const auto outgoing = view.Get(kOutgoingMoves, {timer.key});
  // A timer that was armed for a loser, against the contract, is nobody's.
  if (outgoing == nullptr || outgoing->progress().ended()) return {};
  const ProfileMoveProgressed& progress = outgoing->progress();
  ProfileRowsMoved moved;
  moved.set_processor(std::string(name()));
  moved.set_merge_id(progress.merge_id());
  moved.set_workspace_id(progress.workspace_id());
  moved.set_loser_id(progress.loser_id());
  moved.set_winner_id(progress.winner_id());
  events::v1::TimerArmed* armed = moved.add_timers();
  armed->set_key(timer.key);
  armed->set_id(timer.id);
  armed->set_due_micros(absl::ToUnixMicros(timer.due));
  armed->set_payload(timer.payload);
  Decided decided;
  decided.outputs.push_back(RowsTo(progress.winner_id(), moved));
  return decided;
}

Output MovingProcessor::Forwarded(const Fact& fact, const std::string& winner) const {
  FactForwarded forwarded;
  forwarded.set_processor(std::string(name()));
  forwarded.set_winner_id(winner);
  forwarded.set_type(std::string(fact.type));
  forwarded.set_key(std::string(fact.key));
  forwarded.set_value(IsOutcome(fact) ? fact.value.Bytes() : service_->Forward(fact, winner));
  forwarded.set_appended_at_micros(absl::ToUnixMicros(fact.appended_at));
  forwarded.set_depth(fact.depth);
  forwarded.set_historical(fact.historical);
  forwarded.set_relayed(fact.relayed);
  Output output{PlaceOf(winner), std::string(RecordType<FactForwarded>()), winner, forwarded.SerializeAsString()};
  output.forwards = true;
  return output;
}

}  // namespace tributary::processor
