#include "identity/queries.h"

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "google/protobuf/util/time_util.h"
#include "identity/evidence.h"
#include "identity/tables.h"
#include "tributary/base/status.h"

namespace tributary::identity {
namespace {

using google::protobuf::util::TimeUtil;
using storage::v1::IdentifierRow;

// In `reverse` order; the place in the list is that of the last row that was looked at.
using RefusalPlace = std::tuple<int64_t, int32_t>;

std::string EncodePlace(const RefusalPlace& place) {
  return absl::WebSafeBase64Escape(ToAbsl(projection::EncodeKey(place)));
}

std::optional<RefusalPlace> DecodePlace(const std::string& token) {
  std::string bytes;
  RefusalPlace place;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) || !projection::DecodeKey(bytes, &place)) return std::nullopt;
  if (std::get<0>(place) < 0 || std::get<1>(place) < 0) return std::nullopt;
  return place;
}

// In the order in which they were linked.
void AddIdentifiers(const projection::View& view, const FoundProfile& found, v1::IdentityProfile& profile) {
  struct Listed {
    std::string linked_profile_id;
    projection::Row<storage::v1::ProfileIdentifierRow> of_profile;
    projection::Row<IdentifierRow> row;
  };
  std::vector<Listed> identifiers;
  for (const std::string& id : found.Ids()) {
    view.Scan(kProfileIdentifiers, std::tuple(id), [&](const auto& key, const auto& of_profile) {
      if (auto row = view.Get(kIdentifiers, {found.row->subject_kind(), std::get<1>(key)}); row != nullptr) {
        identifiers.push_back({id, of_profile, std::move(row)});
      }
      return true;
    });
  }
  std::sort(identifiers.begin(), identifiers.end(), [](const Listed& a, const Listed& b) {
    return std::tuple(a.row->first_offset(), a.row->first_ordinal()) <
           std::tuple(b.row->first_offset(), b.row->first_ordinal());
  });
  for (const Listed& listed : identifiers) {
    if (profile.identifiers_size() == kMaxListedIdentifiers) return profile.set_truncated(true);
    v1::ProfileIdentifier& identifier = *profile.add_identifiers();
    *identifier.mutable_identifier() = listed.of_profile->identifier();
    identifier.set_first_offset(listed.row->first_offset());
    identifier.set_linked_profile_id(listed.linked_profile_id);
    *identifier.mutable_evidence() = LinkEvidenceOf(*listed.row, *listed.of_profile);
    if (identifier.evidence().has_recorded_at()) {
      *identifier.mutable_first_recorded_at() = identifier.evidence().recorded_at();
    }
  }
}

void AddMerges(const projection::View& view, const FoundProfile& found, v1::IdentityProfile& profile) {
  for (const std::string& id : found.row->retired_profile_ids()) {
    if (profile.retired_profile_ids_size() == kMaxListedRetiredIds) return profile.set_truncated(true);
    profile.add_retired_profile_ids(id);
    const auto retired = view.Get(kProfiles, {id});
    const auto merge = retired == nullptr ? nullptr : view.Get(kMerges, {retired->merge_id()});
    if (merge != nullptr) *profile.add_merges() = MergeEvidenceOf(view, *merge);
  }
  auto& merges = *profile.mutable_merges();
  std::stable_sort(merges.begin(), merges.end(), [](const v1::MergeEvidence& a, const v1::MergeEvidence& b) {
    return a.evidence().intake_offset() < b.evidence().intake_offset();
  });
}

}  // namespace

std::vector<std::string> FoundProfile::Ids() const {
  std::vector<std::string> ids(row->retired_profile_ids().begin(), row->retired_profile_ids().end());
  ids.push_back(profile_id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

// A profile of another workspace is as little there as one that does not exist.
absl::StatusOr<FoundProfile> FindProfile(const projection::View& view, std::string_view workspace_id,
                                         const std::string& profile_id, std::string_view field) {
  FoundProfile found{profile_id, view.Get(kProfiles, {profile_id})};
  if (found.row != nullptr && !found.row->merged_into().empty()) {
    const std::string survivor = found.row->merged_into();
    found = {survivor, view.Get(kProfiles, {survivor})};
  }
  if (found.row == nullptr || found.row->workspace_id() != workspace_id) {
    return FieldError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", field, "there is no such profile",
                      "Look it up by an identifier");
  }
  return found;
}

absl::StatusOr<std::string> SurvivorOf(const projection::View& view, std::string_view workspace_id,
                                       const std::string& profile_id) {
  TRIBUTARY_ASSIGN_OR_RETURN(FoundProfile found, FindProfile(view, workspace_id, profile_id));
  return std::move(found.profile_id);
}

absl::StatusOr<v1::IdentityProfile> ReadProfile(const projection::View& view, std::string_view workspace_id,
                                                const std::string& profile_id) {
  TRIBUTARY_ASSIGN_OR_RETURN(const FoundProfile found, FindProfile(view, workspace_id, profile_id));
  v1::IdentityProfile profile;
  profile.set_profile_id(found.profile_id);
  profile.set_subject_kind(found.row->subject_kind());
  AddIdentifiers(view, found, profile);
  AddMerges(view, found, profile);
  return profile;
}

v1::LinkRefusal ToRefusal(const storage::v1::RefusalRow& row, int64_t offset) {
  v1::LinkRefusal refusal;
  *refusal.mutable_refused() = row.refused();
  refusal.set_intake_offset(offset);
  refusal.set_source_id(row.source_id());
  refusal.set_event_id(row.event_id());
  *refusal.mutable_decided_at() = TimeUtil::MicrosecondsToTimestamp(row.decided_at_micros());
  return refusal;
}

absl::Status CheckListRequest(const v1::ListLinkRefusalsRequest& request) {
  if (request.page_size() < 0 || request.page_size() > kMaxPageSize) {
    return InvalidField("OUT_OF_RANGE", "page_size", fmt::format("is not between 1 and {}", kMaxPageSize),
                        fmt::format("Send a number in that range, or 0 for {}", kDefaultPageSize));
  }
  if (!request.page_token().empty() && !DecodePlace(request.page_token()).has_value()) {
    return InvalidField("INVALID_PAGE_TOKEN", "page_token", "is not one of this list",
                        "Pass next_page_token as it was returned, or start again without one");
  }
  for (int i = 0; i < request.reasons_size(); ++i) {
    const int reason = request.reasons(i);
    if (!events::v1::LinkRefusalReason_IsValid(reason) || reason == 0) {
      return InvalidField("UNKNOWN_REASON", fmt::format("reasons[{}]", i), "is no reason of a refusal",
                          "Use a value of tributary.events.v1.LinkRefusalReason");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListLinkRefusalsResponse> ReadRefusals(const projection::View& view, const std::string& workspace_id,
                                                          const v1::ListLinkRefusalsRequest& request) {
  std::set<std::string> profiles;
  if (!request.profile_id().empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const FoundProfile found, FindProfile(view, workspace_id, request.profile_id()));
    for (std::string& id : found.Ids()) profiles.insert(std::move(id));
  }
  const std::set<int> reasons(request.reasons().begin(), request.reasons().end());
  const int32_t page_size = request.page_size() == 0 ? kDefaultPageSize : request.page_size();

  projection::ScanRange<std::tuple<std::string, int64_t, int32_t>> range{.reverse = true};
  if (const auto last = DecodePlace(request.page_token()); !request.page_token().empty() && last.has_value()) {
    range.from.emplace(workspace_id, std::get<0>(*last), std::get<1>(*last) - 1);
  }
  v1::ListLinkRefusalsResponse response;
  RefusalPlace last;
  int rows = 0;
  view.Scan(
      kRefusals, std::tuple(workspace_id),
      [&](const auto& key, const auto& row) {
        if (response.refusals_size() == page_size || rows == kMaxRowsPerPage) {
          response.set_next_page_token(EncodePlace(last));
          return false;
        }
        ++rows;
        last = {std::get<1>(key), std::get<2>(key)};
        if (!profiles.empty() && !profiles.contains(row->refused().profile_id())) return true;
        if (!reasons.empty() && !reasons.contains(row->refused().reason())) return true;
        *response.add_refusals() = ToRefusal(*row, std::get<1>(key));
        return true;
      },
      range);
  return response;
}

}  // namespace tributary::identity
