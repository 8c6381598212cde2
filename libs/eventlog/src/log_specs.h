// What every implementation asks of the logs that it is told to make.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

// InvalidArgument unless names are lower_snake_case and differ, and counts are 1..kMaxPartitions.
absl::Status ValidateSpecs(const std::vector<LogSpec>& specs);

// The record at offset 0 of every partition.
Record GenesisRecord(const std::string& log_id);

}  // namespace tributary::eventlog
