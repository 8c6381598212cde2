// What is to be told of a profile to somebody who was told of it before. Functions over a view, as in queries.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/time/time.h"
#include "profile/queries.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

// Up to where a reader was told: profile id, the offset in its partition of `journey` through which it knows the
// entries, and a fingerprint of the ids that were merged into the profile. What a resume token holds.
using WatchPosition = std::tuple<std::string, int64_t, uint64_t>;

struct Watch {
  // What is asked for.
  std::string workspace_id;
  std::string requested_id;
  int32_t partition = 0;  // of the profile, for tokens
  bool entries = false;
  bool traits = false;
  // Bounds of one answer; of the entries at one offset (an amendment and what it amends) all are told.
  int32_t max_entries = 100;
  size_t max_bytes = 1 << 20;

  // What was told.
  std::string profile_id;               // surviving
  std::optional<WatchPosition> resume;  // before the first answer: where an earlier stream was
  bool started = false;                 // the first answer was given
  std::string merged_into;              // the winner, if that is to be told
  int64_t through = -1;
  uint64_t merged = 0;
  uint64_t figures = 0;
  std::vector<std::string> segments;  // sorted
};

struct Change {
  v1::WatchProfileResponse response;
  bool more = false;  // there is more to tell at once
};

// What has changed since the last call, or the present state at first; nothing if nothing has. Updates `watch`. The
// profile is there, and whole. `now`: of computed traits.
std::optional<Change> NextChange(const projection::View& view, const FoundProfile& found, absl::Time now, Watch* watch);

}  // namespace tributary::profile
