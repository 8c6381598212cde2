// What a service may know of the timers that it has armed.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "tributary/projection/table.h"

namespace tributary::processor {

// When the timer (key, id) is due; nothing if none is armed. While one is being decided it is armed no more.
std::optional<absl::Time> TimerDue(const projection::View& view, const std::string& key, const std::string& id);

}  // namespace tributary::processor
