// What could not be applied, for operators (DESIGN section 11).
#pragma once

#include <functional>
#include <string>

#include "tributary/processor/fact.h"
#include "tributary/projection/store.h"

namespace tributary::processor {

struct DeadLetterInfo {
  Offset offset;
  int32_t index = -1;  // of the decision in another processor's batch; -1 for a record
  std::string type;
  std::string reason;   // machine-readable
  std::string message;  // no personal values
  bool redriven = false;
};

// Visits the dead letters of a task in order of offset until `visit` returns false. Errors of the disk:
// snapshot.status().
void ForEachDeadLetter(projection::Snapshot& snapshot, const std::function<bool(const DeadLetterInfo&)>& visit);

// Has the record at `offset` sent again; for Task::Submit. The reply is a rejection (NO_DEAD_LETTER,
// ALREADY_REDRIVEN) or OK: the record comes through the relay and is applied once.
Command RedriveCommand(std::string request_id, Offset offset);

}  // namespace tributary::processor
