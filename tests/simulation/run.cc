#include "run.h"

namespace tributary::simulation {
namespace {

PlantedFault InTask(std::string_view name, bool processor::Faults::*flag) {
  PlantedFault fault{name, {}};
  fault.plants.task.*flag = true;
  return fault;
}

PlantedFault InMoves(std::string_view name, bool MoveFaults::*flag) {
  PlantedFault fault{name, {}};
  fault.plants.moves.*flag = true;
  return fault;
}

}  // namespace

Outcome RunSeed(uint64_t seed, const Plants& plants, bool keep_story) {
  World world(seed, plants);
  if (keep_story) world.KeepStory();
  world.Play();
  return {world.failure(), world.trace(), world.story()};
}

const std::vector<PlantedFault>& PlantedFaults() {
  using processor::Faults;
  static const std::vector<PlantedFault> kFaults = {
      InTask("skip_compare_and_set", &Faults::skip_compare_and_set),
      InTask("commit_before_read_back", &Faults::commit_before_read_back),
      InTask("high_water_mark", &Faults::high_water_mark),
      InTask("facts_committed_ahead", &Faults::facts_committed_ahead),
      InTask("timers_outside_segment", &Faults::timers_outside_segment),
      InTask("keep_pending_on_foreign_batch", &Faults::keep_pending_on_foreign_batch),
      InTask("early_reply", &Faults::early_reply),
      InTask("position_as_highest_ack", &Faults::position_as_highest_ack),
      InTask("relay_only_own", &Faults::relay_only_own),
      InTask("claim_without_incarnation", &Faults::claim_without_incarnation),
      InMoves("end_before_last_part", &MoveFaults::end_before_last_part),
      InMoves("held_not_forwarded", &MoveFaults::held_not_forwarded),
      InMoves("late_fact_applied_at_pointer", &MoveFaults::late_fact_applied_at_pointer),
      InMoves("part_applied_at_pointer", &MoveFaults::part_applied_at_pointer),
      InMoves("decided_while_moving", &MoveFaults::decided_while_moving),
      InMoves("timers_copied_not_moved", &MoveFaults::timers_copied_not_moved),
      InMoves("end_not_handed_on", &MoveFaults::end_not_handed_on),
      InMoves("forwards_of_others_taken", &MoveFaults::forwards_of_others_taken),
      InMoves("outcome_not_handed_on", &MoveFaults::outcome_not_handed_on),
  };
  return kFaults;
}

std::optional<Plants> FaultsNamed(std::string_view name) {
  if (name == "none") return Plants();
  for (const PlantedFault& fault : PlantedFaults()) {
    if (fault.name == name) return fault.plants;
  }
  return std::nullopt;
}

}  // namespace tributary::simulation
