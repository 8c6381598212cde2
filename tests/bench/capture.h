// What a processor reads and writes for given facts, so that the raw baseline can do exactly that.
#pragma once

#include <memory>
#include <vector>

#include "raw_rocks.h"
#include "tributary/eventlog/record.h"
#include "tributary/processor/processor.h"

namespace tributary::bench {

// Applies and decides the records in segments of `facts_per_segment`, in memory, and returns each segment's
// prefetched keys and final rows.
std::vector<RawSegment> Capture(processor::Processor& processor, const std::vector<eventlog::Record>& records,
                                size_t facts_per_segment);

}  // namespace tributary::bench
