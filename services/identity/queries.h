// What identity answers from a snapshot of its projection. Holds no identifier's value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/identity/v1/identity.pb.h"
#include "tributary/projection/table.h"
#include "tributary/storage/v1/identity.pb.h"

namespace tributary::identity {

inline constexpr int kMaxListedIdentifiers = 300;
inline constexpr int kMaxListedRetiredIds = 1'000;  // and merges
inline constexpr int32_t kDefaultPageSize = 100;
inline constexpr int32_t kMaxPageSize = 1'000;
// Rows that one page looks at: a filter that fits few of them must not hold up the task whose thread answers. Such a
// page is short, or empty, and has a next one.
inline constexpr int kMaxRowsPerPage = 5'000;

// All: errors of the disk are the snapshot's status(), to be looked at before the answer is used.

struct FoundProfile {
  std::string profile_id;  // the surviving one
  projection::Row<storage::v1::IdentityProfileRow> row;
  // It and all that were merged into it, sorted.
  std::vector<std::string> Ids() const;
};
// Of a present or retired id. NOT_FOUND, reason PROFILE_NOT_FOUND and naming `field`, if the workspace has none.
absl::StatusOr<FoundProfile> FindProfile(const projection::View& view, std::string_view workspace_id,
                                         const std::string& profile_id, std::string_view field = "profile_id");

// The surviving profile of a present or retired id. NOT_FOUND, reason PROFILE_NOT_FOUND, if the workspace has none.
absl::StatusOr<std::string> SurvivorOf(const projection::View& view, std::string_view workspace_id,
                                       const std::string& profile_id);

// As SurvivorOf, with all that is known of it.
absl::StatusOr<v1::IdentityProfile> ReadProfile(const projection::View& view, std::string_view workspace_id,
                                                const std::string& profile_id);

// INVALID_ARGUMENT naming page_size, page_token or reasons, without a look at the projection.
absl::Status CheckListRequest(const v1::ListLinkRefusalsRequest& request);
// `request` has passed the check. NOT_FOUND as SurvivorOf, if it names a profile.
absl::StatusOr<v1::ListLinkRefusalsResponse> ReadRefusals(const projection::View& view, const std::string& workspace_id,
                                                          const v1::ListLinkRefusalsRequest& request);

// As it is answered; `offset` is of the event that carried the identifier.
v1::LinkRefusal ToRefusal(const storage::v1::RefusalRow& row, int64_t offset);

}  // namespace tributary::identity
