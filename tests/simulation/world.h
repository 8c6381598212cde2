// Processes, their disks and clocks, their clients, and the faults that befall them; one seed, one thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mover.h"
#include "referee.h"
#include "sim_channels.h"
#include "sim_log.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/processor/task.h"

namespace tributary::simulation {

// A machine's clock: wrong by some, running a little fast or slow, sometimes set back.
class SimClock final : public Clock {
 public:
  SimClock(absl::Duration* elapsed, const absl::Duration* leap) : elapsed_(elapsed), leap_(leap) {}
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
  void Step(absl::Duration by) { offset_ += by; }
  void SetDrift(int64_t per_mille) { drift_per_mille_ = per_mille; }

 private:
  absl::Duration* const elapsed_;     // true time; each look at it takes some
  const absl::Duration* const leap_;  // of everybody's calendar
  absl::Duration offset_ = absl::ZeroDuration();
  int64_t drift_per_mille_ = 0;
};

// Numbers of one seed, drawn once: each seed stresses something else.
struct Mood {
  int partitions = 2;
  bool beta = true;
  int replicas = 2;
  int actions = 600;
  int facts = 30;
  int commands = 10;
  int32_t max_depth = 4;
  int buffered_records = 0;  // 0: the default
  bool digests = false;
  bool week_passes = false;
  bool moves = false;        // movers on every partition, instead of alpha and beta
  bool other_mover = false;  // two of them on each
  int profiles = 0;
  // Weights of what may happen next.
  int step = 60, land = 25, acknowledge = 20, fail_session = 1, late = 3, lose = 1, crash = 1, start = 4, clock = 4,
      fact = 6, command = 3, effect = 4, wait = 5, merge = 0, tell_merge = 0, look = 0;
};

struct Process {
  int number = 0;
  bool dying = false;   // nothing of it reaches anybody any more
  int dies_after = -1;  // so many things it does to others
  bool standby = false;
  bool woken = true;
  absl::Duration step_at = absl::ZeroDuration();
  std::unique_ptr<SimClock> clock;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<eventlog::EventLog> log;
  std::unique_ptr<processor::EffectChannels> channels;
  std::unique_ptr<processor::Processor> processor;
  std::unique_ptr<processor::Task> task;
};

struct Replica {
  std::shared_ptr<projection::Store> store;
  std::unique_ptr<Process> process;
};

struct Slot {
  TaskName name;
  std::vector<Replica> replicas;
};

struct Request {
  std::string id;
  size_t slot = 0;
  std::string type;
  std::string body;
  int open = 0;  // submissions without an answer
};

// Faults that are planted on purpose.
struct Plants {
  processor::Faults task;
  MoveFaults moves;
};

// Throws nothing, prints nothing; the first thing that goes wrong is kept in failure().
class World {
 public:
  World(uint64_t seed, const Plants& plants);
  ~World();
  // Plays the seed to its end and has the referee judge.
  void Play();
  const std::string& failure() const { return failure_; }
  uint64_t trace() const { return Mix(trace_, log_->Hash()); }
  // What happened, line by line; empty unless `keep` was called first.
  void KeepStory() { keep_story_ = true; }
  const std::vector<std::string>& story() const { return story_; }
  const Mood& mood() const { return mood_; }

 private:
  // world.cc
  void Act();
  void TellLog();
  void StartSomeProcess();
  void Start(size_t slot, Replica& replica, bool standby);
  processor::TaskOptions DrawOptions(const Slot& slot, bool standby);
  void StepSome();
  void StepProcess(size_t slot, Replica& replica);
  void CrashSome();
  void Crash(Replica& replica);
  void MoveClocks();
  void AppendFact();
  void SendCommand();
  void Submit(size_t request);
  void Answered(size_t request, absl::StatusOr<processor::Reply> reply);
  void WaitForSomething();
  void NoteDigest(size_t slot, Replica& replica);
  void Fail(std::string what);
  void Tell(std::string what);
  Replica* SomeReplica(size_t* slot);

  // world_moves.cc
  void AppendPiece();
  void MergeSome();
  void TellMerge();
  bool TellMergeTo(const PartitionRef& partition);
  void LookAtSomeProfile();
  void LookAt(const std::string& mover, std::string profile, bool at_deciders);
  const Replica* SomeReplicaOf(const std::string& mover, const std::string& profile, bool decider);
  void CheckMarkIsVisible(size_t slot, const Replica& replica, const AnswerSeen& answer);
  void CheckMoveTables(const processor::Task& task, const std::string& name, const MoveModel& model);
  std::string SurvivorOf(std::string profile) const;

  // final_phase.cc
  void Finish();
  void ChooseDeciders();
  bool RunUntilQuiet();
  bool Move(bool* quiet);
  absl::Duration NextDeadline() const;
  std::string WhoIsBusy() const;
  void CheckEnd();
  void CheckReplicas(const Verdict& verdict);
  void CheckTables(size_t slot, const processor::Task& task, const Model& model);
  void CheckRebuild(size_t slot);
  void CheckUnknownHalts();

  SeededRandom random_;
  const Plants plants_;
  Mood mood_;
  absl::Duration elapsed_ = absl::ZeroDuration();
  absl::Duration leap_ = absl::ZeroDuration();
  std::unique_ptr<SimLog> log_;
  SimOutside outside_;
  std::vector<Slot> slots_;
  std::vector<Request> requests_;
  std::vector<AnswerSeen> answers_;
  std::vector<int64_t> malformed_;  // offsets, in some partition, for re-drives
  std::map<std::string, std::string> digests_;
  std::vector<Merge> merges_;
  std::map<PartitionRef, std::deque<Merge>> untold_;  // each partition hears of its merges in their order
  std::map<std::string, MoveIndex> indexes_;          // of each mover
  int next_process_ = 1;
  int next_fact_ = 1;
  bool calm_ = false;
  std::string failure_;
  uint64_t trace_ = 0;
  bool keep_story_ = false;
  std::vector<std::string> story_;
};

}  // namespace tributary::simulation
