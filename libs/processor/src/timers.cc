#include "tributary/processor/timers.h"

#include "src/tables.h"

namespace tributary::processor {

std::optional<absl::Time> TimerDue(const projection::View& view, const std::string& key, const std::string& id) {
  const auto row = view.Get(kTimers, {key, id});
  if (row == nullptr) return std::nullopt;
  return absl::FromUnixMicros(row->due_micros());
}

}  // namespace tributary::processor
