#include "profile/front.h"

#include <memory>
#include <string>
#include <utility>

#include "profile/computed.h"
#include "profile/consents.h"
#include "profile/entry.h"
#include "profile/lookup.h"
#include "profile/membership_list.h"
#include "profile/queries.h"
#include "profile/request.h"
#include "tributary/base/status.h"

namespace tributary::profile {
namespace {

using rpc::AccessRule;
using rpc::CallInfo;
using rpc::Role;

constexpr AccessRule kReaders = AccessRule::AnyOf({Role::kRead, Role::kAgent, Role::kManager, Role::kMarketer});

// Finds the profile that the request selects and answers with `answer(const CallInfo&, const Request&, const
// Located&)`.
template <typename Request, typename Response, typename Answer>
void AnswerOneProfile(const ProfileFront::Deps& deps, const CallInfo& call, const Request& request,
                      rpc::Reply<Response> reply, Answer answer) {
  absl::StatusOr<std::string> workspace = WorkspaceOf(call, request.workspace_id());
  if (!workspace.ok()) return reply(workspace.status());
  if (absl::Status selector = CheckSelector(request.profile()); !selector.ok()) return reply(selector);
  ProfileLookup lookup{.workspace_id = *std::move(workspace),
                       .selector = request.profile(),
                       .token = request.token(),
                       .deadline = call.deadline};
  Locate(deps.places(), std::move(lookup),
         [call, request, reply = std::move(reply), answer = std::move(answer)](absl::StatusOr<Located> located) {
           if (!located.ok()) return reply(located.status());
           absl::StatusOr<Response> response = answer(call, request, *located);
           if (!located->snapshot.status().ok()) return reply(located->snapshot.status());
           reply(std::move(response));
         });
}

absl::StatusOr<v1::GetProfileResponse> AnswerProfile(const CallInfo&, const v1::GetProfileRequest&,
                                                     const Located& located) {
  v1::GetProfileResponse response;
  *response.mutable_profile() =
      ReadProfile(located.snapshot.view(), located.workspace_id, located.profile, located.requested_id);
  return response;
}

absl::StatusOr<v1::ListJourneyEntriesResponse> AnswerJourney(const CallInfo&,
                                                             const v1::ListJourneyEntriesRequest& request,
                                                             const Located& located) {
  TRIBUTARY_ASSIGN_OR_RETURN(const JourneyQuery query, QueryOf(request));
  JourneyPage page = ReadJourney(located.snapshot.view(), located.profile.id, query);
  v1::ListJourneyEntriesResponse response;
  response.set_profile_id(located.profile.id);
  for (v1::JourneyEntry& entry : page.entries) *response.add_entries() = std::move(entry);
  if (page.next_after) response.set_next_page_token(PageToken(request, *page.next_after));
  return response;
}

absl::StatusOr<v1::ListOrdersResponse> AnswerOrders(const CallInfo&, const v1::ListOrdersRequest& request,
                                                    const Located& located) {
  TRIBUTARY_ASSIGN_OR_RETURN(const int32_t limit, PageSize(request.page_size()));
  TRIBUTARY_ASSIGN_OR_RETURN(const std::optional<OrderPosition> after, PositionOf(request));
  OrdersPage page = ReadOrders(located.snapshot.view(), located.profile.id, after, limit);
  v1::ListOrdersResponse response;
  response.set_profile_id(located.profile.id);
  for (v1::Order& order : page.orders) *response.add_orders() = std::move(order);
  if (page.next_after) response.set_next_page_token(PageToken(*page.next_after));
  return response;
}

// A page of profiles, gathered from one partition after the other.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(const ProfileFront::Deps& deps, const CallInfo& call, const v1::ListProfilesRequest& request,
          rpc::Reply<v1::ListProfilesResponse> reply)
      : deps_(deps), deadline_(call.deadline), token_(request.token()), reply_(std::move(reply)) {}

  void Start(const CallInfo& call, const v1::ListProfilesRequest& request) {
    if (absl::Status status = Read(call, request); !status.ok()) return reply_(status);
    Next();
  }

 private:
  absl::Status Read(const CallInfo& call, const v1::ListProfilesRequest& request) {
    TRIBUTARY_ASSIGN_OR_RETURN(workspace_id_, WorkspaceOf(call, request.workspace_id()));
    TRIBUTARY_ASSIGN_OR_RETURN(left_, PageSize(request.page_size()));
    TRIBUTARY_ASSIGN_OR_RETURN(position_, PositionOf(request, deps_.journey_partitions));
    return absl::OkStatus();
  }

  void Next() {
    deps_.places().Read(std::get<0>(position_), token_, deadline_,
                        [self = shared_from_this()](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) {
                          if (!snapshot.ok()) return self->reply_(snapshot.status());
                          self->Take(**snapshot);
                        });
  }

  void Take(projection::Snapshot& snapshot) {
    ProfilesPage page = ReadProfiles(snapshot.view(), workspace_id_, std::get<1>(position_), left_);
    if (!snapshot.status().ok()) return reply_(snapshot.status());
    left_ -= static_cast<int32_t>(page.profiles.size());
    for (v1::Profile& profile : page.profiles) *response_.add_profiles() = std::move(profile);
    if (page.next_after.has_value()) {
      std::get<1>(position_) = *std::move(page.next_after);
      return End();
    }
    position_ = {std::get<0>(position_) + 1, ""};
    if (std::get<0>(position_) == deps_.journey_partitions) return reply_(std::move(response_));
    if (left_ == 0) return End();
    Next();
  }

  // There may be more.
  void End() {
    response_.set_next_page_token(PageToken(position_));
    reply_(std::move(response_));
  }

  const ProfileFront::Deps deps_;
  const absl::Time deadline_;
  const std::string token_;
  const rpc::Reply<v1::ListProfilesResponse> reply_;
  std::string workspace_id_;
  int32_t left_ = 0;
  ProfilesPosition position_;
  v1::ListProfilesResponse response_;
};

absl::StatusOr<v1::ListConsentsResponse> AnswerConsents(const Located& located, const ConsentQuery& query) {
  ConsentsPage page = ReadConsents(located.snapshot.view(), located.profile.id, query);
  v1::ListConsentsResponse response;
  response.set_profile_id(located.profile.id);
  *response.mutable_as_of() = TimestampOf(absl::ToUnixMicros(query.as_of));
  for (v1::Consent& consent : page.consents) *response.add_consents() = std::move(consent);
  if (page.next_after) response.set_next_page_token(PageToken(*page.next_after));
  return response;
}

// `system` where no clock was given.
ProfileFront::Deps WithClock(ProfileFront::Deps deps, const Clock& system) {
  if (deps.clock == nullptr) deps.clock = &system;
  return deps;
}

}  // namespace

ProfileFront::ProfileFront(const Deps& deps, const ProfileWatches::Options& watches)
    : deps_(WithClock(deps, system_clock_)),
      watches_({.gate = deps_.gate, .places = deps_.places(), .clock = deps_.clock, .metrics = deps_.metrics},
               watches) {}

grpc::ServerUnaryReactor* ProfileFront::GetProfile(grpc::CallbackServerContext* context,
                                                   const v1::GetProfileRequest* request,
                                                   v1::GetProfileResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::GetProfileRequest& asked, rpc::Reply<v1::GetProfileResponse> reply) {
        AnswerOneProfile(deps_, call, asked, std::move(reply), AnswerProfile);
      });
}

grpc::ServerUnaryReactor* ProfileFront::ListProfiles(grpc::CallbackServerContext* context,
                                                     const v1::ListProfilesRequest* request,
                                                     v1::ListProfilesResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListProfilesRequest& asked, rpc::Reply<v1::ListProfilesResponse> reply) {
        std::make_shared<Listing>(deps_, call, asked, std::move(reply))->Start(call, asked);
      });
}

grpc::ServerUnaryReactor* ProfileFront::ListJourneyEntries(grpc::CallbackServerContext* context,
                                                           const v1::ListJourneyEntriesRequest* request,
                                                           v1::ListJourneyEntriesResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [this](const CallInfo& call, const v1::ListJourneyEntriesRequest& asked,
                            rpc::Reply<v1::ListJourneyEntriesResponse> reply) {
                       if (const auto query = QueryOf(asked); !query.ok()) return reply(query.status());
                       AnswerOneProfile(deps_, call, asked, std::move(reply), AnswerJourney);
                     });
}

grpc::ServerUnaryReactor* ProfileFront::ListOrders(grpc::CallbackServerContext* context,
                                                   const v1::ListOrdersRequest* request,
                                                   v1::ListOrdersResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListOrdersRequest& asked, rpc::Reply<v1::ListOrdersResponse> reply) {
        AnswerOneProfile(deps_, call, asked, std::move(reply), AnswerOrders);
      });
}

grpc::ServerUnaryReactor* ProfileFront::GetTraits(grpc::CallbackServerContext* context,
                                                  const v1::GetTraitsRequest* request,
                                                  v1::GetTraitsResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::GetTraitsRequest& asked, rpc::Reply<v1::GetTraitsResponse> reply) {
        AnswerOneProfile(deps_, call, asked, std::move(reply),
                         [now = deps_.clock->Now()](const CallInfo&, const v1::GetTraitsRequest&,
                                                    const Located& located) -> absl::StatusOr<v1::GetTraitsResponse> {
                           return ReadTraits(located.snapshot.view(), located.profile.id, now);
                         });
      });
}

grpc::ServerUnaryReactor* ProfileFront::ListConsents(grpc::CallbackServerContext* context,
                                                     const v1::ListConsentsRequest* request,
                                                     v1::ListConsentsResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListConsentsRequest& asked, rpc::Reply<v1::ListConsentsResponse> reply) {
        absl::StatusOr<ConsentQuery> query = QueryOf(asked, deps_.clock->Now());
        if (!query.ok()) return reply(query.status());
        AnswerOneProfile(
            deps_, call, asked, std::move(reply),
            [query = *std::move(query)](const CallInfo&, const v1::ListConsentsRequest&, const Located& located) {
              return AnswerConsents(located, query);
            });
      });
}

grpc::ServerUnaryReactor* ProfileFront::ListMemberships(grpc::CallbackServerContext* context,
                                                        const v1::ListMembershipsRequest* request,
                                                        v1::ListMembershipsResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [this](const CallInfo& call, const v1::ListMembershipsRequest& asked,
                            rpc::Reply<v1::ListMembershipsResponse> reply) {
                       profile::ListMemberships(deps_.places(), call, asked, deps_.clock->Now(), std::move(reply));
                     });
}

grpc::ServerWriteReactor<v1::WatchProfileResponse>* ProfileFront::WatchProfile(grpc::CallbackServerContext* context,
                                                                               const v1::WatchProfileRequest* request) {
  return watches_.Open(context, *request, kReaders);
}

}  // namespace tributary::profile
