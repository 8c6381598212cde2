// What requests about segments and value tiers may say, and the commands that they become. Errors are InvalidArgument
// and name field and mend.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/profile/v1/segment.pb.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

// A rule that was given as text, as message or as both, which must be the same then. `field`: where the message stands,
// e.g. "segment.rule"; the text stands in `field` + "_text".
absl::StatusOr<events::v1::Rule> RuleOf(const std::string& text, const events::v1::Rule* message,
                                        const std::string& field);

// PermissionDenied, reason PERSONAL_FIELD, if the caller's role sees no personal data and the rule (or what is
// measured) looks at some: by many such rules it would learn what it is not shown.
absl::Status CheckMayAsk(const rpc::CallInfo& call, const events::v1::Rule& rule, std::string_view field);
absl::Status CheckMayAsk(const rpc::CallInfo& call, const v1::UpdateSegmentRequest& command);
absl::Status CheckMayAsk(const rpc::CallInfo& call, const v1::UpdateValueTiersRequest& command);

absl::Status CheckSegmentId(const std::string& id, std::string_view field);

// The body of the command: the request for `workspace` with rules as messages and the mask in full, without request_id
// and output-only fields, so that the same call has the same body.
absl::StatusOr<v1::UpdateSegmentRequest> CommandOf(const v1::UpdateSegmentRequest& request,
                                                   const std::string& workspace);
absl::StatusOr<v1::DeleteSegmentRequest> CommandOf(const v1::DeleteSegmentRequest& request,
                                                   const std::string& workspace);
absl::StatusOr<v1::UpdateValueTiersRequest> CommandOf(const v1::UpdateValueTiersRequest& request,
                                                      const std::string& workspace);

// The id behind which to continue a list: "segments", or the segments of a profile, by its id.
absl::StatusOr<std::string> IdPositionOf(std::string_view list, std::string_view page_token);
std::string IdPageToken(std::string_view list, std::string_view last_id);

// Partition, and the id behind which to continue there, in the members of a segment.
using MembersPosition = std::tuple<int32_t, std::string>;
absl::StatusOr<MembersPosition> PositionOf(const v1::ListSegmentMembersRequest& request, int32_t partitions);
std::string PageToken(const v1::ListSegmentMembersRequest& request, const MembersPosition& position);

}  // namespace tributary::profile
