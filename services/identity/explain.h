// Why two are one profile, or why not, and what became of an identifier: from a snapshot of the projection. Holds no
// identifier's value.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tributary/identity/v1/identity.pb.h"
#include "tributary/projection/table.h"

namespace tributary::identity {

inline constexpr int kMaxExplainedNodes = 10'000;
inline constexpr int kMaxExplainedRefusals = 100;
inline constexpr int kMaxHistoryRefusals = 1'000;

// A profile, or an identifier by its key.
struct Asked {
  std::string field;       // where it stands in the caller's request: errors name it
  std::string profile_id;  // empty: `identifier` counts
  events::v1::IdentifierKey identifier;
  events::v1::SubjectKind subject_kind = events::v1::SUBJECT_KIND_PERSON;  // of the identifier
};

// Both: errors of the disk are the snapshot's status(), to be looked at before the answer is used.

// NOT_FOUND, reason PROFILE_NOT_FOUND or IDENTIFIER_NOT_FOUND, if either is neither of a profile of the workspace nor
// in a refusal. RESOURCE_EXHAUSTED, reason TOO_MUCH_EVIDENCE, if a profile's identifiers and ids are more than
// `max_nodes`.
absl::StatusOr<v1::ExplainResponse> ReadExplanation(const projection::View& view, const std::string& workspace_id,
                                                    const Asked& a, const Asked& b, int max_nodes = kMaxExplainedNodes);

// `asked` by its identifier. NOT_FOUND as above.
absl::StatusOr<v1::GetIdentifierHistoryResponse> ReadHistory(const projection::View& view,
                                                             const std::string& workspace_id, const Asked& asked);

}  // namespace tributary::identity
