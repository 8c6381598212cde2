// How records of the journey change the facts' tables.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/events/v1/moves.pb.h"
#include "tributary/projection/table.h"

namespace tributary::profile {

using FactsView = projection::KindView<projection::Kind::kFacts>;
using FactsWriter = projection::Writer<projection::Kind::kFacts>;

// `bytes` are the event's as recorded. Internal: malformed.
absl::Status ApplyEvent(const events::v1::CustomerEvent& event, std::string bytes, int64_t offset,
                        const FactsView& facts, FactsWriter& out);

// Marks the rows of those of the two that live in this partition; again changes nothing.
absl::Status ApplyMerge(const events::v1::ProfilesMerged& merged, bool loser_is_here, bool winner_is_here,
                        const FactsView& facts, FactsWriter& out);

// A row that copy.h made, for `winner`. Idempotent by entry, in any order with events. Internal: malformed.
absl::Status ApplyMovedRow(const events::v1::MovedRow& row, const std::string& workspace, const std::string& winner,
                           const FactsView& facts, FactsWriter& out);

}  // namespace tributary::profile
