// Commands that define segments and value tiers, decided on partition 0 (DESIGN section 5).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tributary/events/v1/segment.pb.h"
#include "tributary/processor/fact.h"
#include "tributary/projection/table.h"

namespace tributary::profile {

inline constexpr std::string_view kUpdateSegment = "update_segment";
inline constexpr std::string_view kDeleteSegment = "delete_segment";
inline constexpr std::string_view kUpdateValueTiers = "update_value_tiers";

// Bodies are those of segment_request.h, whose shape is not looked at again. Accepted, the reply is a DefinitionReply.
// The definition goes to partition 0 itself, from where SpreadDefinition sends it on.
processor::Decided DecideDefinition(const processor::Command& command, const projection::View& view, absl::Time now);

// The definition that is being decided goes from partition 0 to all others, byte for byte.
std::vector<processor::Output> SpreadDefinition(const processor::Fact& fact, int32_t journey_partitions);

}  // namespace tributary::profile
