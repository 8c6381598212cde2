#include "profile/request.h"

#include <limits>

#include "absl/strings/escaping.h"
#include "fmt/format.h"
#include "profile/entry.h"
#include "tributary/base/status.h"
#include "xxhash.h"

namespace tributary::profile {
namespace {

constexpr int kMaxBodyTypes = 50;
// What a token is for, so that those of one list are refused by another.
constexpr int32_t kOfJourney = 1;
constexpr int32_t kOfOrders = 2;
constexpr int32_t kOfProfiles = 3;
constexpr int32_t kOfConsents = 4;
constexpr int32_t kOfWatch = 5;
constexpr int32_t kStatedBy = 6;
constexpr int32_t kStatedAbout = 7;

absl::Status BadPageToken() {
  return InvalidField("INVALID_PAGE_TOKEN", "page_token", "is not one of this list and these filters",
                      "Pass next_page_token as it was returned and leave the rest of the request as it was, or start "
                      "again without one");
}

template <typename Key>
std::string Encode(const Key& key) {
  return absl::WebSafeBase64Escape(ToAbsl(projection::EncodeKey(key)));
}

template <typename Key>
bool Decode(std::string_view token, Key* key) {
  std::string bytes;
  return absl::WebSafeBase64Unescape(ToAbsl(token), &bytes) && projection::DecodeKey(bytes, key);
}

uint64_t FingerprintOf(const v1::ListJourneyEntriesRequest& request) {
  const std::string filter = request.filter().SerializeAsString();
  const bool ascending = request.order() == v1::JOURNEY_ORDER_ASCENDING;
  return XXH3_64bits_withSeed(filter.data(), filter.size(), ascending ? 1 : 0);
}

absl::StatusOr<absl::Time> TimeOf(const google::protobuf::Timestamp& time, std::string_view field) {
  if (!IsTime(time)) {
    return InvalidField("MALFORMED", field, "is no moment between the years 1 and 9999", "Send a valid Timestamp");
  }
  return absl::FromUnixMicros(MicrosOf(time));
}

absl::Status ReadFilter(const v1::JourneyFilter& filter, JourneyQuery* query) {
  for (int i = 0; i < filter.channels_size(); ++i) {
    const int channel = filter.channels(i);
    if (!events::v1::Channel_IsValid(channel) || channel == events::v1::CHANNEL_UNSPECIFIED) {
      return InvalidField("UNKNOWN_CHANNEL", fmt::format("filter.channels[{}]", i), "is no channel",
                          "Use a value of tributary.events.v1.Channel");
    }
    query->channels.insert(channel);
  }
  if (filter.body_types_size() > kMaxBodyTypes) {
    return InvalidField("TOO_MANY", "filter.body_types", fmt::format("has more than {} names", kMaxBodyTypes),
                        "Ask for all and choose from the answer");
  }
  static const auto* const body = events::v1::CustomerEvent::descriptor()->FindOneofByName("body");
  for (int i = 0; i < filter.body_types_size(); ++i) {
    const auto* field = events::v1::CustomerEvent::descriptor()->FindFieldByName(filter.body_types(i));
    if (field == nullptr || field->containing_oneof() != body) {
      return InvalidField("UNKNOWN_BODY_TYPE", fmt::format("filter.body_types[{}]", i), "is no type of event",
                          "Use names of fields of CustomerEvent.body, e.g. \"order_stated\"");
    }
    query->bodies.insert(field->number());
  }
  if (filter.has_from()) {
    TRIBUTARY_ASSIGN_OR_RETURN(query->from, TimeOf(filter.from(), "filter.from"));
  }
  if (filter.has_until()) {
    TRIBUTARY_ASSIGN_OR_RETURN(query->until, TimeOf(filter.until(), "filter.until"));
  }
  if (query->from && query->until && *query->from > *query->until) {
    return InvalidField("INVERTED_RANGE", "filter.until", "lies before filter.from", "Exchange the two");
  }
  query->include_retracted = filter.include_retracted();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> WorkspaceOf(const rpc::CallInfo& call, const std::string& requested) {
  const std::string& own = call.principal.workspace_id;
  if (own.empty() && requested.empty()) {
    return InvalidField("REQUIRED", "workspace_id", "is empty, and the credential belongs to no workspace",
                        "Name the workspace");
  }
  if (!own.empty() && !requested.empty() && requested != own) {
    return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "workspace_id", "there is no such workspace",
                      "Leave it empty to mean the credential's own");
  }
  return own.empty() ? requested : own;
}

absl::Status CheckSelector(const v1::ProfileSelector& selector) {
  const bool named = selector.by_case() == v1::ProfileSelector::kIdentifier || !selector.profile_id().empty();
  if (named) return absl::OkStatus();
  return InvalidField("REQUIRED", "profile", "names no profile", "Set profile.profile_id or profile.identifier");
}

absl::StatusOr<int32_t> PageSize(int32_t requested) {
  if (requested < 0 || requested > kMaxPageSize) {
    return InvalidField("OUT_OF_RANGE", "page_size", fmt::format("is not between 1 and {}", kMaxPageSize),
                        fmt::format("Send a number in that range, or 0 for {}", kDefaultPageSize));
  }
  return requested == 0 ? kDefaultPageSize : requested;
}

absl::StatusOr<JourneyQuery> QueryOf(const v1::ListJourneyEntriesRequest& request) {
  JourneyQuery query;
  if (!v1::JourneyOrder_IsValid(request.order())) {
    return InvalidField("UNKNOWN_ORDER", "order", "is no order", "Use a value of tributary.profile.v1.JourneyOrder");
  }
  query.ascending = request.order() == v1::JOURNEY_ORDER_ASCENDING;
  TRIBUTARY_ASSIGN_OR_RETURN(query.limit, PageSize(request.page_size()));
  TRIBUTARY_RETURN_IF_ERROR(ReadFilter(request.filter(), &query));
  if (request.page_token().empty()) return query;
  std::tuple<int32_t, uint64_t, absl::Time, int32_t, std::string, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kOfJourney ||
      std::get<1>(token) != FingerprintOf(request)) {
    return BadPageToken();
  }
  query.after = {std::get<2>(token), std::get<3>(token), std::get<4>(token), std::get<5>(token)};
  return query;
}

std::string PageToken(const v1::ListJourneyEntriesRequest& request, const JourneyPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kOfJourney, FingerprintOf(request)), position));
}

absl::StatusOr<std::optional<OrderPosition>> PositionOf(const v1::ListOrdersRequest& request) {
  if (request.page_token().empty()) return std::nullopt;
  std::tuple<int32_t, int64_t, std::string, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kOfOrders ||
      std::get<1>(token) == std::numeric_limits<int64_t>::min()) {
    return BadPageToken();
  }
  return OrderPosition(std::get<1>(token), std::get<2>(token), std::get<3>(token));
}

std::string PageToken(const OrderPosition& position) { return Encode(std::tuple_cat(std::tuple(kOfOrders), position)); }

absl::StatusOr<ConsentQuery> QueryOf(const v1::ListConsentsRequest& request, absl::Time now) {
  ConsentQuery query{.as_of = now, .history = request.include_history(), .limit = 0, .after = std::nullopt};
  TRIBUTARY_ASSIGN_OR_RETURN(query.limit, PageSize(request.page_size()));
  if (request.has_as_of()) {
    TRIBUTARY_ASSIGN_OR_RETURN(query.as_of, TimeOf(request.as_of(), "as_of"));
  }
  if (request.page_token().empty()) return query;
  std::tuple<int32_t, std::string, std::string, int32_t> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kOfConsents) return BadPageToken();
  query.after = ConsentPosition(std::get<1>(token), std::get<2>(token), std::get<3>(token));
  return query;
}

std::string PageToken(const ConsentPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kOfConsents), position));
}

absl::StatusOr<ProfilesPosition> PositionOf(const v1::ListProfilesRequest& request, int32_t partitions) {
  if (request.page_token().empty()) return ProfilesPosition(0, "");
  std::tuple<int32_t, int32_t, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kOfProfiles || std::get<1>(token) < 0 ||
      std::get<1>(token) >= partitions) {
    return BadPageToken();
  }
  return ProfilesPosition(std::get<1>(token), std::get<2>(token));
}

std::string PageToken(const ProfilesPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kOfProfiles), position));
}

absl::StatusOr<std::optional<AffiliationPosition>> StatedByPositionOf(const v1::ListMembershipsRequest& request) {
  if (request.page_token().empty()) return std::nullopt;
  std::tuple<int32_t, int32_t, std::string, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kStatedBy) return BadPageToken();
  return AffiliationPosition(std::get<1>(token), std::get<2>(token), std::get<3>(token));
}

std::string PageToken(const AffiliationPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kStatedBy), position));
}

absl::StatusOr<ProfilesPosition> StatedAboutPositionOf(const v1::ListMembershipsRequest& request, int32_t partitions) {
  if (request.page_token().empty()) return ProfilesPosition(0, "");
  std::tuple<int32_t, int32_t, std::string> token;
  if (!Decode(request.page_token(), &token) || std::get<0>(token) != kStatedAbout || std::get<1>(token) < 0 ||
      std::get<1>(token) >= partitions) {
    return BadPageToken();
  }
  return ProfilesPosition(std::get<1>(token), std::get<2>(token));
}

std::string StatedAboutPageToken(const ProfilesPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kStatedAbout), position));
}

absl::StatusOr<absl::Time> MomentOf(const v1::ListMembershipsRequest& request, absl::Time now) {
  if (!request.has_as_of()) return now;
  return TimeOf(request.as_of(), "as_of");
}

absl::StatusOr<std::optional<WatchPosition>> PositionOf(const v1::WatchProfileRequest& request) {
  if (request.resume_token().empty()) return std::nullopt;
  std::tuple<int32_t, std::string, int64_t, uint64_t> token;
  if (!Decode(request.resume_token(), &token) || std::get<0>(token) != kOfWatch || std::get<2>(token) < -1) {
    return InvalidField("INVALID_RESUME_TOKEN", "resume_token", "is not one of an answer of WatchProfile",
                        "Pass resume_token as it was returned, or start again without one");
  }
  return WatchPosition(std::get<1>(token), std::get<2>(token), std::get<3>(token));
}

std::string ResumeToken(const WatchPosition& position) {
  return Encode(std::tuple_cat(std::tuple(kOfWatch), position));
}

}  // namespace tributary::profile
