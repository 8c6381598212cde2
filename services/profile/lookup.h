// Where a profile is now, whole.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "profile/identifier_resolver.h"
#include "profile/queries.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

// All must outlive the lookups.
struct Places {
  const processor::TaskHost* host = nullptr;
  const processor::ReadGate* read_gate = nullptr;
  int32_t journey_partitions = 0;
  IdentifierResolver* resolver = nullptr;

  // Of profile on a partition of `journey`; null: not served here.
  processor::Task* TaskOf(int32_t partition) const;
  // Calls `done` with a snapshot of the partition in which `token` is visible, or as ReadGate says.
  void Read(int32_t partition, std::string_view token, absl::Time deadline, processor::SnapshotFn done) const;
};

absl::Status NoSuchProfile();

// A profile as of one snapshot. Valid during the call that it is given to.
struct Located {
  projection::Snapshot& snapshot;
  std::string workspace_id;
  FoundProfile profile;
  std::string requested_id;
};
// Looks at the snapshot's status before what it read has consequences.
using LocatedFn = std::function<void(absl::StatusOr<Located>)>;

struct ProfileLookup {
  std::string workspace_id;
  v1::ProfileSelector selector;  // checked: it names a profile
  std::string token;             // of an earlier write that is to be seen; empty: none
  absl::Time deadline;           // wall clock
};

// Calls `done` once, on any thread, perhaps before it returns: with the profile where it is now, whole. A pointer is
// followed to the winner, and who is asked for while pieces are on their way is waited for (DESIGN section 4). Errors,
// sent to the caller as they are: NotFound, InvalidArgument (identifier, token), DeadlineExceeded, Unavailable.
void Locate(const Places& places, ProfileLookup lookup, LocatedFn done);

}  // namespace tributary::profile
