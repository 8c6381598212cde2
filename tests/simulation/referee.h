// Judges a finished history: reads the log by the rules of docs/protocol.md alone and says what the state
// must be. Shares no code with the task.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
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
  struct Answer {
    events::v1::Reply reply;
    int64_t decided_at;
  };
  std::map<std::string, std::vector<Answer>> replies;
};

struct AnswerSeen {
  std::string request_id;
  TaskName task;
  processor::Reply reply;
};

struct Verdict {
  std::map<TaskName, Model> models;
};

struct RefereeInput {
  const SimLog* log = nullptr;
  std::vector<TaskName> tasks;
  const std::vector<AnswerSeen>* answers = nullptr;
  const std::vector<EffectCallSeen>* calls = nullptr;
  int32_t max_depth = 0;
};

// The models, or what is wrong with the history.
absl::StatusOr<Verdict> Judge(const RefereeInput& input);

// What was put out because of facts up to `position` is in its target, in the log as it is now.
absl::Status CheckRelayedUpTo(const SimLog& log, const TaskName& task, Offset position);
// The valid batch of `task` that answers the request, in the log as it is now; -1 if there is none.
int64_t BatchThatAnswers(const SimLog& log, const TaskName& task, const std::string& request_id);

}  // namespace tributary::simulation
