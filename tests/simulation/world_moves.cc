// Profiles that merge: facts about them, the word of their merges, and who reads them meanwhile.
#include <algorithm>
#include <set>
#include <utility>

#include "world.h"

namespace tributary::simulation {

std::string World::SurvivorOf(std::string profile) const {
  for (const Merge& merge : merges_) {
    if (merge.loser == profile) profile = merge.winner;
  }
  return profile;
}

// Mostly of the survivor, now and then of one that has lost.
void World::AppendPiece() {
  v1::Piece piece;
  piece.set_id(fmt::format("f{}", next_fact_++));
  piece.set_profile_id(fmt::format("p{}", random_.Below(static_cast<uint64_t>(mood_.profiles))));
  if (random_.Chance(60)) piece.set_profile_id(SurvivorOf(piece.profile_id()));
  piece.set_amount(1 + static_cast<int64_t>(random_.Below(100)));
  piece.set_quiet(random_.Chance(20));
  piece.set_malformed(random_.Chance(5));
  log_->AppendNow({"journey", PartitionOfProfile(piece.profile_id(), mood_.partitions)},
                  {.key = piece.profile_id(), .type = std::string(kPiece), .value = piece.SerializeAsString()});
}

// Two survivors become one; their partitions hear of it later, each for itself.
void World::MergeSome() {
  std::vector<std::string> alive;
  for (int i = 0; i < mood_.profiles; ++i) {
    std::string profile = fmt::format("p{}", i);
    if (SurvivorOf(profile) == profile) alive.push_back(std::move(profile));
  }
  if (alive.size() < 2) return;
  const size_t loser = random_.Below(alive.size());
  const size_t winner = (loser + 1 + random_.Below(alive.size() - 1)) % alive.size();
  const Merge merge{fmt::format("m{}", merges_.size()), alive[loser], alive[winner]};
  merges_.push_back(merge);
  Tell(fmt::format("{} loses to {}", merge.loser, merge.winner));
  std::set<PartitionRef> partitions;
  for (const std::string& profile : {merge.loser, merge.winner}) {
    partitions.insert({"journey", PartitionOfProfile(profile, mood_.partitions)});
  }
  for (const PartitionRef& partition : partitions) untold_[partition].push_back(merge);
}

void World::TellMerge() {
  if (untold_.empty()) return;
  TellMergeTo(std::next(untold_.begin(), static_cast<std::ptrdiff_t>(random_.Below(untold_.size())))->first);
}

bool World::TellMergeTo(const PartitionRef& partition) {
  std::deque<Merge>& merges = untold_[partition];
  if (merges.empty()) return false;
  events::v1::ProfilesMerged merged;
  merged.set_merge_id(merges.front().id);
  merged.set_workspace_id(std::string(kWorkspace));
  merged.set_loser_id(merges.front().loser);
  merged.set_winner_id(merges.front().winner);
  merges.pop_front();
  // Now and then twice: the merge is known by its id.
  for (int copies = random_.Chance(8) ? 2 : 1; copies > 0; --copies) {
    log_->AppendNow(partition, {.key = merged.winner_id(),
                                .type = std::string(processor::RecordType<events::v1::ProfilesMerged>()),
                                .value = merged.SerializeAsString()});
  }
  return true;
}

const Replica* World::SomeReplicaOf(const std::string& mover, const std::string& profile, bool decider) {
  const PartitionRef home{"journey", PartitionOfProfile(profile, mood_.partitions)};
  for (const Slot& slot : slots_) {
    if (slot.name.processor != mover || slot.name.partition != home) continue;
    std::vector<const Replica*> running;
    for (const Replica& replica : slot.replicas) {
      if (replica.process != nullptr && !(decider && replica.process->standby)) running.push_back(&replica);
    }
    return running.empty() ? nullptr : running[random_.Below(running.size())];
  }
  return nullptr;
}

void World::LookAtSomeProfile() {
  const auto mover = std::next(indexes_.begin(), static_cast<std::ptrdiff_t>(random_.Below(indexes_.size())));
  LookAt(mover->first, fmt::format("p{}", random_.Below(static_cast<uint64_t>(mood_.profiles))), /*at_deciders=*/false);
}

// As a read does: a pointer leads to the winner, which answers once that merge has ended there and nothing is on its
// way. Then each merge is seen in whole or not at all. In the end there is nothing to wait for.
void World::LookAt(const std::string& mover, std::string profile, bool at_deciders) {
  MoveIndex& index = indexes_.at(mover);
  index.Update();
  std::vector<std::string> path;
  std::string awaited;
  for (;;) {
    const Replica* replica = SomeReplicaOf(mover, profile, at_deciders);
    if (replica == nullptr) return;
    const auto snapshot = replica->process->task->TakeSnapshot();
    const projection::View view = snapshot->view();
    const processor::ProfileMoves moves = processor::MovesOf(view, std::string(kWorkspace), profile);
    const bool waits =
        (!awaited.empty() && !processor::MoveHasEnded(view, awaited)) || (moves.moving && !moves.pointer.has_value());
    if (waits && at_deciders) Fail(fmt::format("a read of {} waits for ever", profile));
    if (waits) return;
    path.push_back(profile);
    if (moves.pointer.has_value()) {
      awaited = moves.pointer->merge_id;
      profile = moves.pointer->winner_id;
      continue;
    }
    std::set<std::string> seen;
    view.Scan(kPieces, std::tuple(profile), [&](const auto& key, const auto&) {
      seen.insert(std::get<1>(key));
      return true;
    });
    path.pop_back();
    absl::Status whole = index.CheckWhole(profile, seen, merges_);
    for (const std::string& loser : path) {
      if (whole.ok()) whole = index.CheckAllOf(loser, seen, merges_);
    }
    if (at_deciders && whole.ok() && profile != SurvivorOf(profile)) Fail(fmt::format("{} has no pointer", profile));
    if (!whole.ok()) Fail(fmt::format("a read of {}: {}", profile, whole.ToString()));
    return;
  }
}

// Who was told an answer finds it wherever the batch that holds it is visible.
void World::CheckMarkIsVisible(size_t slot, const Replica& replica, const AnswerSeen& answer) {
  v1::Verdict mark;
  if (answer.task != slots_[slot].name || answer.reply.code != absl::StatusCode::kOk ||
      !mark.ParseFromString(answer.reply.body)) {
    return;
  }
  const int64_t batch = BatchThatAnswers(*log_, answer.task, answer.request_id);
  if (batch < 0) return Fail(fmt::format("request {} was answered but no valid batch holds it", answer.request_id));
  replica.process->task->WhenVisible(
      Offset(batch), absl::InfiniteFuture(),
      [this, mark, id = answer.request_id](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) {
        if (!snapshot.ok() || (*snapshot)->view().Contains(kVerdicts, {mark.profile_id(), mark.what()})) return;
        Fail(fmt::format("request {} is not found where its batch is visible", id));
      });
}

// Rows of those who lost are here, too: as they were.
void World::CheckMoveTables(const processor::Task& task, const std::string& name, const MoveModel& model) {
  const auto snapshot = task.TakeSnapshot();
  const projection::View view = snapshot->view();
  std::map<std::string, std::map<std::string, int64_t>> pieces;
  view.Scan(kPieces, std::tuple<>(), [&](const auto& key, const auto& row) {
    pieces[std::get<0>(key)][std::get<1>(key)] = row->amount();
    return true;
  });
  if (pieces != model.pieces) Fail(fmt::format("{}: the facts are not those of the log", name));
  std::map<std::string, std::map<std::string, int64_t>> verdicts;
  view.Scan(kVerdicts, std::tuple<>(), [&](const auto& key, const auto& row) {
    verdicts[std::get<0>(key)][std::get<1>(key)] = row->count();
    return true;
  });
  if (verdicts != model.verdicts) Fail(fmt::format("{}: the verdicts are not those of the log", name));
  for (const auto& [loser, winner] : model.pointers) {
    const auto moves = processor::MovesOf(view, std::string(kWorkspace), loser);
    if (!moves.pointer.has_value() || moves.pointer->winner_id != winner) {
      Fail(fmt::format("{}: {} has no pointer to {}", name, loser, winner));
    }
  }
  for (const std::string& merge : model.ended) {
    if (!processor::MoveHasEnded(view, merge)) Fail(fmt::format("{}: merge {} has not ended", name, merge));
  }
}

}  // namespace tributary::simulation
