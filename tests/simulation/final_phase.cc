// The end of a seed: faults stop, one decider per task runs until nothing is left to do, and everything is
// compared with what the log says.
#include <algorithm>
#include <utility>

#include "sim_processor.h"
#include "tributary/base/status.h"
#include "world.h"

namespace tributary::simulation {
namespace {

constexpr int kMostMoves = 100'000;

}  // namespace

void World::Finish() {
  calm_ = true;
  Tell("faults stop");
  while (random_.Chance(50) && log_->LoseLate()) {
  }
  log_->StopFaults();
  for (const auto& [partition, merges] : untold_) {
    while (TellMergeTo(partition)) {
    }
  }
  ChooseDeciders();
  if (failure_.empty() && RunUntilQuiet()) CheckEnd();
  if (failure_.empty() && random_.Chance(5)) CheckUnknownHalts();
}

void World::ChooseDeciders() {
  for (size_t i = 0; i < slots_.size(); ++i) {
    auto& replicas = slots_[i].replicas;
    const size_t decider = random_.Below(replicas.size());
    for (size_t j = 0; j < replicas.size(); ++j) {
      Replica& replica = replicas[j];
      const bool standby = j != decider;
      const bool stays = replica.process != nullptr && !replica.process->dying && replica.process->standby == standby &&
                         random_.Chance(70);
      if (!stays) Crash(replica);
      if (replica.process == nullptr) Start(i, replica, standby);
      if (replica.process != nullptr) replica.process->dies_after = -1;
    }
  }
}

// As TaskHost does it: who is neither woken nor due is not stepped. True when all is quiet.
bool World::RunUntilQuiet() {
  for (int i = 0; i < kMostMoves; ++i) {
    bool quiet = true;
    const bool moved = Move(&quiet);
    if (!failure_.empty()) return false;
    if (moved) continue;
    const absl::Duration next = NextDeadline();
    if (quiet) return true;
    if (next == absl::InfiniteDuration()) {
      Fail(fmt::format("there is work but nobody is to be woken: {}", WhoIsBusy()));
      return false;
    }
    elapsed_ = std::max(elapsed_ + absl::Microseconds(1), next);
  }
  Fail(fmt::format("no end: {}", WhoIsBusy()));
  return false;
}

std::string World::WhoIsBusy() const {
  std::string who;
  for (const Slot& slot : slots_) {
    for (const Replica& replica : slot.replicas) {
      const processor::Task& task = *replica.process->task;
      if (task.Quiet() && (replica.process->standby || task.NextTimer() == absl::InfiniteFuture())) continue;
      who += fmt::format("process {} ({}{}) ", replica.process->number, slot.name.ToString(),
                         replica.process->standby ? ", standing by" : "");
    }
  }
  for (const Request& request : requests_) {
    if (request.open > 0) who += fmt::format("request {} of {} ", request.id, slots_[request.slot].name.ToString());
  }
  return who;
}

absl::Duration World::NextDeadline() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const Slot& slot : slots_) {
    for (const Replica& replica : slot.replicas) next = std::min(next, replica.process->step_at);
  }
  return next;
}

bool World::Move(bool* quiet) {
  bool moved = false;
  for (size_t i = 0; i < slots_.size(); ++i) {
    for (Replica& replica : slots_[i].replicas) {
      Process& process = *replica.process;
      if (!process.woken && process.step_at > elapsed_) continue;
      StepProcess(i, replica);
      if (!failure_.empty()) return false;
      moved = moved || process.woken || process.step_at <= elapsed_;
    }
  }
  if (random_.Chance(20)) moved = log_->LandLate() || moved;
  moved = log_->Land() || moved;
  moved = log_->Acknowledge() || moved;
  moved = outside_.Finish() || moved;
  if (!log_->Idle()) moved = true;
  if (moved) return true;
  for (size_t i = 0; i < requests_.size(); ++i) {
    const bool answered = std::any_of(answers_.begin(), answers_.end(),
                                      [&](const AnswerSeen& seen) { return seen.request_id == requests_[i].id; });
    if (answered) continue;
    *quiet = false;
    if (requests_[i].open > 0) continue;
    Submit(i);
    moved = moved || requests_[i].open > 0;  // else it was refused: time must pass
  }
  for (const Slot& slot : slots_) {
    for (const Replica& replica : slot.replicas) {
      const processor::Task& task = *replica.process->task;
      if (!task.Quiet() || (!replica.process->standby && task.NextTimer() < absl::InfiniteFuture())) *quiet = false;
    }
  }
  return moved;
}

void World::CheckEnd() {
  for (auto& [mover, index] : indexes_) index.Update();
  std::vector<TaskName> tasks;
  for (const Slot& slot : slots_) tasks.push_back(slot.name);
  const absl::StatusOr<Verdict> verdict = Judge({.log = log_.get(),
                                                 .tasks = std::move(tasks),
                                                 .answers = &answers_,
                                                 .calls = &outside_.calls(),
                                                 .max_depth = mood_.max_depth,
                                                 .merges = &merges_,
                                                 .indexes = &indexes_,
                                                 .partitions = mood_.partitions});
  if (!verdict.ok()) return Fail(fmt::format("referee: {}", FromAbsl(verdict.status().message())));
  CheckReplicas(*verdict);
  for (const auto& [mover, index] : indexes_) {
    for (int i = 0; i < mood_.profiles && failure_.empty(); ++i) {
      LookAt(mover, fmt::format("p{}", i), /*at_deciders=*/true);
    }
  }
}

void World::CheckReplicas(const Verdict& verdict) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Model& model = verdict.models.at(slots_[i].name);
    for (const Replica& replica : slots_[i].replicas) {
      const processor::Task& task = *replica.process->task;
      const processor::TaskStatus status = task.status();
      if (status.last_batch.value() != model.last_batch || status.through.value() != model.through) {
        return Fail(fmt::format("process {} stands at L={} T={}, the log at L={} T={}", replica.process->number,
                                status.last_batch.value(), status.through.value(), model.last_batch, model.through));
      }
      if (status.open_holes > 0) return Fail(fmt::format("process {} has an open hole", replica.process->number));
      if (const auto moves = verdict.moves.find(slots_[i].name); moves != verdict.moves.end()) {
        CheckMoveTables(task, slots_[i].name.ToString(), moves->second);
      } else {
        CheckTables(i, task, model);
      }
    }
    CheckRebuild(i);
  }
}

void World::CheckTables(size_t slot, const processor::Task& task, const Model& model) {
  const auto snapshot = task.TakeSnapshot();
  const projection::View view = snapshot->view();
  const std::string name = slots_[slot].name.ToString();
  for (const auto& [key, state] : model.keys) {
    v1::FactsRow facts;
    v1::KeyRow decided;
    v1::CacheRow summary;
    if (const auto row = view.Get(kFacts, {key})) facts = *row;
    if (const auto row = view.Get(kKeys, {key})) decided = *row;
    if (const auto row = view.Get(kSummary, {key})) summary = *row;
    if (facts.count() != state.seen || facts.hash() != state.seen_hash || facts.sum() != state.sum) {
      return Fail(fmt::format("{}: key {} has {} facts, the log says {}", name, key, facts.count(), state.seen));
    }
    if (decided.noted() != state.noted || decided.watched() != state.watched || decided.ticks() != state.ticks ||
        decided.entered() != state.entered || decided.hash() != state.decided_hash) {
      return Fail(fmt::format("{}: the decisions of key {} are not those of the log", name, key));
    }
    if (summary.seen() != facts.count() || summary.noted() != decided.noted() ||
        summary.hash() != Mix(facts.hash(), decided.hash())) {
      return Fail(fmt::format("{}: the cache of key {} does not follow from its tables", name, key));
    }
  }
  size_t applied = 0;
  view.Scan(kApplied, std::tuple<>(), [&](const auto& key, const auto& row) {
    if (row->count() != 1 || !model.applied.contains({std::get<0>(key), std::get<1>(key)})) {
      Fail(fmt::format("{}: the fact at {}#{} was applied {} times", name, std::get<0>(key), std::get<1>(key),
                       row->count()));
    }
    ++applied;
    return true;
  });
  if (applied != model.applied.size())
    Fail(fmt::format("{}: {} facts applied of {}", name, applied, model.applied.size()));
  view.Scan(kNotes, std::tuple<>(), [&](const auto& key, const auto& row) {
    if (row->count() != 1)
      Fail(fmt::format("{}: the fact at {} was noted {} times", name, std::get<0>(key), row->count()));
    return true;
  });
  view.Scan(kEnds, std::tuple<>(), [&](const auto& key, const auto& row) {
    if (row->count() != 1) Fail(fmt::format("{}: the end of effect {} was decided twice", name, std::get<0>(key)));
    return true;
  });
}

// From front to back into an empty store, by a binary that would decide otherwise.
void World::CheckRebuild(size_t slot) {
  Replica rebuilt;
  Start(slot, rebuilt, /*standby=*/true);
  if (!failure_.empty()) return;
  for (int i = 0; i < kMostMoves && failure_.empty(); ++i) {
    StepProcess(slot, rebuilt);
    if (rebuilt.process->task->Quiet() && !rebuilt.process->woken) break;
  }
  if (!failure_.empty()) return;
  const auto expected = rebuilt.process->task->TakeSnapshot()->ComputeDigest();
  for (const Replica& replica : slots_[slot].replicas) {
    const auto live = replica.process->task->TakeSnapshot()->ComputeDigest();
    const std::string who = fmt::format("process {} ({})", replica.process->number, slots_[slot].name.ToString());
    if (!live.ok() || !expected.ok()) return Fail("a digest cannot be computed");
    if (live->facts_and_decisions != expected->facts_and_decisions) Fail(who + " differs from a rebuild");
    if (live->caches != expected->caches) Fail(who + ": caches differ from a rebuild");
  }
  Crash(rebuilt);
}

// An old binary must not step over a new kind of fact.
void World::CheckUnknownHalts() {
  log_->AppendNow({"journey", Partition(0)}, {.key = "k", .type = std::string(kUnknownType), .value = ""});
  for (Slot& slot : slots_) {
    if (slot.name.partition.partition != Partition(0)) continue;
    for (Replica& replica : slot.replicas) {
      for (int i = 0; i < 50 && replica.process->task->Step().kind != processor::Progress::Kind::kHalted; ++i) {
      }
      if (!absl::IsFailedPrecondition(replica.process->task->status().halted)) {
        Fail(fmt::format("process {} did not halt at an unknown type", replica.process->number));
      }
    }
  }
}

}  // namespace tributary::simulation
