// Who belongs to whom, as stated: persons to accounts, and relations. Of each the last statement counts; ties by source
// priority, then event id, then source. Pure, thread-safe.
#pragma once

#include <cstdint>
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

struct AffiliationChanges {
  IndexChanges<AffiliationKey, storage::v1::AffiliationRow> stated;
  IndexChanges<AffiliateKey, storage::v1::EntryPlace> named;
};

// Nothing unless `event`, as it counts, states a membership or a relation.
std::optional<std::pair<AffiliationKey, storage::v1::AffiliationRow>> AffiliationOf(
    const EntryKey& key, const events::v1::CustomerEvent& event);
// The same from the side of whom it names.
std::pair<AffiliateKey, storage::v1::EntryPlace> AffiliateOf(const AffiliationKey& key);

// An entry that counts comes, or goes unless `present`.
void NoteAffiliation(const EntryKey& key, const events::v1::CustomerEvent& event, bool present,
                     AffiliationChanges* changes);
void WriteAffiliations(const AffiliationChanges& changes, projection::Writer<Kind::kCaches>& out);

// Where one stands in the list of what a profile said: number of the body's field, key of the other, kind.
using AffiliationPosition = std::tuple<int32_t, std::string, std::string>;

struct AffiliationsPage {
  std::vector<v1::Membership> memberships;
  std::optional<AffiliationPosition> next_after;  // unset: the last page
};
// What the profile's own events say, as known of `as_of`: of at most `limit` places, two seeks for each, however many
// statements there are. A place that nothing was said of until then counts, too.
AffiliationsPage ReadAffiliations(const projection::View& view, const std::string& profile_id,
                                  events::v1::SubjectKind kind, absl::Time as_of,
                                  const std::optional<AffiliationPosition>& after, int32_t limit);

// Profiles in this partition whose events name one of `keys`, behind `after`, sorted; at most `limit`. At most limit +
// 1 seeks a key.
std::vector<std::string> ReadAffiliates(const projection::View& view, const std::vector<std::string>& keys,
                                        const std::string& after, int32_t limit);
// What the events of `profile_id` say of those `keys`: two seeks for each place.
std::vector<v1::Membership> ReadAffiliationsWith(const projection::View& view, const std::string& profile_id,
                                                 events::v1::SubjectKind kind, const std::vector<std::string>& keys,
                                                 absl::Time as_of);

}  // namespace tributary::profile
