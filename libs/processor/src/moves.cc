#include "tributary/processor/moves.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "src/tables.h"
#include "tributary/base/status.h"

namespace tributary::processor {
namespace {

using events::v1::FactHeld;
using events::v1::HeldFactDecided;
using events::v1::ProfileMoveEnded;
using events::v1::ProfileMoveProgressed;
using events::v1::ProfileRowsMoved;
using events::v1::ProfilesMerged;
using storage::v1::IncomingMoves;

constexpr int32_t kMaxRowsPerPart = 1'000;
constexpr size_t kMaxBytesPerPart = 128 << 10;
constexpr int32_t kMaxTimersMoved = 10'000;
constexpr size_t kMaxHeldPerRound = 1'000;
constexpr std::string_view kOwnTimer = "~";
constexpr std::string_view kMoveTimer = "~move";
constexpr std::string_view kHeldTimer = "~held/";
// Of those that are due together it fires after all that decide held facts; its payload is the workspace.
constexpr std::string_view kSettleTimer = "~settle";

bool IsOwnTimer(std::string_view id) { return id.substr(0, kOwnTimer.size()) == kOwnTimer; }

// Ordered by (offset, index) as text, too, for timers that are due together fire by id.
std::string HeldTimerId(int64_t fact, int32_t index) {
  return fmt::format("{}{:020}/{:011}", kHeldTimer, fact, index + 1);
}

bool ParseHeldTimerId(std::string_view id, int64_t* fact, int32_t* index) {
  if (id.size() != kHeldTimer.size() + 32) return false;
  const char* const begin = id.data() + kHeldTimer.size();
  if (std::from_chars(begin, begin + 20, *fact).ec != std::errc()) return false;
  if (std::from_chars(begin + 21, begin + 32, *index).ec != std::errc()) return false;
  --*index;
  return true;
}

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

Decision Hold(const Fact& fact, const std::string& profile) {
  FactHeld held;
  held.set_profile_id(profile);
  held.set_fact(fact.offset.value());
  held.set_index(fact.index);
  held.set_type(std::string(fact.type));
  held.set_key(std::string(fact.key));
  held.set_value(fact.value.Bytes());
  held.set_appended_at_micros(absl::ToUnixMicros(fact.appended_at));
  held.set_depth(fact.depth);
  held.set_historical(fact.historical);
  held.set_relayed(fact.relayed);
  return Decision::Of(std::move(held));
}

// Views into `held`.
Fact FactOf(const FactHeld& held) {
  Fact fact;
  fact.offset = Offset(held.fact());
  fact.index = held.index();
  fact.type = held.type();
  fact.key = held.key();
  fact.value = Payload(held.value());
  fact.appended_at = absl::FromUnixMicros(held.appended_at_micros());
  fact.depth = held.depth();
  fact.historical = held.historical();
  fact.relayed = held.relayed();
  return fact;
}

Decision DecidedHeld(const FactHeld& held) {
  HeldFactDecided done;
  done.set_profile_id(held.profile_id());
  done.set_fact(held.fact());
  done.set_index(held.index());
  return Decision::Of(std::move(done));
}

bool MissesPieces(const View& view, const std::string& profile) { return view.Contains(kIncomingMoves, {profile}); }

// From the first sign of a merge until all that was held has been decided.
bool IsMoving(const View& view, const std::string& profile) {
  return MissesPieces(view, profile) || view.Contains(kTimers, {profile, std::string(kSettleTimer)});
}

}  // namespace

MovingProcessor::MovingProcessor(std::unique_ptr<MovableProcessor> service, PartitionRef partition,
                                 ProfilePlaces places)
    : service_(std::move(service)), partition_(std::move(partition)), places_(std::move(places)) {}

bool MovingProcessor::Here(std::string_view profile) const {
  return places_.partition_of(profile) == partition_.partition;
}

PartitionRef MovingProcessor::PlaceOf(std::string_view profile) const {
  return {places_.log, places_.partition_of(profile)};
}

Handling MovingProcessor::Handles(std::string_view type) const {
  for (const std::string_view applied :
       {RecordType<ProfilesMerged>(), RecordType<ProfileRowsMoved>(), RecordType<ProfileMoveEnded>()}) {
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
  if (fact.type != RecordType<ProfilesMerged>()) {
    if (const auto profile = service_->ProfileOf(fact); profile.has_value()) {
      keys.Add(kMovePointers, {*profile});
      keys.Add(kIncomingMoves, {*profile});
      keys.Add(kTimers, {*profile, std::string(kSettleTimer)});
    }
  }
  service_->Prefetch(fact, keys);
}

absl::Status MovingProcessor::ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts,
                                        Writer<Kind::kFacts>& out) {
  if (fact.type == RecordType<ProfilesMerged>()) {
    const auto* merged = fact.value.As<ProfilesMerged>();
    if (merged == nullptr || merged->merge_id().empty() || merged->workspace_id().empty() ||
        merged->winner_id().empty() || merged->loser_id().empty() || merged->winner_id() == merged->loser_id()) {
      return absl::InternalError("a profiles_merged is malformed");
    }
    const bool loser_is_here = Here(merged->loser_id());
    const bool winner_is_here = Here(merged->winner_id());
    const auto pointer = facts.Get(kMovePointers, {merged->loser_id()});
    if (pointer != nullptr && pointer->merge_id() != merged->merge_id()) {
      return absl::InternalError("a profiles_merged names a loser that another merge retired");
    }
    if (loser_is_here) {
      storage::v1::MovePointer row;
      row.set_winner_id(merged->winner_id());
      row.set_merge_id(merged->merge_id());
      row.set_workspace_id(merged->workspace_id());
      out.Put(kMovePointers, {merged->loser_id()}, std::move(row));
    }
    if (winner_is_here) AddIncoming(merged->winner_id(), merged->merge_id(), merged->loser_id(), facts, out);
    return service_->ApplyMerge(*merged, loser_is_here, winner_is_here, facts, out);
  }
  if (fact.type == RecordType<ProfileRowsMoved>()) {
    const auto* moved = Mine<ProfileRowsMoved>(fact);
    return moved == nullptr ? absl::OkStatus() : ApplyRows(*moved, facts, out);
  }
  if (fact.type == RecordType<ProfileMoveEnded>()) {
    if (const auto* ended = Mine<ProfileMoveEnded>(fact)) EndIncoming(*ended, facts, out);
    return absl::OkStatus();
  }
  const auto profile = service_->ProfileOf(fact);
  // What names a profile that has lost is the winner's: Decide forwards it.
  if (profile.has_value() && facts.Contains(kMovePointers, {*profile})) return absl::OkStatus();
  return service_->ApplyFact(fact, facts, out);
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
  return service_->Decide(input, view, now);
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
  const auto profile = service_->ProfileOf(fact);
  if (!profile.has_value()) return service_->Decide(fact, view, now);
  if (const auto pointer = view.Get(kMovePointers, {*profile}); pointer != nullptr) {
    Decided decided;
    decided.outputs.push_back(Forwarded(fact, pointer->winner_id()));
    return decided;
  }
  if (!IsMoving(view, *profile)) return service_->Decide(fact, view, now);
  Decided decided;
  if (service_->MustBeHeld(fact)) decided.decisions.push_back(Hold(fact, *profile));
  return decided;
}

// The first part goes at once: most profiles are small.
Decided MovingProcessor::DecideMerge(const ProfilesMerged& merged, const View& view, absl::Time now) {
  if (!Here(merged.loser_id()) || view.Contains(kOutgoingMoves, {merged.loser_id()})) return {};
  ProfileMoveProgressed progress;
  progress.set_merge_id(merged.merge_id());
  progress.set_workspace_id(merged.workspace_id());
  progress.set_loser_id(merged.loser_id());
  progress.set_winner_id(merged.winner_id());
  Decided decided = Continue(std::move(progress), view, now);
  Decided lost = service_->DecideLost(merged, view, now);
  std::move(lost.decisions.begin(), lost.decisions.end(), std::back_inserter(decided.decisions));
  std::move(lost.outputs.begin(), lost.outputs.end(), std::back_inserter(decided.outputs));
  return decided;
}

Decided MovingProcessor::Continue(ProfileMoveProgressed progress, const View& view, absl::Time now) const {
  Decided decided;
  ProfileRowsMoved moved;
  const bool first = progress.cursor().empty();
  if (first) AddTimers(progress.loser_id(), view, &moved, &decided);
  CopiedRows copied = service_->CopyRows(view, progress.workspace_id(), progress.loser_id(), progress.cursor(),
                                         kMaxRowsPerPart, kMaxBytesPerPart);
  const bool ends = !copied.next.has_value() && !MissesPieces(view, progress.loser_id());
  // Unless the end follows at once the winner must hear of the merge before what is forwarded to it comes: its own
  // word of it may be late.
  if (!copied.rows.empty() || moved.timers_size() > 0 || (first && !ends)) {
    moved.set_processor(std::string(name()));
    moved.set_merge_id(progress.merge_id());
    moved.set_workspace_id(progress.workspace_id());
    moved.set_loser_id(progress.loser_id());
    moved.set_winner_id(progress.winner_id());
    for (events::v1::MovedRow& row : copied.rows) *moved.add_rows() = std::move(row);
    decided.outputs.push_back({PlaceOf(progress.winner_id()), std::string(RecordType<ProfileRowsMoved>()),
                               progress.winner_id(), moved.SerializeAsString()});
  }
  if (copied.next.has_value()) {
    progress.set_cursor(*std::move(copied.next));
    // Due already: it fires in the next step, after what came meanwhile.
    decided.decisions.push_back(ArmTimer(progress.loser_id(), std::string(kMoveTimer), now));
  } else {
    progress.clear_cursor();
    progress.set_copied(true);
    // A loser whose own pieces are still on their way hands them on first.
    if (ends) EndMove(&progress, view, &decided);
  }
  decided.decisions.push_back(Decision::Of(std::move(progress)));
  return decided;
}

void MovingProcessor::AddTimers(const std::string& loser, const View& view, ProfileRowsMoved* moved,
                                Decided* decided) const {
  view.Scan(kTimers, std::tuple(loser), [&](const auto& key, const auto& row) {
    const std::string& id = std::get<1>(key);
    if (IsOwnTimer(id)) return true;
    events::v1::TimerArmed* timer = moved->add_timers();
    timer->set_key(loser);
    timer->set_id(id);
    timer->set_due_micros(row->due_micros());
    timer->set_payload(row->payload());
    decided->decisions.push_back(CancelTimer(loser, id));
    return moved->timers_size() < kMaxTimersMoved;
  });
}

void MovingProcessor::EndMove(ProfileMoveProgressed* progress, const View& view, Decided* decided) const {
  // What was to be decided here is decided there.
  view.Scan(kHeldFacts, std::tuple(progress->loser_id()), [&](const auto&, const auto& row) {
    ForwardHeld(row->held(), progress->winner_id(), decided);
    return true;
  });
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

void MovingProcessor::ForwardHeld(const FactHeld& held, const std::string& winner, Decided* decided) const {
  decided->outputs.push_back(Forwarded(FactOf(held), winner));
  decided->decisions.push_back(DecidedHeld(held));
}

Output MovingProcessor::Forwarded(const Fact& fact, const std::string& winner) const {
  Output output = service_->Forward(fact, winner);
  output.to = PlaceOf(winner);
  output.forwards = true;
  return output;
}

Decided MovingProcessor::DecideRows(const ProfileRowsMoved& moved, const View& view, absl::Time now) {
  Decided decided;
  if (const auto pointer = view.Get(kMovePointers, {moved.winner_id()}); pointer != nullptr) {
    // A chain: what comes for one that has lost since goes on, under the name of its own merge, whose end waits for it.
    ProfileRowsMoved onward = moved;
    onward.set_merge_id(pointer->merge_id());
    onward.set_loser_id(moved.winner_id());
    onward.set_winner_id(pointer->winner_id());
    Output output{PlaceOf(pointer->winner_id()), std::string(RecordType<ProfileRowsMoved>()), pointer->winner_id(),
                  onward.SerializeAsString()};
    output.forwards = true;
    decided.outputs.push_back(std::move(output));
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
  if (const auto outgoing = view.Get(kOutgoingMoves, {winner}); outgoing != nullptr) {
    Decided decided;
    ProfileMoveProgressed progress = outgoing->progress();
    if (!progress.copied() || progress.ended()) return decided;
    EndMove(&progress, view, &decided);
    decided.decisions.push_back(Decision::Of(std::move(progress)));
    return decided;
  }
  return Settle(ended.workspace_id(), winner, view, now);
}

Decided MovingProcessor::Settle(const std::string& workspace, const std::string& profile, const View& view,
                                absl::Time now) {
  Decided decided;
  // Each by a timer of its own, so that each sees what was decided of the one before.
  view.Scan(kHeldFacts, std::tuple(profile), [&](const auto& key, const auto&) {
    decided.decisions.push_back(ArmTimer(profile, HeldTimerId(std::get<1>(key), std::get<2>(key)), now));
    return decided.decisions.size() < kMaxHeldPerRound;
  });
  if (decided.decisions.empty()) return service_->DecideWhole(workspace, profile, view, now);
  decided.decisions.push_back(ArmTimer(profile, std::string(kSettleTimer), now, workspace));
  return decided;
}

Decided MovingProcessor::DecideTimer(const DueTimer& timer, const View& view, absl::Time now) {
  if (timer.id == kMoveTimer) {
    const auto outgoing = view.Get(kOutgoingMoves, {timer.key});
    return outgoing == nullptr || outgoing->progress().copied() ? Decided() : Continue(outgoing->progress(), view, now);
  }
  if (timer.id == kSettleTimer) {
    // Another merge has begun meanwhile: its end will ask again. Who has lost hands on what it holds.
    if (MissesPieces(view, timer.key) || view.Contains(kMovePointers, {timer.key})) return {};
    return Settle(timer.payload, timer.key, view, now);
  }
  if (IsOwnTimer(timer.id)) return DecideHeld(timer, view, now);
  // It stays due until the pieces are here, whose end may be all that it waits for.
  if (IsMoving(view, timer.key)) {
    Decided decided;
    decided.decisions.push_back(ArmTimer(timer.key, timer.id, now + absl::Milliseconds(100), timer.payload));
    return decided;
  }
  return service_->Decide(timer, view, now);
}

Decided MovingProcessor::DecideHeld(const DueTimer& timer, const View& view, absl::Time now) {
  int64_t offset = 0;
  int32_t index = 0;
  if (!ParseHeldTimerId(timer.id, &offset, &index)) return {};
  const auto row = view.Get(kHeldFacts, {timer.key, offset, index});
  if (row == nullptr) return {};
  if (MissesPieces(view, timer.key)) return {};
  Decided decided;
  if (const auto pointer = view.Get(kMovePointers, {timer.key}); pointer != nullptr) {
    ForwardHeld(row->held(), pointer->winner_id(), &decided);
    return decided;
  }
  decided = service_->Decide(FactOf(row->held()), view, now);
  // A timer is being decided, and the fact may be far back in the log: a patch needs the bytes that were kept.
  for (Output& output : decided.outputs) {
    if (const auto* patch = std::get_if<FactPatch>(&output.value)) output.value = row->held().value() + patch->patch;
  }
  decided.decisions.push_back(DecidedHeld(row->held()));
  return decided;
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

ProfileMoves MovesOf(const View& view, const std::string& workspace, const std::string& profile) {
  ProfileMoves moves;
  if (const auto pointer = view.Get(kMovePointers, {profile});
      pointer != nullptr && pointer->workspace_id() == workspace) {
    moves.pointer = {pointer->winner_id(), pointer->merge_id()};
  }
  moves.moving = IsMoving(view, profile);
  return moves;
}

bool MoveHasEnded(const View& view, const std::string& merge_id) { return view.Contains(kEndedMoves, {merge_id}); }

}  // namespace tributary::processor
