// A store without a disk: what the simulator opens and drops by the thousand.
#pragma once

#include <memory>

#include "src/row_store.h"

namespace tributary::projection {

std::shared_ptr<Store> MakeMemoryStore();

}  // namespace tributary::projection
