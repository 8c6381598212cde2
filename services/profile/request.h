// What requests may say: bounds, filters and page tokens. Errors are InvalidArgument and name field and mend.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "profile/affiliations.h"
#include "profile/changes.h"
#include "profile/consents.h"
#include "profile/queries.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

inline constexpr int32_t kDefaultPageSize = 100;
inline constexpr int32_t kMaxPageSize = 1'000;

// The workspace that the call is about: the caller's, which `requested` may repeat. NotFound for another one.
absl::StatusOr<std::string> WorkspaceOf(const rpc::CallInfo& call, const std::string& requested);

absl::Status CheckSelector(const v1::ProfileSelector& selector);

absl::StatusOr<int32_t> PageSize(int32_t requested);

// Page tokens are opaque to clients and hold no personal data; one that was given for other filters is refused.
absl::StatusOr<JourneyQuery> QueryOf(const v1::ListJourneyEntriesRequest& request);
std::string PageToken(const v1::ListJourneyEntriesRequest& request, const JourneyPosition& position);

absl::StatusOr<std::optional<OrderPosition>> PositionOf(const v1::ListOrdersRequest& request);
std::string PageToken(const OrderPosition& position);

// `now` is what an unset `as_of` means.
absl::StatusOr<ConsentQuery> QueryOf(const v1::ListConsentsRequest& request, absl::Time now);
std::string PageToken(const ConsentPosition& position);

// Partition, and the id behind which to continue there.
using ProfilesPosition = std::tuple<int32_t, std::string>;
absl::StatusOr<ProfilesPosition> PositionOf(const v1::ListProfilesRequest& request, int32_t partitions);
std::string PageToken(const ProfilesPosition& position);

// Of what a profile says: where to go on, nothing at first.
absl::StatusOr<std::optional<AffiliationPosition>> StatedByPositionOf(const v1::ListMembershipsRequest& request);
std::string PageToken(const AffiliationPosition& position);
// Of what others say of it: as for profiles.
absl::StatusOr<ProfilesPosition> StatedAboutPositionOf(const v1::ListMembershipsRequest& request, int32_t partitions);
std::string StatedAboutPageToken(const ProfilesPosition& position);
// `now` is what an unset `as_of` means.
absl::StatusOr<absl::Time> MomentOf(const v1::ListMembershipsRequest& request, absl::Time now);

// Nothing if the stream is to begin with the present.
absl::StatusOr<std::optional<WatchPosition>> PositionOf(const v1::WatchProfileRequest& request);
std::string ResumeToken(const WatchPosition& position);

}  // namespace tributary::profile
