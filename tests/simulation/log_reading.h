// What a log says by rules 1 and 18 of docs/protocol.md, read without the task's code.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "sim_log.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/decision_batch.pb.h"

namespace tributary::simulation {

using Place = std::pair<int64_t, int32_t>;  // of an output: batch offset, index

template <typename... Args>
absl::Status Wrong(fmt::format_string<Args...> text, Args&&... args) {
  return absl::InternalError(fmt::format(text, std::forward<Args>(args)...));
}

#define REFEREE_EXPECT(condition, ...)           \
  do {                                           \
    if (!(condition)) return Wrong(__VA_ARGS__); \
  } while (false)

Place ParsePlace(std::string_view text);
// The number in that header, or `otherwise` if there is none.
int64_t NumberOf(const eventlog::Record& record, std::string_view header, int64_t otherwise);

// Rule 17: which relayed records of a partition are applied, read in order.
class Origins {
 public:
  // True for what was not relayed, too.
  bool Takes(const eventlog::Record& record);

 private:
  std::map<std::string, Place> tips_;
};

struct RelayedRecord {
  Place place;
  const eventlog::StoredRecord* record;
};

// Pointers are into the log.
struct PartitionReading {
  std::map<std::string, std::vector<std::pair<int64_t, events::v1::DecisionBatch>>> chains;  // valid batches, in order
  std::map<std::string, std::vector<RelayedRecord>> relayed;                                 // applied, by source
  std::vector<const eventlog::StoredRecord*> records;  // external ones and applied ones, in order
};

absl::StatusOr<PartitionReading> ReadPartition(const std::vector<eventlog::RecordPtr>& records);

}  // namespace tributary::simulation
