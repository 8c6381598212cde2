#include "profile/front.h"

#include <memory>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "profile/computed.h"
#include "profile/consents.h"
#include "profile/entry.h"
#include "profile/processor.h"
#include "profile/queries.h"
#include "profile/request.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/status.h"

namespace tributary::profile {
namespace {

using rpc::AccessRule;
using rpc::CallInfo;
using rpc::Role;

constexpr AccessRule kReaders = AccessRule::AnyOf({Role::kRead, Role::kAgent, Role::kManager, Role::kMarketer});

absl::Status NoSuchProfile() {
  return FieldError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile",
                    "there is no such profile in the workspace",
                    "Check the id or identifier; after a write, pass its token");
}

processor::Task* TaskOf(const ProfileFront::Deps& deps, int32_t partition) {
  return deps.host->Find(ProfileProcessor::kName,
                         {std::string(ProfileProcessor::kLog), processor::Partition(partition)});
}

// A snapshot of the journey partition in which `token` is visible.
void ReadPartition(const ProfileFront::Deps& deps, int32_t partition, std::string_view token, absl::Time deadline,
                   processor::SnapshotFn done) {
  processor::Task* task = TaskOf(deps, partition);
  if (task == nullptr) {
    return done(FieldError(absl::StatusCode::kUnavailable, "PARTITION_NOT_HERE", "",
                           fmt::format("journey partition {} is not served here", partition), "Try again"));
  }
  deps.read_gate->Read(task, token, deadline, std::move(done));
}

// One profile as of one snapshot.
struct Located {
  projection::View view;
  std::string workspace_id;
  FoundProfile profile;
  std::string requested_id;
};

// Who waits for a move is told so before the caller gives up.
constexpr absl::Duration kTimeToAnswer = absl::Milliseconds(50);

// Looks one profile up where it is now, whole: a pointer is followed to the winner, and who is asked for while pieces
// are on their way is waited for (DESIGN section 4).
template <typename Request, typename Response, typename Answer>
class Lookup : public std::enable_shared_from_this<Lookup<Request, Response, Answer>> {
 public:
  Lookup(const ProfileFront::Deps& deps, const CallInfo& call, const Request& request, std::string workspace_id,
         rpc::Reply<Response> reply, Answer answer)
      : deps_(deps),
        call_(call),
        request_(request),
        workspace_id_(std::move(workspace_id)),
        token_(request.token()),
        reply_(std::move(reply)),
        answer_(std::move(answer)) {}

  void Start() {
    const v1::ProfileSelector& selector = request_.profile();
    if (selector.by_case() == v1::ProfileSelector::kProfileId) return Begin(selector.profile_id());
    deps_.resolver->Resolve({.workspace_id = workspace_id_,
                             .identifier = selector.identifier(),
                             .subject_kind = selector.subject_kind(),
                             .token = token_,
                             .deadline = call_.deadline,
                             .field = "profile.identifier"},
                            [self = this->shared_from_this()](absl::StatusOr<ResolvedIdentifier> resolved) {
                              self->Resolved(std::move(resolved));
                            });
  }

 private:
  void Resolved(absl::StatusOr<ResolvedIdentifier> resolved) {
    if (!resolved.ok()) return reply_(absl::IsNotFound(resolved.status()) ? NoSuchProfile() : resolved.status());
    absl::StatusOr<std::string> token = processor::JoinTokens(token_, resolved->token);
    if (!token.ok()) return reply_(token.status());
    token_ = *std::move(token);
    Begin(resolved->profile_id);
  }

  void Begin(std::string id) {
    requested_id_ = id;
    Read(std::move(id));
  }

  void Read(std::string id) {
    const int32_t partition = JourneyPartitionOf(id, deps_.journey_partitions);
    processor::Task* task = TaskOf(deps_, partition);
    // Before the snapshot: what comes after is waited for.
    const processor::Offset seen = task == nullptr ? processor::Offset(-1) : task->status().visible;
    ReadPartition(deps_, partition, token_, call_.deadline,
                  [self = this->shared_from_this(), id = std::move(id), task,
                   seen](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) mutable {
                    if (!snapshot.ok()) return self->reply_(snapshot.status());
                    self->Look(std::move(id), task, seen, **snapshot);
                  });
  }

  void Look(std::string id, processor::Task* task, processor::Offset seen, projection::Snapshot& snapshot) {
    const projection::View view = snapshot.view();
    const processor::ProfileMoves moves = processor::MovesOf(view, workspace_id_, id);
    const bool whole = !moves.moving && (awaited_merge_.empty() || processor::MoveHasEnded(view, awaited_merge_));
    if (!snapshot.status().ok()) return reply_(snapshot.status());
    if (moves.pointer.has_value()) {
      awaited_merge_ = moves.pointer->merge_id;
      return Read(moves.pointer->winner_id);
    }
    if (!whole) return Wait(std::move(id), task, seen);
    std::optional<FoundProfile> found = FindProfile(view, workspace_id_, id);
    absl::StatusOr<Response> response = NoSuchProfile();
    if (found.has_value()) {
      response = answer_(call_, request_, Located{view, workspace_id_, *std::move(found), requested_id_});
    }
    if (!snapshot.status().ok()) return reply_(snapshot.status());
    reply_(std::move(response));
  }

  void Wait(std::string id, processor::Task* task, processor::Offset seen) {
    task->WhenVisible(processor::Offset(seen.value() + 1), call_.deadline - kTimeToAnswer,
                      [self = this->shared_from_this(),
                       id = std::move(id)](absl::StatusOr<std::unique_ptr<projection::Snapshot>> later) mutable {
                        if (later.ok()) return self->Read(std::move(id));
                        self->reply_(FieldError(absl::StatusCode::kUnavailable, "PROFILE_MOVING", "profile",
                                                "its pieces are still being joined", "Try again"));
                      });
  }

  const ProfileFront::Deps deps_;
  const CallInfo call_;
  const Request request_;
  const std::string workspace_id_;
  std::string token_;
  std::string requested_id_;
  std::string awaited_merge_;
  const rpc::Reply<Response> reply_;
  const Answer answer_;
};

// Finds the profile that the request selects and answers with `answer(const CallInfo&, const Request&, const
// Located&)`.
template <typename Request, typename Response, typename Answer>
void AnswerOneProfile(const ProfileFront::Deps& deps, const CallInfo& call, const Request& request,
                      rpc::Reply<Response> reply, Answer answer) {
  absl::StatusOr<std::string> workspace = WorkspaceOf(call, request.workspace_id());
  if (!workspace.ok()) return reply(workspace.status());
  if (absl::Status selector = CheckSelector(request.profile()); !selector.ok()) return reply(selector);
  std::make_shared<Lookup<Request, Response, Answer>>(deps, call, request, *std::move(workspace), std::move(reply),
                                                      std::move(answer))
      ->Start();
}

absl::StatusOr<v1::GetProfileResponse> AnswerProfile(const CallInfo&, const v1::GetProfileRequest&,
                                                     const Located& located) {
  v1::GetProfileResponse response;
  *response.mutable_profile() = ReadProfile(located.view, located.workspace_id, located.profile, located.requested_id);
  return response;
}

absl::StatusOr<v1::ListJourneyEntriesResponse> AnswerJourney(const CallInfo&,
                                                             const v1::ListJourneyEntriesRequest& request,
                                                             const Located& located) {
  TRIBUTARY_ASSIGN_OR_RETURN(const JourneyQuery query, QueryOf(request));
  JourneyPage page = ReadJourney(located.view, located.profile.id, query);
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
  OrdersPage page = ReadOrders(located.view, located.profile.id, after, limit);
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
    ReadPartition(deps_, std::get<0>(position_), token_, deadline_,
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

absl::Time NowOf(const ProfileFront::Deps& deps) {
  return deps.clock != nullptr ? deps.clock->Now() : SystemClock().Now();
}

absl::StatusOr<v1::ListConsentsResponse> AnswerConsents(const Located& located, const ConsentQuery& query) {
  ConsentsPage page = ReadConsents(located.view, located.profile.id, query);
  v1::ListConsentsResponse response;
  response.set_profile_id(located.profile.id);
  *response.mutable_as_of() = TimestampOf(absl::ToUnixMicros(query.as_of));
  for (v1::Consent& consent : page.consents) *response.add_consents() = std::move(consent);
  if (page.next_after) response.set_next_page_token(PageToken(*page.next_after));
  return response;
}

}  // namespace

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
                         [now = NowOf(deps_)](const CallInfo&, const v1::GetTraitsRequest&,
                                              const Located& located) -> absl::StatusOr<v1::GetTraitsResponse> {
                           return ReadTraits(located.view, located.profile.id, now);
                         });
      });
}

grpc::ServerUnaryReactor* ProfileFront::ListConsents(grpc::CallbackServerContext* context,
                                                     const v1::ListConsentsRequest* request,
                                                     v1::ListConsentsResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListConsentsRequest& asked, rpc::Reply<v1::ListConsentsResponse> reply) {
        absl::StatusOr<ConsentQuery> query = QueryOf(asked, NowOf(deps_));
        if (!query.ok()) return reply(query.status());
        AnswerOneProfile(
            deps_, call, asked, std::move(reply),
            [query = *std::move(query)](const CallInfo&, const v1::ListConsentsRequest&, const Located& located) {
              return AnswerConsents(located, query);
            });
      });
}

}  // namespace tributary::profile
