// Profiles that move: who decides what. moves_loser.cc has what leaves, moves_winner.cc what arrives.
#include "tributary/processor/moves.h"

#include <utility>

#include "src/moves_records.h"
#include "src/tables.h"
#include "tributary/base/status.h"

namespace tributary::processor {
namespace {

using events::v1::FactForwarded;
using events::v1::FactHeld;
using events::v1::HeldFactDecided;
using events::v1::ProfileEffectEnded;
using events::v1::ProfileMoveEnded;
using events::v1::ProfileMoveProgressed;
using events::v1::ProfileRowsMoved;
using events::v1::ProfilesMerged;
using storage::v1::IncomingMoves;

void AddIncoming(const std::string& winner, const std::string& merge_id, const std::string& loser,
                 const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) {
  if (facts.Contains(kEndedMoves, {merge_id})) return;
  const auto old = facts.Get(kIncomingMoves, {winner});
  IncomingMoves row = old == nullptr ? IncomingMoves() : *old;
  for (const IncomingMoves::Move& move : row.moves()) {
    if (move.merge_id() == merge_id) return;
  }
  IncomingMoves::Move* move = row.add_moves();
  move->set_merge_id(merge_id);
  move->set_loser_id(loser);
  out.Put(kIncomingMoves, {winner}, std::move(row));
}

void EndIncoming(const ProfileMoveEnded& ended, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) {
  out.Put(kEndedMoves, {ended.merge_id()}, {});
  const auto old = facts.Get(kIncomingMoves, {ended.winner_id()});
  if (old == nullptr) return;
  IncomingMoves row;
  for (const IncomingMoves::Move& move : old->moves()) {
    if (move.merge_id() != ended.merge_id()) *row.add_moves() = move;
  }
  if (row.moves_size() == 0) {
    out.Delete(kIncomingMoves, {ended.winner_id()});
  } else {
    out.Put(kIncomingMoves, {ended.winner_id()}, std::move(row));
  }
}

}  // namespace

MovingProcessor::MovingProcessor(std::unique_ptr<MovableProcessor> service, PartitionRef partition,
                                 ProfilePlaces places, MoveBounds bounds)
    : service_(std::move(service)), partition_(std::move(partition)), places_(std::move(places)), bounds_(bounds) {}

bool MovingProcessor::Here(std::string_view profile) const {
  return places_.partition_of(profile) == partition_.partition;
}

PartitionRef MovingProcessor::PlaceOf(std::string_view profile) const {
  return {places_.log, places_.partition_of(profile)};
}

Handling MovingProcessor::Handles(std::string_view type) const {
  for (const std::string_view applied : {RecordType<ProfilesMerged>(), RecordType<ProfileRowsMoved>(),
                                         RecordType<ProfileMoveEnded>(), RecordType<FactForwarded>()}) {
    if (type == applied) return Handling::kApplied;
  }
  // Decisions of other processors about their own moves.
  for (const std::string_view ignored :
       {RecordType<ProfileMoveProgressed>(), RecordType<FactHeld>(), RecordType<HeldFactDecided>()}) {
    if (type == ignored) return Handling::kIgnored;
  }
  return service_->Handles(type);
}

// The message of a record between tasks of this processor; null if it is of another's.
template <typename M>
const M* MovingProcessor::Mine(const Fact& fact) const {
  if (fact.type != RecordType<M>()) return nullptr;
  const M* message = fact.value.As<M>();
  return message != nullptr && message->processor() == name() ? message : nullptr;
}

void MovingProcessor::Prefetch(const Fact& fact, KeySet& keys) const {
  if (fact.type == RecordType<ProfileRowsMoved>() || fact.type == RecordType<ProfileMoveEnded>()) return;
  if (fact.type == RecordType<ProfilesMerged>()) return service_->Prefetch(fact, keys);
  const auto prefetch = [&](const Fact& seen, const std::optional<std::string>& profile) {
    if (profile.has_value()) {
      keys.Add(kMovePointers, {*profile});
      keys.Add(kIncomingMoves, {*profile});
      keys.Add(kTimers, {*profile, std::string(kSettleTimer)});
    }
    if (!IsOutcome(seen)) service_->Prefetch(seen, keys);
  };
  if (fact.type != RecordType<FactForwarded>()) return prefetch(fact, service_->ProfileOf(fact));
  if (const auto* forwarded = Mine<FactForwarded>(fact)) prefetch(FactOf(*forwarded, fact), forwarded->winner_id());
}

absl::Status MovingProcessor::ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts,
                                        Writer<Kind::kFacts>& out) {
  if (fact.type == RecordType<ProfilesMerged>()) {
    const auto* merged = fact.value.As<ProfilesMerged>();
    return merged == nullptr ? absl::InternalError("a profiles_merged is malformed") : ApplyMerge(*merged, facts, out);
  }
  if (fact.type == RecordType<ProfileRowsMoved>()) {
    const auto* moved = Mine<ProfileRowsMoved>(fact);
    return moved == nullptr ? absl::OkStatus() : ApplyRows(*moved, facts, out);
  }
  if (fact.type == RecordType<ProfileMoveEnded>()) {
    if (const auto* ended = Mine<ProfileMoveEnded>(fact)) EndIncoming(*ended, facts, out);
    return absl::OkStatus();
  }
  if (fact.type == RecordType<FactForwarded>()) {
    const auto* forwarded = Mine<FactForwarded>(fact);
    if (forwarded == nullptr || facts.Contains(kMovePointers, {forwarded->winner_id()})) return absl::OkStatus();
    const Fact carried = FactOf(*forwarded, fact);
    return IsOutcome(carried) ? absl::OkStatus() : service_->ApplyFact(carried, facts, out);
  }
  // What is malformed is found out where it came to, for where it would be sent on it could only halt the task.
  TRIBUTARY_RETURN_IF_ERROR(service_->CheckFact(fact));
  const auto profile = service_->ProfileOf(fact);
  // What names a profile that has lost is the winner's: Decide forwards it.
  if (profile.has_value() && facts.Contains(kMovePointers, {*profile})) return absl::OkStatus();
  return service_->ApplyFact(fact, facts, out);
}

absl::Status MovingProcessor::ApplyMerge(const ProfilesMerged& merged, const KindView<Kind::kFacts>& facts,
                                         Writer<Kind::kFacts>& out) {
  if (merged.merge_id().empty() || merged.workspace_id().empty() || merged.winner_id().empty() ||
      merged.loser_id().empty() || merged.winner_id() == merged.loser_id()) {
    return absl::InternalError("a profiles_merged is malformed");
  }
  const bool loser_is_here = Here(merged.loser_id());
  const bool winner_is_here = Here(merged.winner_id());
  const auto pointer = facts.Get(kMovePointers, {merged.loser_id()});
  if (pointer != nullptr && pointer->merge_id() != merged.merge_id()) {
    return absl::InternalError("a profiles_merged names a loser that another merge retired");
  }
  if (loser_is_here) {
    storage::v1::MovePointer row;
    row.set_winner_id(merged.winner_id());
    row.set_merge_id(merged.merge_id());
    row.set_workspace_id(merged.workspace_id());
    out.Put(kMovePointers, {merged.loser_id()}, std::move(row));
  }
  if (winner_is_here) AddIncoming(merged.winner_id(), merged.merge_id(), merged.loser_id(), facts, out);
  return service_->ApplyMerge(merged, loser_is_here, winner_is_here, facts, out);
}

absl::Status MovingProcessor::ApplyRows(const ProfileRowsMoved& moved, const KindView<Kind::kFacts>& facts,
                                        Writer<Kind::kFacts>& out) {
  // Before identity's own word, perhaps: then this is the first sign of the merge.
  AddIncoming(moved.winner_id(), moved.merge_id(), moved.loser_id(), facts, out);
  if (facts.Contains(kMovePointers, {moved.winner_id()})) return absl::OkStatus();
  for (const events::v1::MovedRow& row : moved.rows()) {
    TRIBUTARY_RETURN_IF_ERROR(service_->ApplyMovedRow(row, moved.workspace_id(), moved.winner_id(), facts, out));
  }
  return absl::OkStatus();
}

void MovingProcessor::ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                                    Writer<Kind::kDecisions>& out) {
  if (decision.type == RecordType<ProfileMoveProgressed>()) {
    const auto* progress = decision.value.As<ProfileMoveProgressed>();
    storage::v1::OutgoingMove row;
    *row.mutable_progress() = *progress;
    out.Put(kOutgoingMoves, {progress->loser_id()}, std::move(row));
  } else if (decision.type == RecordType<FactHeld>()) {
    const auto* held = decision.value.As<FactHeld>();
    storage::v1::HeldFact row;
    *row.mutable_held() = *held;
    out.Put(kHeldFacts, {held->profile_id(), held->fact(), held->index()}, std::move(row));
  } else if (decision.type == RecordType<HeldFactDecided>()) {
    const auto* decided = decision.value.As<HeldFactDecided>();
    out.Delete(kHeldFacts, {decided->profile_id(), decided->fact(), decided->index()});
  } else {
    service_->ApplyDecision(decision, decisions, out);
  }
}

void MovingProcessor::Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) {
  service_->Derive(changes, view, out);
}

Decided MovingProcessor::Decide(const Input& input, const View& view, absl::Time now) {
  if (const auto* fact = std::get_if<Fact>(&input)) return DecideFact(*fact, view, now);
  if (const auto* timer = std::get_if<DueTimer>(&input)) return DecideTimer(*timer, view, now);
  if (const auto* command = std::get_if<Command>(&input)) return DecideCommand(*command, view, now);
  if (const auto* effect = std::get_if<ReadyEffect>(&input)) return DecideReady(*effect, view, now);
  return DecideEnded(std::get<EndedEffect>(input), view, now);
}

Decided MovingProcessor::DecideFact(const Fact& fact, const View& view, absl::Time now) {
  if (fact.type == RecordType<ProfilesMerged>()) {
    return DecideMerge(*fact.value.As<ProfilesMerged>(), view, now);
  }
  if (fact.type == RecordType<ProfileRowsMoved>()) {
    const auto* moved = Mine<ProfileRowsMoved>(fact);
    return moved == nullptr ? Decided() : DecideRows(*moved, view, now);
  }
  if (fact.type == RecordType<ProfileMoveEnded>()) {
    const auto* ended = Mine<ProfileMoveEnded>(fact);
    return ended == nullptr ? Decided() : DecideEnd(*ended, view, now);
  }
  if (fact.type == RecordType<FactForwarded>()) {
    const auto* forwarded = Mine<FactForwarded>(fact);
    if (forwarded == nullptr) return {};
    const Fact carried = FactOf(*forwarded, fact);
    const std::string& profile = forwarded->winner_id();
    const bool whole = !IsMoving(view, profile) && !view.Contains(kMovePointers, {profile});
    return whole ? DecideCarried(profile, carried, view, now) : DecideFactOf(profile, carried, view, now);
  }
  const auto profile = service_->ProfileOf(fact);
  return profile.has_value() ? DecideFactOf(*profile, fact, view, now) : service_->Decide(fact, view, now);
}

Decided MovingProcessor::DecideFactOf(const std::string& profile, const Fact& fact, const View& view, absl::Time now) {
  Decided decided;
  if (const auto pointer = view.Get(kMovePointers, {profile}); pointer != nullptr) {
    // Behind those that are still to be sent on, so that they arrive in their order.
    if (HoldsFacts(view, profile)) {
      decided.decisions.push_back(Hold(fact, profile));
    } else {
      decided.outputs.push_back(Forwarded(fact, pointer->winner_id()));
    }
    return decided;
  }
  if (!IsMoving(view, profile)) return service_->Decide(fact, view, now);
  if (IsOutcome(fact) || service_->MustBeHeld(fact)) decided.decisions.push_back(Hold(fact, profile));
  return decided;
}

Decided MovingProcessor::DecideTimer(const DueTimer& timer, const View& view, absl::Time now) {
  if (timer.id == kMoveTimer) {
    const auto outgoing = view.Get(kOutgoingMoves, {timer.key});
    if (outgoing == nullptr || outgoing->progress().copied()) return {};
    return Continue(outgoing->progress(), /*first=*/false, view, now);
  }
  const bool lost = view.Contains(kMovePointers, {timer.key});
  if (IsOwnTimer(timer.id)) {
    // Who has lost sends on what it holds. If another merge has begun meanwhile, its end will ask again.
    if (lost || MissesPieces(view, timer.key)) return {};
    return timer.id == kSettleTimer ? Settle(timer.payload, timer.key, view, now) : DecideHeld(timer, view, now);
  }
  if (lost) return SendTimer(timer, view);
  // It stays due until the pieces are here, whose end may be all that it waits for.
  if (IsMoving(view, timer.key)) {
    Decided decided;
    decided.decisions.push_back(ArmTimer(timer.key, timer.id, now + absl::Milliseconds(100), timer.payload));
    return decided;
  }
  return service_->Decide(timer, view, now);
}

Decided MovingProcessor::DecideCommand(const Command& command, const View& view, absl::Time now) {
  const auto profile = service_->ProfileOf(command);
  if (!profile.has_value()) return service_->Decide(command, view, now);
  Decided decided;
  if (const auto pointer = view.Get(kMovePointers, {*profile}); pointer != nullptr) {
    decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "PROFILE_MERGED", "profile_id",
                                  fmt::format("was merged into {}: send it again with that id", pointer->winner_id()));
    return decided;
  }
  if (IsMoving(view, *profile)) {
    decided.reply = Reply::Reject(absl::StatusCode::kUnavailable, "PROFILE_MOVING", "profile_id",
                                  "its pieces are being joined: try again");
    decided.reply->retry = true;
    return decided;
  }
  return service_->Decide(command, view, now);
}

Decided MovingProcessor::DecideReady(const ReadyEffect& effect, const View& view, absl::Time now) {
  const auto profile = ProfileOfEffect(effect.effect_id);
  if (!profile.has_value() || !view.Contains(kMovePointers, {*profile})) return service_->Decide(effect, view, now);
  Decided decided;
  // A wish is the winner's to renew; what may have been done already stays here until that is known.
  if (effect.attempt == 1) decided.withhold = kEffectOfLoser;
  return decided;
}

Decided MovingProcessor::DecideEnded(const EndedEffect& effect, const View& view, absl::Time now) {
  const auto profile = ProfileOfEffect(effect.effect_id);
  if (!profile.has_value()) return service_->Decide(effect, view, now);
  const auto pointer = view.Get(kMovePointers, {*profile});
  if (pointer == nullptr && !IsMoving(view, *profile)) return service_->DecideOutcome(effect, *profile, view, now);
  // For one that is moving through the log, too, where it becomes a fact that can be held.
  const ProfileEffectEnded message = ToMessage(effect);
  Fact fact = FactOf(message);
  fact.appended_at = now;
  Decided decided;
  decided.outputs.push_back(Forwarded(fact, pointer == nullptr ? *profile : pointer->winner_id()));
  if (pointer != nullptr) EndIfDone(*profile, view, &decided);
  return decided;
}

ProfileMoves MovesOf(const View& view, const std::string& workspace, const std::string& profile) {
  ProfileMoves moves;
  if (const auto pointer = view.Get(kMovePointers, {profile});
      pointer != nullptr && pointer->workspace_id() == workspace) {
    moves.pointer = {pointer->winner_id(), pointer->merge_id()};
  }
  moves.moving = IsMoving(view, profile);
  return moves;
}

std::string EffectIdOf(std::string_view profile, std::string_view rest) { return fmt::format("{}/{}", profile, rest); }

bool MoveHasEnded(const View& view, const std::string& merge_id) { return view.Contains(kEndedMoves, {merge_id}); }

}  // namespace tributary::processor
