// Judges what merges left behind: as referee.h, for the tasks that move profiles.
#pragma once

#include <map>

#include "absl/status/statusor.h"
#include "log_reading.h"
#include "referee.h"

namespace tributary::simulation {

// Plays the records and the valid batches of one task.
absl::StatusOr<Model> ReplayMoves(const TaskName& task, const RefereeInput& input, const PartitionReading& reading,
                                  MoveModel* moves);

// Of one mover over all partitions: no move is open; each survivor holds every fact of all that were merged into it,
// and each fact, timer and command was decided once in the whole, on a state that was whole.
absl::Status CheckMoves(const std::string& mover, const std::map<TaskName, MoveModel>& moves,
                        const RefereeInput& input);

}  // namespace tributary::simulation
