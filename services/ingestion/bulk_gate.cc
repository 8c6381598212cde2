#include "ingestion/bulk_gate.h"

namespace tributary::ingestion {

bool BulkGate::IsOpen(eventlog::Partition partition) {
  State& state = states_[partition.value()];
  const int64_t lag = state.on_their_way + (lag_ ? lag_(partition) : 0);
  state.closed = lag >= (state.closed ? options_.low_water_records : options_.high_water_records);
  return !state.closed;
}

}  // namespace tributary::ingestion
