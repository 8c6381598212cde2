// Playing seeds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "world.h"

namespace tributary::simulation {

struct Outcome {
  std::string failure;  // empty: all was as it must be
  uint64_t trace = 0;   // equal for equal histories
  std::vector<std::string> story;
};

// The same for the same arguments, on every machine.
Outcome RunSeed(uint64_t seed, const Plants& plants, bool keep_story = false);

struct PlantedFault {
  std::string_view name;
  Plants plants;
};
const std::vector<PlantedFault>& PlantedFaults();
// The faults of that name; all off for "none"; nothing if there is no such fault.
std::optional<Plants> FaultsNamed(std::string_view name);

}  // namespace tributary::simulation
