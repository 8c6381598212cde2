// How batches and relayed records look as log records: what a reader needs to follow every chain and
// every relay without parsing a value stands in headers.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tributary/eventlog/record.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/fact.h"

namespace tributary::processor {

using eventlog::Offset;
using eventlog::PartitionRef;

// OutputPosition as a value that compares; (-1, 0) is "none yet".
struct OutputPlace {
  int64_t batch = -1;
  int32_t index = 0;
  friend auto operator<=>(const OutputPlace&, const OutputPlace&) = default;
};
OutputPlace FromProto(const events::v1::OutputPosition& position);
void ToProto(const OutputPlace& place, events::v1::OutputPosition* position);

events::v1::EffectEnded::Status ToProto(EffectStatus status);
// kUnknown for what this binary does not know.
EffectStatus FromProto(events::v1::EffectEnded::Status status);

// Where a relayed record comes from. `source` names the sequence: processor and its partition.
struct RelayInfo {
  std::string source;
  OutputPlace place;
  OutputPlace previous;
};

struct BatchInfo {
  std::string_view processor;
  uint64_t incarnation = 0;
  uint64_t counter = 0;
  Offset previous{-1};
  // Types of its decisions, comma-separated, each once; empty if there are none.
  std::string_view types;
};

// The headers of one record, parsed. Views into the record.
struct RecordInfo {
  std::optional<BatchInfo> batch;
  std::optional<RelayInfo> relay;
  int32_t depth = 0;
  std::optional<Offset> redrive_of;
};

// DataLoss if a header that must be there is missing or malformed.
absl::StatusOr<RecordInfo> ReadHeaders(const eventlog::Record& record);

// The record of a batch.
eventlog::Record BatchRecord(const events::v1::DecisionBatch& batch);

// The record that relays `output`, the one at `index` of the batch at `batch`. `fact_value` is the value
// of the fact that a patched output names.
eventlog::Record RelayRecord(const events::v1::Output& output, const std::string& source, const OutputPlace& place,
                             std::string_view fact_value);

std::string SourceName(std::string_view processor, const PartitionRef& partition);

}  // namespace tributary::processor
