#include "identity/front.h"

#include <utility>

#include "fmt/format.h"
#include "identity/processor.h"
#include "identity/queries.h"
#include "identity/tables.h"
#include "tributary/base/status.h"

namespace tributary::identity {
namespace {

using SnapshotPtr = std::unique_ptr<projection::Snapshot>;

// Whoever may read a customer's data.
constexpr rpc::AccessRule kReaders =
    rpc::AccessRule::AnyOf({rpc::Role::kRead, rpc::Role::kAgent, rpc::Role::kManager, rpc::Role::kMarketer});

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

absl::Status CheckProfileId(const std::string& profile_id) {
  if (!profile_id.empty()) return absl::OkStatus();
  return InvalidField("REQUIRED", "profile_id", "is empty", "Name a profile, or look it up by an identifier");
}

events::v1::SubjectKind KindOf(events::v1::SubjectKind asked) {
  return asked == events::v1::SUBJECT_KIND_UNSPECIFIED ? events::v1::SUBJECT_KIND_PERSON : asked;
}

// What `look` finds in the snapshot, unless the snapshot could not be had or read.
template <typename Response, typename Look>
absl::StatusOr<Response> Answer(absl::StatusOr<SnapshotPtr> snapshot, const Look& look) {
  TRIBUTARY_RETURN_IF_ERROR(snapshot.status());
  absl::StatusOr<Response> response = look((*snapshot)->view());
  TRIBUTARY_RETURN_IF_ERROR((*snapshot)->status());
  return response;
}

}  // namespace

IdentityFront::IdentityFront(Deps deps) : deps_(std::move(deps)) {}

void IdentityFront::Read(std::string_view workspace_id, std::string_view token, absl::Time deadline,
                         processor::SnapshotFn done) const {
  const absl::StatusOr<eventlog::Partition> partition = deps_.intake_partition_of(workspace_id);
  if (!partition.ok()) return done(partition.status());
  processor::Task* task = deps_.tasks->Find(kProcessorName, {std::string(kIntakeLog), *partition});
  if (task == nullptr) {
    return done(FieldError(absl::StatusCode::kUnavailable, "NOT_SERVED_HERE", "workspace_id",
                           "its partition is not served here now", "Try again"));
  }
  deps_.reads->Read(task, token, deadline, [done = std::move(done)](absl::StatusOr<SnapshotPtr> snapshot) {
    if (absl::IsDeadlineExceeded(snapshot.status())) {
      return done(FieldError(absl::StatusCode::kUnavailable, "NOT_VISIBLE_YET", "token",
                             "what was written is not visible yet", "Try again"));
    }
    done(std::move(snapshot));
  });
}

absl::StatusOr<events::v1::IdentifierKey> IdentityFront::KeyOf(const std::string& workspace_id,
                                                               const events::v1::Identifier& identifier,
                                                               const std::string& field) const {
  TRIBUTARY_ASSIGN_OR_RETURN(const identifier::Identifier normal,
                             identifier::Normalise({identifier.type(), identifier.issuer(), identifier.value()},
                                                   {.field = field, .rules = deps_.rules}));
  events::v1::IdentifierKey key;
  key.set_key(deps_.keys->Make(workspace_id, normal).bytes());
  key.set_type(normal.type);
  key.set_issuer(normal.issuer);
  return key;
}

absl::StatusOr<Asked> IdentityFront::AskedOf(const std::string& workspace_id, const v1::IdentitySelector& selector,
                                             const std::string& field) const {
  Asked asked{.field = field};
  if (selector.has_identifier()) {
    asked.field = field + ".identifier";
    asked.subject_kind = KindOf(selector.subject_kind());
    TRIBUTARY_ASSIGN_OR_RETURN(asked.identifier, KeyOf(workspace_id, selector.identifier(), asked.field));
  } else if (!selector.profile_id().empty()) {
    asked.field = field + ".profile_id";
    asked.profile_id = selector.profile_id();
  } else {
    return InvalidField("REQUIRED", field, "names nobody", "Set its profile_id or its identifier");
  }
  return asked;
}

void IdentityFront::ResolveWithKey(const ResolveRequest& request, absl::Time deadline, ResolvedFn done) const {
  absl::StatusOr<events::v1::IdentifierKey> key = KeyOf(request.workspace_id, request.identifier, request.field);
  if (!key.ok()) return done(key.status());
  const absl::StatusOr<eventlog::Partition> partition = deps_.intake_partition_of(request.workspace_id);
  if (!partition.ok()) return done(partition.status());
  const events::v1::SubjectKind kind = KindOf(request.subject_kind);
  v1::ResolveIdentifierResponse found;
  *found.mutable_identifier() = *std::move(key);
  Read(
      request.workspace_id, request.token, deadline,
      [kind, field = request.field, intake = eventlog::PartitionRef{std::string(kIntakeLog), *partition},
       found = std::move(found), done = std::move(done)](absl::StatusOr<SnapshotPtr> snapshot) mutable {
        const auto look = [&](const projection::View& view) -> absl::StatusOr<v1::ResolveIdentifierResponse> {
          const auto row = view.Get(kIdentifiers, {kind, found.identifier().key()});
          if (row == nullptr) {
            return FieldError(absl::StatusCode::kNotFound, "IDENTIFIER_NOT_FOUND", field, "is of no profile",
                              "Check type and issuer, or try another identifier");
          }
          found.set_profile_id(row->profile_id());
          const auto profile = view.Get(kProfiles, {row->profile_id()});
          if (profile != nullptr && profile->last_merge_offset() > 0) {
            found.set_profile_token(processor::EncodeToken({{intake, eventlog::Offset(profile->last_merge_offset())}}));
          }
          return std::move(found);
        };
        done(Answer<v1::ResolveIdentifierResponse>(std::move(snapshot), look));
      });
}

void IdentityFront::Resolve(const ResolveRequest& request, absl::Time deadline,
                            std::function<void(absl::StatusOr<ResolvedProfile>)> done) const {
  ResolveWithKey(request, deadline, [done = std::move(done)](absl::StatusOr<v1::ResolveIdentifierResponse> found) {
    if (!found.ok()) return done(found.status());
    done(ResolvedProfile{std::move(*found->mutable_profile_id()), std::move(*found->mutable_profile_token())});
  });
}

void IdentityFront::KeysOf(const std::string& workspace_id, const std::string& profile_id, const std::string& token,
                           absl::Time deadline,
                           std::function<void(absl::StatusOr<std::vector<std::string>>)> done) const {
  Read(workspace_id, token, deadline,
       [workspace_id, profile_id, done = std::move(done)](absl::StatusOr<SnapshotPtr> snapshot) {
         const auto look = [&](const projection::View& view) -> absl::StatusOr<std::vector<std::string>> {
           TRIBUTARY_ASSIGN_OR_RETURN(const v1::IdentityProfile profile, ReadProfile(view, workspace_id, profile_id));
           std::vector<std::string> keys;
           for (const v1::ProfileIdentifier& of : profile.identifiers()) keys.push_back(of.identifier().key());
           return keys;
         };
         done(Answer<std::vector<std::string>>(std::move(snapshot), look));
       });
}

grpc::ServerUnaryReactor* IdentityFront::ResolveIdentifier(grpc::CallbackServerContext* context,
                                                           const v1::ResolveIdentifierRequest* request,
                                                           v1::ResolveIdentifierResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [this](const rpc::CallInfo& call, const v1::ResolveIdentifierRequest& asked,
                            rpc::Reply<v1::ResolveIdentifierResponse> reply) {
                       absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
                       if (!workspace.ok()) return reply(workspace.status());
                       ResolveWithKey({.workspace_id = *std::move(workspace),
                                       .subject_kind = asked.subject_kind(),
                                       .identifier = asked.identifier(),
                                       .token = asked.token()},
                                      call.deadline, reply);
                     });
}

grpc::ServerUnaryReactor* IdentityFront::GetIdentityProfile(grpc::CallbackServerContext* context,
                                                            const v1::GetIdentityProfileRequest* request,
                                                            v1::GetIdentityProfileResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const rpc::CallInfo& call, const v1::GetIdentityProfileRequest& asked,
             rpc::Reply<v1::GetIdentityProfileResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        if (absl::Status id = CheckProfileId(asked.profile_id()); !id.ok()) return reply(id);
        Read(*workspace, asked.token(), call.deadline,
             [reply, workspace = *workspace, asked](absl::StatusOr<SnapshotPtr> snapshot) {
               const auto look = [&](const projection::View& view) -> absl::StatusOr<v1::GetIdentityProfileResponse> {
                 v1::GetIdentityProfileResponse answer;
                 TRIBUTARY_ASSIGN_OR_RETURN(*answer.mutable_profile(),
                                            ReadProfile(view, workspace, asked.profile_id()));
                 return answer;
               };
               reply(Answer<v1::GetIdentityProfileResponse>(std::move(snapshot), look));
             });
      });
}

grpc::ServerUnaryReactor* IdentityFront::ListLinkRefusals(grpc::CallbackServerContext* context,
                                                          const v1::ListLinkRefusalsRequest* request,
                                                          v1::ListLinkRefusalsResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [this](const rpc::CallInfo& call, const v1::ListLinkRefusalsRequest& asked,
                            rpc::Reply<v1::ListLinkRefusalsResponse> reply) {
                       const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
                       if (!workspace.ok()) return reply(workspace.status());
                       if (absl::Status shape = CheckListRequest(asked); !shape.ok()) return reply(shape);
                       Read(*workspace, asked.token(), call.deadline,
                            [reply, workspace = *workspace, asked](absl::StatusOr<SnapshotPtr> snapshot) {
                              const auto look = [&](const projection::View& view) {
                                return ReadRefusals(view, workspace, asked);
                              };
                              reply(Answer<v1::ListLinkRefusalsResponse>(std::move(snapshot), look));
                            });
                     });
}

grpc::ServerUnaryReactor* IdentityFront::Explain(grpc::CallbackServerContext* context,
                                                 const v1::ExplainRequest* request, v1::ExplainResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const rpc::CallInfo& call, const v1::ExplainRequest& asked, rpc::Reply<v1::ExplainResponse> reply) {
        const absl::StatusOr<std::string> workspace = WorkspaceOf(call, asked.workspace_id());
        if (!workspace.ok()) return reply(workspace.status());
        const absl::StatusOr<Asked> a = AskedOf(*workspace, asked.a(), "a");
        if (!a.ok()) return reply(a.status());
        const absl::StatusOr<Asked> b = AskedOf(*workspace, asked.b(), "b");
        if (!b.ok()) return reply(b.status());
        Read(*workspace, asked.token(), call.deadline,
             [reply, workspace = *workspace, a = *a, b = *b](absl::StatusOr<SnapshotPtr> snapshot) {
               const auto look = [&](const projection::View& view) { return ReadExplanation(view, workspace, a, b); };
               reply(Answer<v1::ExplainResponse>(std::move(snapshot), look));
             });
      });
}

grpc::ServerUnaryReactor* IdentityFront::GetIdentifierHistory(grpc::CallbackServerContext* context,
                                                              const v1::GetIdentifierHistoryRequest* request,
                                                              v1::GetIdentifierHistoryResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kReaders,
                     [this](const rpc::CallInfo& call, const v1::GetIdentifierHistoryRequest& request_of_call,
                            rpc::Reply<v1::GetIdentifierHistoryResponse> reply) {
                       const absl::StatusOr<std::string> workspace = WorkspaceOf(call, request_of_call.workspace_id());
                       if (!workspace.ok()) return reply(workspace.status());
                       Asked asked{.field = "identifier", .subject_kind = KindOf(request_of_call.subject_kind())};
                       auto key = KeyOf(*workspace, request_of_call.identifier(), asked.field);
                       if (!key.ok()) return reply(key.status());
                       asked.identifier = *std::move(key);
                       Read(*workspace, request_of_call.token(), call.deadline,
                            [reply, workspace = *workspace, asked](absl::StatusOr<SnapshotPtr> snapshot) {
                              const auto look = [&](const projection::View& view) {
                                return ReadHistory(view, workspace, asked);
                              };
                              reply(Answer<v1::GetIdentifierHistoryResponse>(std::move(snapshot), look));
                            });
                     });
}

}  // namespace tributary::identity
