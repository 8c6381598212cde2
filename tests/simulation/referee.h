// Judges a finished history: reads the log by the rules of docs/protocol.md alone and says what the state
// must be. Shares no code with the task.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "move_index.h"
#include "sim_channels.h"
#include "sim_log.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/fact.h"

namespace tributary::simulation {

struct TaskName {
  std::string processor;
  PartitionRef partition;
  friend auto operator<=>(const TaskName&, const TaskName&) = default;
  std::string ToString() const { return processor + "|" + partition.ToString(); }
};

struct KeyModel {
  int64_t seen = 0;
  uint64_t seen_hash = 0;
  int64_t sum = 0;
  int64_t noted = 0;
  int64_t watched = 0;
  int64_t ticks = 0;
  bool entered = false;
  uint64_t decided_hash = 0;
};

struct EffectModel {
  std::string channel;
  int attempt = 0;
  uint64_t incarnation = 0;
  bool ended = false;
  events::v1::EffectEnded::Status status = events::v1::EffectEnded::STATUS_UNSPECIFIED;
};

// What a task's state must be after its last valid batch.
struct Model {
  int64_t last_batch = -1;
  int64_t through = -1;
  int64_t decided_at = 0;
  std::map<std::string, KeyModel> keys;
  std::set<std::pair<int64_t, int32_t>> applied;
  std::set<std::pair<int64_t, int32_t>> dead;
  std::map<std::pair<std::string, std::string>, int64_t> timers;
  std::map<std::string, EffectModel> effects;
  std::map<std::pair<std::string, int>, uint64_t> claims;  // (effect, attempt) -> incarnation
  struct Answer {
    events::v1::Reply reply;
    int64_t decided_at;
  };
  std::map<std::string, std::vector<Answer>> replies;
};

// What a task that moves profiles must hold besides.
struct MoveModel {
  struct PieceSeen {
    std::string id;
    std::string profile;
    bool decided;  // by this record, or by one that it is sent on as
  };
  struct Said {
    std::string type;
    std::string profile;
    std::string what;
    std::set<std::string> seen;
  };
  std::map<std::string, std::map<std::string, int64_t>> pieces;    // profile -> id -> amount
  std::map<std::string, std::map<std::string, int64_t>> verdicts;  // profile -> what -> how often
  std::map<std::string, std::string> pointers;                     // loser -> winner
  std::set<std::string> ended;                                     // merges
  std::vector<PieceSeen> records;
  std::vector<Said> said;
  std::set<std::string> timers;                          // every id that was armed
  std::set<std::string> effects;                         // every id that was requested
  std::map<std::string, std::set<std::string>> settled;  // what was there when a profile was found whole last
};

struct AnswerSeen {
  std::string request_id;
  TaskName task;
  processor::Reply reply;
};

struct Verdict {
  std::map<TaskName, Model> models;
  std::map<TaskName, MoveModel> moves;  // of the tasks that move profiles
};

struct RefereeInput {
  const SimLog* log = nullptr;
  std::vector<TaskName> tasks;
  const std::vector<AnswerSeen>* answers = nullptr;
  const std::vector<EffectCallSeen>* calls = nullptr;
  int32_t max_depth = 0;
  const std::vector<Merge>* merges = nullptr;                 // in their order
  const std::map<std::string, MoveIndex>* indexes = nullptr;  // of each mover
  int partitions = 1;
};

// A week later a request id may be used anew.
absl::Status NoteReply(const events::v1::Reply& reply, Model* model);

// An effect is requested, claimed or ended; false if the decision is nothing of that.
absl::StatusOr<bool> PlayEffect(const events::v1::DecisionBatch& batch, const events::v1::Decision& decision,
                                Model* model);

// The models, or what is wrong with the history.
absl::StatusOr<Verdict> Judge(const RefereeInput& input);

// What was put out because of facts up to `position` is in its target, in the log as it is now.
absl::Status CheckRelayedUpTo(const SimLog& log, const TaskName& task, Offset position);
// The valid batch of `task` that answers the request, in the log as it is now; -1 if there is none.
int64_t BatchThatAnswers(const SimLog& log, const TaskName& task, const std::string& request_id);

}  // namespace tributary::simulation
