#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

void EventLog::ReportPosition(std::string_view /*consumer*/, const PartitionRef& /*ref*/, Offset /*next*/) {}

int32_t PartitionCount(const EventLog& log, std::string_view name) {
  for (const LogSpec& spec : log.logs()) {
    if (spec.name == name) return spec.partitions;
  }
  return 0;
}

}  // namespace tributary::eventlog
