#include "run.h"

#include "world.h"

namespace tributary::simulation {

Outcome RunSeed(uint64_t seed, const processor::Faults& faults, bool keep_story) {
  World world(seed, faults);
  if (keep_story) world.KeepStory();
  world.Play();
  return {world.failure(), world.trace(), world.story()};
}

const std::vector<PlantedFault>& PlantedFaults() {
  using processor::Faults;
  static const std::vector<PlantedFault> kFaults = {
      {"skip_compare_and_set", &Faults::skip_compare_and_set},
      {"commit_before_read_back", &Faults::commit_before_read_back},
      {"high_water_mark", &Faults::high_water_mark},
      {"facts_committed_ahead", &Faults::facts_committed_ahead},
      {"timers_outside_segment", &Faults::timers_outside_segment},
      {"keep_pending_on_foreign_batch", &Faults::keep_pending_on_foreign_batch},
      {"early_reply", &Faults::early_reply},
      {"position_as_highest_ack", &Faults::position_as_highest_ack},
      {"relay_only_own", &Faults::relay_only_own},
      {"claim_without_incarnation", &Faults::claim_without_incarnation},
  };
  return kFaults;
}

std::optional<processor::Faults> FaultsNamed(std::string_view name) {
  processor::Faults faults;
  if (name == "none") return faults;
  for (const PlantedFault& fault : PlantedFaults()) {
    if (fault.name != name) continue;
    faults.*fault.flag = true;
    return faults;
  }
  return std::nullopt;
}

}  // namespace tributary::simulation
