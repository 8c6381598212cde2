// Who an identifier belongs to; identity knows.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/events/v1/envelope.pb.h"
#include "tributary/events/v1/identifier.pb.h"

namespace tributary::profile {

struct IdentifierLookup {
  std::string workspace_id;
  events::v1::Identifier identifier;  // as the caller wrote it; type, issuer and value count
  events::v1::SubjectKind subject_kind = events::v1::SUBJECT_KIND_UNSPECIFIED;
  std::string token;    // of an earlier write that is to be seen; empty: none
  absl::Time deadline;  // wall clock
  std::string field;    // where the identifier stands in the request: errors name fields below it
};

struct ResolvedIdentifier {
  std::string profile_id;  // may be one that a merge has retired since
  std::string token;       // with it, reads of the profile see the merges that made it; empty: none did
};

struct ProfileKeysLookup {
  std::string workspace_id;
  std::string profile_id;
  std::string token;    // of an earlier write that is to be seen; empty: none
  absl::Time deadline;  // wall clock
};

// Thread-safe.
class IdentifierResolver {
 public:
  virtual ~IdentifierResolver() = default;
  // Calls `done` once, on any thread, perhaps before it returns. Errors, sent to the caller as they are: NotFound
  // (nobody's), InvalidArgument (no such identifier can be; the token), DeadlineExceeded, Unavailable. Their texts hold
  // no value of an identifier.
  virtual void Resolve(IdentifierLookup lookup, std::function<void(absl::StatusOr<ResolvedIdentifier>)> done) = 0;

  // Opaque keys of the identifiers of a profile and all that were merged into it, at most 300. Errors as above.
  virtual void KeysOf(ProfileKeysLookup lookup, std::function<void(absl::StatusOr<std::vector<std::string>>)> done) = 0;
};

}  // namespace tributary::profile
