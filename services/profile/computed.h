// Figures as they are shown: what follows from a summary at a moment. Pure, thread-safe.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "profile/tables.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

v1::Revenue RevenueOf(const storage::v1::CurrencySums& sum);

// `now` is what recency is measured to.
v1::ComputedTraits ComputedOf(const storage::v1::SummaryRow& summary, absl::Time now);

// Stated and computed traits of `profile_id`, a survivor's.
v1::GetTraitsResponse ReadTraits(const projection::View& view, const std::string& profile_id, absl::Time now);

}  // namespace tributary::profile
