// Which partition something belongs to, where writer and readers must agree for ever.
#pragma once

#include <cstdint>
#include <string_view>

namespace tributary {

// The partition of `journey` that holds a profile's customer journey, in [0, partitions): xxh3-64 of the id
// modulo `partitions`, the number that the log was created with (> 0). Part of the format: the same in every
// release. Pure, thread-safe.
int32_t JourneyPartitionOf(std::string_view profile_id, int32_t partitions);

}  // namespace tributary
