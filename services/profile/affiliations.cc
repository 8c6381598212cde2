#include "profile/affiliations.h"

#include <iterator>
#include <limits>
#include <set>
#include <string_view>

#include "fmt/format.h"
#include "profile/entry.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"

namespace tributary::profile {
namespace {

using events::v1::CustomerEvent;
using projection::Row;
using projection::View;
using storage::v1::AffiliationRow;
using storage::v1::EntryPlace;

// As identity makes them, so that an account's identifiers are found by identity's keys.
const identifier::KeyMaker& Keys() {
  static const identifier::KeyMaker keys = *identifier::KeyMaker::Create();
  return keys;
}

// Empty for what cannot be an identifier: ingestion lets none pass.
std::string KeyOf(const std::string& workspace_id, const events::v1::Identifier& other) {
  const auto normal = identifier::Normalise({other.type(), other.issuer(), other.value()});
  return normal.ok() ? Keys().Make(workspace_id, *normal).bytes() : std::string();
}

AffiliationRow RowOf(const CustomerEvent& event) {
  AffiliationRow row;
  if (event.has_membership_stated()) {
    *row.mutable_membership() = event.membership_stated();
  } else {
    *row.mutable_relationship() = event.relationship_stated();
  }
  return row;
}

AffiliationPosition PositionOf(const AffiliationKey& key) {
  return {std::get<1>(key), std::get<2>(key), std::get<3>(key)};
}

template <typename Stated>
void Fill(const Stated& stated, const std::string& day, v1::Membership* membership) {
  membership->set_from_date(stated.from_date());
  membership->set_until_date(stated.until_date());
  // Days of ISO 8601 compare as texts.
  membership->set_holds((stated.from_date().empty() || stated.from_date() <= day) &&
                        (stated.until_date().empty() || day < stated.until_date()));
}

v1::Membership Told(const AffiliationKey& key, const AffiliationRow& row, events::v1::SubjectKind kind,
                    absl::Time as_of) {
  const std::string day = absl::FormatTime("%E4Y-%m-%d", as_of, absl::UTCTimeZone());
  v1::Membership membership;
  membership.set_profile_id(std::get<0>(key));
  membership.set_subject_kind(kind);
  if (row.has_membership()) {
    *membership.mutable_account() = row.membership().account();
    membership.set_role(row.membership().role());
    Fill(row.membership(), day, &membership);
  } else {
    *membership.mutable_other() = row.relationship().other();
    membership.set_role(row.relationship().kind());
    Fill(row.relationship(), day, &membership);
  }
  *membership.mutable_stated_at() = TimestampOf(absl::ToUnixMicros(std::get<4>(key)));
  membership.set_entry_id(fmt::format("{}/{}", std::get<7>(key), std::get<6>(key)));
  return membership;
}

// The first position behind `after` of those that start with `prefix`, which begins with the profile's id. One seek,
// however often each was stated.
template <typename Prefix>
std::optional<AffiliationPosition> NextPosition(const View& view, const Prefix& prefix,
                                                const std::optional<AffiliationPosition>& after) {
  projection::ScanRange<AffiliationKey> range;
  if (after.has_value()) {
    const auto& [body, other, kind] = *after;
    // No kind lies between the two.
    range.from = AffiliationKey{std::get<0>(prefix),
                                body,
                                other,
                                kind + '\0',
                                absl::InfinitePast(),
                                std::numeric_limits<int32_t>::min(),
                                "",
                                ""};
  }
  std::optional<AffiliationPosition> next;
  view.Scan(
      kAffiliations, prefix,
      [&](const AffiliationKey& key, const Row<AffiliationRow>&) {
        next = PositionOf(key);
        return false;
      },
      range);
  return next;
}

// Its last statement until `as_of`, if there is one. One seek.
std::optional<v1::Membership> LastOf(const View& view, const std::string& profile_id,
                                     const AffiliationPosition& position, events::v1::SubjectKind kind,
                                     absl::Time as_of) {
  const auto& [body, other, relation] = position;
  std::optional<v1::Membership> last;
  view.Scan(kAffiliations, std::tuple(profile_id, body, other, relation),
            [&](const AffiliationKey& key, const Row<AffiliationRow>& row) {
              if (std::get<4>(key) > as_of) return true;  // the bound itself
              last = Told(key, *row, kind, as_of);
              return false;
            },
            {.from = AffiliationKey{profile_id, body, other, relation, as_of + absl::Microseconds(1),
                                    std::numeric_limits<int32_t>::min(), "", ""},
             .reverse = true});
  return last;
}

}  // namespace

std::optional<std::pair<AffiliationKey, AffiliationRow>> AffiliationOf(const EntryKey& key,
                                                                       const CustomerEvent& event) {
  if (!event.has_membership_stated() && !event.has_relationship_stated()) return std::nullopt;
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  const bool membership = event.has_membership_stated();
  std::string other = KeyOf(event.workspace_id(),
                            membership ? event.membership_stated().account() : event.relationship_stated().other());
  // A person has one role in an account, but may be several things to another.
  return std::pair(
      AffiliationKey{profile, event.body_case(), std::move(other), membership ? "" : event.relationship_stated().kind(),
                     occurred_at, priority, event_id, source_id},
      RowOf(event));
}

std::pair<AffiliateKey, EntryPlace> AffiliateOf(const AffiliationKey& key) {
  const auto& [profile, body, other, kind, occurred_at, priority, event_id, source_id] = key;
  EntryPlace place;
  place.set_occurred_at_micros(absl::ToUnixMicros(occurred_at));
  place.set_source_priority(priority);
  return {AffiliateKey{other, profile, source_id, event_id}, std::move(place)};
}

void NoteAffiliation(const EntryKey& key, const CustomerEvent& event, bool present, AffiliationChanges* changes) {
  const auto stated = AffiliationOf(key, event);
  if (!stated.has_value()) return;
  Note(std::vector{*stated}, present, &changes->stated);
  Note(std::vector{AffiliateOf(stated->first)}, present, &changes->named);
}

void WriteAffiliations(const AffiliationChanges& changes, projection::Writer<Kind::kCaches>& out) {
  WriteIndex(kAffiliations, changes.stated, out);
  WriteIndex(kAffiliates, changes.named, out);
}

AffiliationsPage ReadAffiliations(const View& view, const std::string& profile_id, events::v1::SubjectKind kind,
                                  absl::Time as_of, const std::optional<AffiliationPosition>& after, int32_t limit) {
  AffiliationsPage page;
  std::optional<AffiliationPosition> at = after;
  for (int32_t looked_at = 0;; ++looked_at) {
    std::optional<AffiliationPosition> next = NextPosition(view, std::tuple(profile_id), at);
    if (!next.has_value()) return page;
    if (looked_at == limit) {
      page.next_after = std::move(at);
      return page;
    }
    at = std::move(next);
    if (std::optional<v1::Membership> last = LastOf(view, profile_id, *at, kind, as_of)) {
      page.memberships.push_back(*std::move(last));
    }
  }
}

std::vector<std::string> ReadAffiliates(const View& view, const std::vector<std::string>& keys,
                                        const std::string& after, int32_t limit) {
  std::set<std::string> found;  // the first `limit` of all keys so far
  for (const std::string& key : keys) {
    std::string at = after;
    for (bool more = true; more;) {
      more = false;
      // One seek a profile, however often it names the key. No id lies between the two.
      view.Scan(kAffiliates, std::tuple(key),
                [&](const AffiliateKey& affiliate, const Row<EntryPlace>&) {
                  at = std::get<1>(affiliate);
                  more = static_cast<int32_t>(found.size()) < limit || at < *found.rbegin();
                  return false;
                },
                {.from = AffiliateKey{key, at + '\0', "", ""}});
      if (!more) break;
      found.insert(at);
      if (static_cast<int32_t>(found.size()) > limit) found.erase(std::prev(found.end()));
    }
  }
  return {found.begin(), found.end()};
}

std::vector<v1::Membership> ReadAffiliationsWith(const View& view, const std::string& profile_id,
                                                 events::v1::SubjectKind kind, const std::vector<std::string>& keys,
                                                 absl::Time as_of) {
  std::vector<v1::Membership> with;
  for (const int32_t body : {static_cast<int32_t>(CustomerEvent::kRelationshipStated),
                             static_cast<int32_t>(CustomerEvent::kMembershipStated)}) {
    for (const std::string& key : keys) {
      std::optional<AffiliationPosition> at;
      while ((at = NextPosition(view, std::tuple(profile_id, body, key), at)).has_value()) {
        if (std::optional<v1::Membership> last = LastOf(view, profile_id, *at, kind, as_of)) {
          with.push_back(*std::move(last));
        }
      }
    }
  }
  return with;
}

}  // namespace tributary::profile
