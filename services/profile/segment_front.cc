#include "profile/segment_front.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile/definition_commands.h"
#include "profile/request.h"
#include "profile/segment_queries.h"
#include "profile/segment_request.h"
#include "tributary/base/status.h"
#include "tributary/rules/rule.h"

namespace tributary::profile {
namespace {

using rpc::AccessRule;
using rpc::CallInfo;
using rpc::Role;
using SnapshotPtr = std::unique_ptr<projection::Snapshot>;

constexpr AccessRule kReaders = AccessRule::AnyOf({Role::kRead, Role::kAgent, Role::kManager, Role::kMarketer});
constexpr AccessRule kWriters = AccessRule::AnyOf({Role::kManager, Role::kMarketer});
constexpr std::string_view kSegmentList = "segments";

absl::Status NoSuchSegment() {
  return FieldError(absl::StatusCode::kNotFound, "SEGMENT_NOT_FOUND", "segment_id",
                    "there is no such segment in the workspace", "See the list; after a write, pass its token");
}

// Definitions as partition 0 has decided them, to which one partition after the other adds what it knows: `begin(view)`
// gives the state, or an error; `add(view, &state)` is called for every partition; `done(state)` gives the answer.
template <typename State>
class Gathering : public std::enable_shared_from_this<Gathering<State>> {
 public:
  using Begin = std::function<absl::StatusOr<State>(const projection::View&)>;
  using Add = std::function<void(const projection::View&, State*)>;
  using Done = std::function<void(absl::StatusOr<State>)>;

  Gathering(const Places& places, std::string token, absl::Time deadline, Begin begin, Add add, Done done)
      : places_(places),
        token_(std::move(token)),
        deadline_(deadline),
        begin_(std::move(begin)),
        add_(std::move(add)),
        done_(std::move(done)) {}

  void Next() {
    places_.Read(partition_, token_, deadline_,
                 [self = this->shared_from_this()](absl::StatusOr<SnapshotPtr> snapshot) {
                   if (!snapshot.ok()) return self->done_(snapshot.status());
                   self->Take(**snapshot);
                 });
  }

 private:
  void Take(projection::Snapshot& snapshot) {
    const projection::View view = snapshot.view();
    if (partition_ == 0) {
      absl::StatusOr<State> begun = begin_(view);
      if (!snapshot.status().ok()) return done_(snapshot.status());
      if (!begun.ok()) return done_(begun.status());
      state_ = *std::move(begun);
    }
    add_(view, &state_);
    if (!snapshot.status().ok()) return done_(snapshot.status());
    if (++partition_ == places_.journey_partitions) return done_(std::move(state_));
    Next();
  }

  const Places places_;
  const std::string token_;
  const absl::Time deadline_;
  const Begin begin_;
  const Add add_;
  const Done done_;
  int32_t partition_ = 0;
  State state_;
};

template <typename State>
void Gather(const Places& places, std::string token, absl::Time deadline, typename Gathering<State>::Begin begin,
            typename Gathering<State>::Add add, typename Gathering<State>::Done done) {
  std::make_shared<Gathering<State>>(places, std::move(token), deadline, std::move(begin), std::move(add),
                                     std::move(done))
      ->Next();
}

// A page of members, gathered from one partition after the other.
class MembersListing : public std::enable_shared_from_this<MembersListing> {
 public:
  MembersListing(const Places& places, absl::Time deadline, v1::ListSegmentMembersRequest request,
                 rpc::Reply<v1::ListSegmentMembersResponse> reply)
      : places_(places), deadline_(deadline), request_(std::move(request)), reply_(std::move(reply)) {}

  void Start(const CallInfo& call) {
    if (absl::Status status = Prepare(call); !status.ok()) return reply_(status);
    places_.Read(0, request_.token(), deadline_, [self = shared_from_this()](absl::StatusOr<SnapshotPtr> snapshot) {
      if (!snapshot.ok()) return self->reply_(snapshot.status());
      const auto segment = ReadSegment((*snapshot)->view(), self->workspace_, self->request_.segment_id());
      if (!(*snapshot)->status().ok()) return self->reply_((*snapshot)->status());
      if (!segment.has_value()) return self->reply_(NoSuchSegment());
      self->Next();
    });
  }

 private:
  absl::Status Prepare(const CallInfo& call) {
    TRIBUTARY_ASSIGN_OR_RETURN(workspace_, WorkspaceOf(call, request_.workspace_id()));
    TRIBUTARY_RETURN_IF_ERROR(CheckSegmentId(request_.segment_id(), "segment_id"));
    TRIBUTARY_ASSIGN_OR_RETURN(left_, PageSize(request_.page_size()));
    TRIBUTARY_ASSIGN_OR_RETURN(position_, PositionOf(request_, places_.journey_partitions));
    return absl::OkStatus();
  }

  void Next() {
    places_.Read(std::get<0>(position_), request_.token(), deadline_,
                 [self = shared_from_this()](absl::StatusOr<SnapshotPtr> snapshot) {
                   if (!snapshot.ok()) return self->reply_(snapshot.status());
                   self->Take(**snapshot);
                 });
  }

  void Take(projection::Snapshot& snapshot) {
    MembersPage page = ReadMembers(snapshot.view(), workspace_, request_.segment_id(), std::get<1>(position_), left_);
    if (!snapshot.status().ok()) return reply_(snapshot.status());
    left_ -= static_cast<int32_t>(page.members.size());
    for (v1::SegmentMember& member : page.members) *response_.add_members() = std::move(member);
    if (page.next_after.has_value()) {
      std::get<1>(position_) = *std::move(page.next_after);
      return End();
    }
    position_ = {std::get<0>(position_) + 1, ""};
    if (std::get<0>(position_) == places_.journey_partitions) return reply_(std::move(response_));
    if (left_ == 0) return End();
    Next();
  }

  // There may be more.
  void End() {
    response_.set_next_page_token(PageToken(request_, position_));
    reply_(std::move(response_));
  }

  const Places places_;
  const absl::Time deadline_;
  const v1::ListSegmentMembersRequest request_;
  const rpc::Reply<v1::ListSegmentMembersResponse> reply_;
  std::string workspace_;
  int32_t left_ = 0;
  MembersPosition position_;
  v1::ListSegmentMembersResponse response_;
};

// What partition 0 alone has told is no end of the whole take-in.
void OfPartitions(int32_t partitions, v1::TakeInProgress* progress) {
  progress->set_partitions(partitions);
  progress->set_done(progress->partitions_done() == partitions);
}

absl::StatusOr<v1::CheckRuleResponse> AnswerRule(const CallInfo& call, const v1::CheckRuleRequest& request) {
  v1::CheckRuleResponse response;
  TRIBUTARY_ASSIGN_OR_RETURN(*response.mutable_rule(),
                             RuleOf(request.rule_text(), request.has_rule() ? &request.rule() : nullptr, "rule"));
  TRIBUTARY_RETURN_IF_ERROR(CheckMayAsk(call, response.rule(), "rule"));
  TRIBUTARY_ASSIGN_OR_RETURN(const rules::CompiledRule rule, rules::CompiledRule::Compile(response.rule()));
  response.set_rule_text(rules::FormatRule(response.rule()));
  for (const std::string& field : rule.dependencies().fields) response.add_fields(field);
  for (const int body : rule.dependencies().bodies) {
    const auto* field = events::v1::CustomerEvent::descriptor()->FindFieldByNumber(body);
    response.add_body_types(field == nullptr ? "*" : field->name());
  }
  return response;
}

}  // namespace

grpc::ServerUnaryReactor* SegmentFront::GetSegment(grpc::CallbackServerContext* context,
                                                   const v1::GetSegmentRequest* request,
                                                   v1::GetSegmentResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::GetSegmentRequest& asked, rpc::Reply<v1::GetSegmentResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        if (absl::Status id = CheckSegmentId(asked.segment_id(), "segment_id"); !id.ok()) return reply(id);
        const auto begin = [workspace = *workspace,
                            id = asked.segment_id()](const projection::View& view) -> absl::StatusOr<ToldSegment> {
          std::optional<ToldSegment> told = ReadSegment(view, workspace, id);
          if (!told.has_value()) return NoSuchSegment();
          return *std::move(told);
        };
        const auto add = [workspace = *workspace](const projection::View& view, ToldSegment* told) {
          AddPartition(view, workspace, told);
        };
        Gather<ToldSegment>(deps_.places, asked.token(), call.deadline, begin, add,
                            [reply](absl::StatusOr<ToldSegment> told) {
                              if (!told.ok()) return reply(told.status());
                              v1::GetSegmentResponse answer;
                              *answer.mutable_segment() = std::move(told->segment);
                              reply(std::move(answer));
                            });
      });
}

grpc::ServerUnaryReactor* SegmentFront::ListSegments(grpc::CallbackServerContext* context,
                                                     const v1::ListSegmentsRequest* request,
                                                     v1::ListSegmentsResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListSegmentsRequest& asked, rpc::Reply<v1::ListSegmentsResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        const absl::StatusOr<int32_t> limit = PageSize(asked.page_size());
        if (!limit.ok()) return reply(limit.status());
        const absl::StatusOr<std::string> after = IdPositionOf(kSegmentList, asked.page_token());
        if (!after.ok()) return reply(after.status());
        const auto begin = [workspace = *workspace, after = *after,
                            limit = *limit](const projection::View& view) -> absl::StatusOr<SegmentsPage> {
          return ReadSegments(view, workspace, after, limit);
        };
        const auto add = [workspace = *workspace](const projection::View& view, SegmentsPage* page) {
          for (ToldSegment& told : page->segments) AddPartition(view, workspace, &told);
        };
        Gather<SegmentsPage>(deps_.places, asked.token(), call.deadline, begin, add,
                             [reply](absl::StatusOr<SegmentsPage> page) {
                               if (!page.ok()) return reply(page.status());
                               v1::ListSegmentsResponse answer;
                               for (ToldSegment& told : page->segments)
                                 *answer.add_segments() = std::move(told.segment);
                               if (page->next_after.has_value()) {
                                 answer.set_next_page_token(IdPageToken(kSegmentList, *page->next_after));
                               }
                               reply(std::move(answer));
                             });
      });
}

grpc::ServerUnaryReactor* SegmentFront::UpdateSegment(grpc::CallbackServerContext* context,
                                                      const v1::UpdateSegmentRequest* request,
                                                      v1::UpdateSegmentResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kWriters,
      [this](const CallInfo& call, const v1::UpdateSegmentRequest& asked, rpc::Reply<v1::UpdateSegmentResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        const absl::StatusOr<v1::UpdateSegmentRequest> body = CommandOf(asked, *workspace);
        if (!body.ok()) return reply(body.status());
        if (absl::Status may = CheckMayAsk(call, *body); !may.ok()) return reply(may);
        writes_.Submit(*workspace, asked.request_id(), kUpdateSegment, *body,
                       [reply, workspace = *workspace, partitions = deps_.places.journey_partitions,
                        id = asked.segment().segment_id()](absl::StatusOr<DefinitionWrites::Written> written) {
                         if (!written.ok()) return reply(written.status());
                         const projection::View view = written->snapshot->view();
                         std::optional<ToldSegment> told = ReadSegment(view, workspace, id);
                         if (told.has_value()) AddPartition(view, workspace, &*told);
                         if (!written->snapshot->status().ok()) return reply(written->snapshot->status());
                         if (!told.has_value()) return reply(NoSuchSegment());  // a retry after it was deleted
                         OfPartitions(partitions, told->segment.mutable_take_in());
                         v1::UpdateSegmentResponse answer;
                         *answer.mutable_segment() = std::move(told->segment);
                         answer.set_token(std::move(written->token));
                         reply(std::move(answer));
                       });
      });
}

grpc::ServerUnaryReactor* SegmentFront::DeleteSegment(grpc::CallbackServerContext* context,
                                                      const v1::DeleteSegmentRequest* request,
                                                      v1::DeleteSegmentResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kWriters,
      [this](const CallInfo& call, const v1::DeleteSegmentRequest& asked, rpc::Reply<v1::DeleteSegmentResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        const absl::StatusOr<v1::DeleteSegmentRequest> body = CommandOf(asked, *workspace);
        if (!body.ok()) return reply(body.status());
        writes_.Submit(*workspace, asked.request_id(), kDeleteSegment, *body,
                       [reply](absl::StatusOr<DefinitionWrites::Written> written) {
                         if (!written.ok()) return reply(written.status());
                         v1::DeleteSegmentResponse answer;
                         answer.set_token(std::move(written->token));
                         reply(std::move(answer));
                       });
      });
}

grpc::ServerUnaryReactor* SegmentFront::ListSegmentMembers(grpc::CallbackServerContext* context,
                                                           const v1::ListSegmentMembersRequest* request,
                                                           v1::ListSegmentMembersResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListSegmentMembersRequest& asked,
             rpc::Reply<v1::ListSegmentMembersResponse> reply) {
        std::make_shared<MembersListing>(deps_.places, call.deadline, asked, std::move(reply))->Start(call);
      });
}

grpc::ServerUnaryReactor* SegmentFront::ListProfileSegments(grpc::CallbackServerContext* context,
                                                            const v1::ListProfileSegmentsRequest* request,
                                                            v1::ListProfileSegmentsResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListProfileSegmentsRequest& asked,
             rpc::Reply<v1::ListProfileSegmentsResponse> reply) {
        absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        if (absl::Status selector = CheckSelector(asked.profile()); !selector.ok()) return reply(selector);
        const absl::StatusOr<int32_t> limit = PageSize(asked.page_size());
        if (!limit.ok()) return reply(limit.status());
        const absl::StatusOr<std::string> after = IdPositionOf("profile", asked.page_token());
        if (!after.ok()) return reply(after.status());
        ProfileLookup lookup{
            .workspace_id = *workspace, .selector = asked.profile(), .token = asked.token(), .deadline = call.deadline};
        Locate(deps_.places, std::move(lookup),
               [reply, workspace = *workspace, after = *after, limit = *limit](absl::StatusOr<Located> located) {
                 if (!located.ok()) return reply(located.status());
                 v1::ListProfileSegmentsResponse answer =
                     ReadProfileSegments(located->snapshot.view(), workspace, located->profile.id, after, limit);
                 if (!located->snapshot.status().ok()) return reply(located->snapshot.status());
                 if (!answer.next_page_token().empty()) {
                   answer.set_next_page_token(IdPageToken("profile", answer.next_page_token()));
                 }
                 reply(std::move(answer));
               });
      });
}

grpc::ServerUnaryReactor* SegmentFront::CheckRule(grpc::CallbackServerContext* context,
                                                  const v1::CheckRuleRequest* request,
                                                  v1::CheckRuleResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [](const CallInfo& call, const v1::CheckRuleRequest& asked,
                        const rpc::Reply<v1::CheckRuleResponse>& reply) { reply(AnswerRule(call, asked)); });
}

grpc::ServerUnaryReactor* SegmentFront::GetValueTiers(grpc::CallbackServerContext* context,
                                                      const v1::GetValueTiersRequest* request,
                                                      v1::GetValueTiersResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::GetValueTiersRequest& asked, rpc::Reply<v1::GetValueTiersResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        const auto begin = [workspace = *workspace](const projection::View& view) -> absl::StatusOr<ToldTiers> {
          return ReadTiers(view, workspace);
        };
        const auto add = [workspace = *workspace](const projection::View& view, ToldTiers* told) {
          AddPartition(view, workspace, told);
        };
        Gather<ToldTiers>(deps_.places, asked.token(), call.deadline, begin, add,
                          [reply](absl::StatusOr<ToldTiers> told) {
                            if (!told.ok()) return reply(told.status());
                            v1::GetValueTiersResponse answer;
                            *answer.mutable_value_tiers() = std::move(told->tiers);
                            reply(std::move(answer));
                          });
      });
}

grpc::ServerUnaryReactor* SegmentFront::UpdateValueTiers(grpc::CallbackServerContext* context,
                                                         const v1::UpdateValueTiersRequest* request,
                                                         v1::UpdateValueTiersResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kWriters,
                     [this](const CallInfo& call, const v1::UpdateValueTiersRequest& asked,
                            rpc::Reply<v1::UpdateValueTiersResponse> reply) {
                       const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
                       if (!workspace.ok()) return reply(workspace.status());
                       const absl::StatusOr<v1::UpdateValueTiersRequest> body = CommandOf(asked, *workspace);
                       if (!body.ok()) return reply(body.status());
                       if (absl::Status may = CheckMayAsk(call, *body); !may.ok()) return reply(may);
                       writes_.Submit(*workspace, asked.request_id(), kUpdateValueTiers, *body,
                                      [reply, workspace = *workspace, partitions = deps_.places.journey_partitions](
                                          absl::StatusOr<DefinitionWrites::Written> written) {
                                        if (!written.ok()) return reply(written.status());
                                        const projection::View view = written->snapshot->view();
                                        ToldTiers told = ReadTiers(view, workspace);
                                        AddPartition(view, workspace, &told);
                                        if (!written->snapshot->status().ok())
                                          return reply(written->snapshot->status());
                                        OfPartitions(partitions, told.tiers.mutable_take_in());
                                        v1::UpdateValueTiersResponse answer;
                                        *answer.mutable_value_tiers() = std::move(told.tiers);
                                        answer.set_token(std::move(written->token));
                                        reply(std::move(answer));
                                      });
                     });
}

}  // namespace tributary::profile
