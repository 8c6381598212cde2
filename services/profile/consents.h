// Consents as they were stated, and where they stand at a moment. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "profile/index_changes.h"
#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/profile/v1/profile.pb.h"

namespace tributary::profile {

using ConsentChanges = IndexChanges<ConsentKey, storage::v1::ConsentRow>;

// 16 opaque bytes, equal for contact points of a workspace that are the same: mail addresses and phone numbers are
// compared in normal form (a number is the same for texts and calls), all else as it is given, by channel and issuer.
std::string ContactPointKey(const std::string& workspace_id, const events::v1::ContactPoint& point);

// Nothing unless `event`, as it counts, states a consent.
std::vector<std::pair<ConsentKey, storage::v1::ConsentRow>> ConsentsOf(const EntryKey& key,
                                                                       const events::v1::CustomerEvent& event);

// Key of the contact point, purpose, channel: where a consent stands in a list.
using ConsentPosition = std::tuple<std::string, std::string, int32_t>;

struct ConsentQuery {
  absl::Time as_of;  // inclusive
  bool history = false;
  int32_t limit = 100;
  std::optional<ConsentPosition> after;  // continue behind this
};

struct ConsentsPage {
  std::vector<v1::Consent> consents;
  std::optional<ConsentPosition> next_after;  // unset: the last page
};

inline constexpr size_t kMaxHistoryTold = 100;

// Reads all statements about consents of the profile, keeps a page of them in memory.
ConsentsPage ReadConsents(const projection::View& view, const std::string& profile_id, const ConsentQuery& query);

}  // namespace tributary::profile
