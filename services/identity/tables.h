// What identity keeps on its partition of `intake`. Ids and keys are part of the format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include "tributary/projection/table.h"
#include "tributary/storage/v1/identity.pb.h"

namespace tributary::identity {

using projection::Kind;

template <Kind K, typename V, typename... Parts>
using TableOf = projection::Table<K, std::tuple<Parts...>, V>;

// (workspace, source, event id)
inline constexpr TableOf<Kind::kFacts, storage::v1::DedupeRow, std::string, std::string, std::string> kDedupe{
    32, "dedupe", projection::Reuse::kUnlikely};
// (SubjectKind, opaque key): subjects of different kinds have each their own use of the same identifier.
inline constexpr TableOf<Kind::kDecisions, storage::v1::IdentifierRow, int32_t, std::string> kIdentifiers{
    33, "identifiers"};
// profile id
inline constexpr TableOf<Kind::kDecisions, storage::v1::IdentityProfileRow, std::string> kProfiles{34, "profiles"};
// (profile id as of the link, opaque key)
inline constexpr TableOf<Kind::kDecisions, storage::v1::ProfileIdentifierRow, std::string, std::string>
    kProfileIdentifiers{35, "profile_identifiers", projection::Reuse::kUnlikely};
// (workspace, offset of the event, index among its refusals)
inline constexpr TableOf<Kind::kDecisions, storage::v1::RefusalRow, std::string, int64_t, int32_t> kRefusals{
    36, "refusals", projection::Reuse::kUnlikely};
// merge id
inline constexpr TableOf<Kind::kDecisions, storage::v1::MergeRow, std::string> kMerges{37, "merges",
                                                                                       projection::Reuse::kUnlikely};
// (opaque key, offset of the event, index among its refusals)
inline constexpr TableOf<Kind::kDecisions, storage::v1::RefusalPlaceRow, std::string, int64_t, int32_t>
    kRefusalsOfIdentifier{38, "refusals_of_identifier", projection::Reuse::kUnlikely};

// DedupeRow.identifier_prefixes. `opaque_key` has 8 bytes or more.
inline uint64_t PrefixOf(std::string_view opaque_key) {
  uint64_t prefix = 0;
  for (size_t i = 0; i < sizeof(prefix); ++i) prefix = prefix << 8 | static_cast<unsigned char>(opaque_key[i]);
  return prefix;
}

}  // namespace tributary::identity
