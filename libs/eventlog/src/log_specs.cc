#include "src/log_specs.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "tributary/base/status.h"

namespace tributary::eventlog {
namespace {

bool IsLowerSnakeCase(std::string_view name) {
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= 64 && is_lower(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_lower(c) || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

absl::Status ValidateSpecs(const std::vector<LogSpec>& specs) {
  absl::flat_hash_set<std::string> names;
  for (const LogSpec& spec : specs) {
    if (!IsLowerSnakeCase(spec.name)) {
      return InvalidField("LOG_NAME_INVALID", "logs.name", fmt::format("'{}' is not lower_snake_case", spec.name),
                          "Use a-z, 0-9 and _, at most 64, beginning with a letter.");
    }
    if (!names.insert(spec.name).second) {
      return InvalidField("LOG_NAME_TWICE", "logs.name", fmt::format("'{}' occurs twice", spec.name),
                          "Name each log once.");
    }
    if (spec.partitions < 1 || spec.partitions > kMaxPartitions) {
      return InvalidField("LOG_PARTITIONS_INVALID", "logs.partitions",
                          fmt::format("log '{}' has {} partitions", spec.name, spec.partitions),
                          fmt::format("Choose 1 to {}.", kMaxPartitions));
    }
  }
  return absl::OkStatus();
}

Record GenesisRecord(const std::string& log_id) {
  return Record{.key = "", .type = std::string(kGenesisType), .headers = {}, .value = log_id};
}

}  // namespace tributary::eventlog
