// What can be asked of a projection of profile. Functions over a view, usable on a snapshot; whoever owns the snapshot
// looks at its status before it answers. Each page is as of its view; pages are joined by positions that are keys, so
// that what is written in between neither repeats nor hides what was there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "profile/tables.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

struct FoundProfile {
  std::string id;  // of the survivor
  projection::Row<storage::v1::ProfileRow> row;
};

// The profile that survives of `profile_id`; nothing if the workspace has none of that id.
std::optional<FoundProfile> FindProfile(const projection::View& view, const std::string& workspace_id,
                                        const std::string& profile_id);

// With its figures; `requested_id` is told if it is another.
v1::Profile ReadProfile(const projection::View& view, const std::string& workspace_id, const FoundProfile& found,
                        std::string_view requested_id);

// Surviving profiles of a workspace, by id.
struct ProfilesPage {
  std::vector<v1::Profile> profiles;
  std::optional<std::string> next_after;  // continue behind this id; unset: the last page of this view
};
ProfilesPage ReadProfiles(const projection::View& view, const std::string& workspace_id, const std::string& after_id,
                          int32_t limit);

// Where an entry stands in its journey: occurred_at, source priority, event id, source id. Outlives a merge.
using JourneyPosition = std::tuple<absl::Time, int32_t, std::string, std::string>;

// As the API shows it.
v1::JourneyEntry EntryOf(const EntryKey& key, const storage::v1::EntryRow& row);

struct JourneyQuery {
  bool ascending = false;
  absl::flat_hash_set<int32_t> channels;  // empty: all
  absl::flat_hash_set<int32_t> bodies;    // numbers of fields of CustomerEvent.body; empty: all
  std::optional<absl::Time> from;         // inclusive
  std::optional<absl::Time> until;        // exclusive
  bool include_retracted = false;
  int32_t limit = 100;
  std::optional<JourneyPosition> after;  // continue behind this
};

struct JourneyPage {
  std::vector<v1::JourneyEntry> entries;
  std::optional<JourneyPosition> next_after;  // unset: the last page
};

// Entries that a page looks at, whether or not the filter lets them pass.
inline constexpr int32_t kMaxEntriesVisited = 10'000;

// `profile_id` is a survivor's.
JourneyPage ReadJourney(const projection::View& view, const std::string& profile_id, const JourneyQuery& query);

// Where an order stands in a list: placed_at in microseconds since the epoch, issuer, order id.
using OrderPosition = std::tuple<int64_t, std::string, std::string>;

struct OrdersPage {
  std::vector<v1::Order> orders;
  std::optional<OrderPosition> next_after;
};

// Latest placed first, ties by issuer and id; orders of which only returns are known come last. Reads all orders of the
// profile, keeps a page of them in memory.
OrdersPage ReadOrders(const projection::View& view, const std::string& profile_id,
                      const std::optional<OrderPosition>& after, int32_t limit);

}  // namespace tributary::profile
