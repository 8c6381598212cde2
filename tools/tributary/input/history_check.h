// Can a file be played as a history?
#pragma once

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "input/event_reader.h"

namespace tributary::cli {

// When it reached us, as far as is known: that is the order in which a history is told. InfinitePast for an event
// without a time.
absl::Time ArrivalOf(const events::v1::CustomerEvent& event);

// Reads to the end and gives the sources that events name, "" among them if one names none. Bad lines are passed over:
// they are refused one by one as they are sent. InvalidArgument naming the line, reason NOT_BY_TIME, if an event
// arrives more than `step` before one above it.
absl::StatusOr<std::set<std::string>> CheckHistory(EventReader& reader, absl::Duration step);

}  // namespace tributary::cli
