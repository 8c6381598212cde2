// Moves that go wrong on purpose, so that the simulator can show that it sees it.
#pragma once

#include <memory>

#include "mover.h"

namespace tributary::simulation {

// `service` is the one within `mover` and lives as long.
std::unique_ptr<processor::Processor> PlantMoveFaults(std::unique_ptr<processor::MovingProcessor> mover,
                                                      processor::MovableProcessor* service, const MoveFaults& faults);

}  // namespace tributary::simulation
