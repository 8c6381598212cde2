#include "tributary/base/partitioning.h"

#include "xxhash.h"

namespace tributary {

int32_t JourneyPartitionOf(std::string_view profile_id, int32_t partitions) {
  return static_cast<int32_t>(XXH3_64bits(profile_id.data(), profile_id.size()) % static_cast<uint64_t>(partitions));
}

}  // namespace tributary
