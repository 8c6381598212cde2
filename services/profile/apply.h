// How records of the journey change the facts' tables.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/projection/table.h"

namespace tributary::profile {

using FactsView = projection::KindView<projection::Kind::kFacts>;
using FactsWriter = projection::Writer<projection::Kind::kFacts>;

// `bytes` are the event's as recorded. Internal: malformed.
absl::Status ApplyEvent(const events::v1::CustomerEvent& event, std::string bytes, int64_t offset,
                        const FactsView& facts, FactsWriter& out);

// Both profiles are of this partition. Writes as many rows as the loser has. Internal: malformed, or it contradicts an
// earlier merge.
absl::Status ApplyMerge(const events::v1::ProfilesMerged& merged, const FactsView& facts, FactsWriter& out);

}  // namespace tributary::profile
