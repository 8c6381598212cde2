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
#include "identity/tables.h"
#include "tributary/base/status.h"

namespace tributary::identity {
namespace {

using google::protobuf::util::TimeUtil;
using storage::v1::IdentifierRow;
using storage::v1::IdentityProfileRow;

struct Found {
  std::string profile_id;
  projection::Row<IdentityProfileRow> row;
};

// A profile of another workspace is as little there as one that does not exist.
absl::StatusOr<Found> Find(const projection::View& view, std::string_view workspace_id, const std::string& profile_id) {
  Found found{profile_id, view.Get(kProfiles, {profile_id})};
  if (found.row != nullptr && !found.row->merged_into().empty()) {
    const std::string survivor = found.row->merged_into();
    found = {survivor, view.Get(kProfiles, {survivor})};
  }
  if (found.row == nullptr || found.row->workspace_id() != workspace_id) {
    return FieldError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile_id", "there is no such profile",
                      "Look it up by an identifier");
  }
  return found;
}

std::set<std::string> AllIdsOf(const Found& found) {
  std::set<std::string> ids(found.row->retired_profile_ids().begin(), found.row->retired_profile_ids().end());
  ids.insert(found.profile_id);
  return ids;
}

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

v1::LinkRefusal ToRefusal(const storage::v1::RefusalRow& row, int64_t offset) {
  v1::LinkRefusal refusal;
  *refusal.mutable_refused() = row.refused();
  refusal.set_intake_offset(offset);
  refusal.set_source_id(row.source_id());
  refusal.set_event_id(row.event_id());
  *refusal.mutable_decided_at() = TimeUtil::MicrosecondsToTimestamp(row.decided_at_micros());
  return refusal;
}

}  // namespace

absl::StatusOr<std::string> SurvivorOf(const projection::View& view, std::string_view workspace_id,
                                       const std::string& profile_id) {
  TRIBUTARY_ASSIGN_OR_RETURN(Found found, Find(view, workspace_id, profile_id));
  return std::move(found.profile_id);
}

absl::StatusOr<v1::IdentityProfile> ReadProfile(const projection::View& view, std::string_view workspace_id,
                                                const std::string& profile_id) {
  TRIBUTARY_ASSIGN_OR_RETURN(const Found found, Find(view, workspace_id, profile_id));
  v1::IdentityProfile profile;
  profile.set_profile_id(found.profile_id);
  profile.set_subject_kind(found.row->subject_kind());

  std::vector<std::pair<std::string, projection::Row<IdentifierRow>>> identifiers;
  for (const std::string& id : AllIdsOf(found)) {
    view.Scan(kProfileIdentifiers, std::tuple(id), [&](const auto& key, const auto&) {
      const std::string& opaque = std::get<1>(key);
      if (auto row = view.Get(kIdentifiers, {found.row->subject_kind(), opaque}); row != nullptr) {
        identifiers.emplace_back(opaque, std::move(row));
      }
      return true;
    });
  }
  std::sort(identifiers.begin(), identifiers.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.second->first_offset(), a.second->first_ordinal()) <
           std::tuple(b.second->first_offset(), b.second->first_ordinal());
  });
  for (const auto& [key, row] : identifiers) {
    if (profile.identifiers_size() == kMaxListedIdentifiers) {
      profile.set_truncated(true);
      break;
    }
    v1::ProfileIdentifier* identifier = profile.add_identifiers();
    identifier->mutable_identifier()->set_key(key);
    identifier->mutable_identifier()->set_type(row->type());
    identifier->mutable_identifier()->set_issuer(row->issuer());
    identifier->set_first_offset(row->first_offset());
    if (row->first_recorded_at_micros() != 0) {
      *identifier->mutable_first_recorded_at() = TimeUtil::MicrosecondsToTimestamp(row->first_recorded_at_micros());
    }
  }
  for (const std::string& id : found.row->retired_profile_ids()) {
    if (profile.retired_profile_ids_size() == kMaxListedRetiredIds) {
      profile.set_truncated(true);
      break;
    }
    profile.add_retired_profile_ids(id);
  }
  return profile;
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
    TRIBUTARY_ASSIGN_OR_RETURN(const Found found, Find(view, workspace_id, request.profile_id()));
    profiles = AllIdsOf(found);
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
