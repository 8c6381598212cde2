#include "ingestion/front.h"

#include <utility>

#include "fmt/format.h"
#include "ingestion/checks.h"
#include "ingestion/resources.h"
#include "tributary/base/status.h"
#include "tributary/rpc/status.h"

namespace tributary::ingestion {
namespace {

using projection::View;
using rpc::AccessRule;
using rpc::CallInfo;
using rpc::Handle;
using rpc::Role;
using storage::v1::RegistryReply;

constexpr AccessRule kAdministrators = AccessRule::OperatorOrAdmin();
constexpr AccessRule kSenders = AccessRule::AnyOf({Role::kIngest, Role::kOperator});
constexpr AccessRule kReaders =
    AccessRule::AnyOf({Role::kRead, Role::kAgent, Role::kManager, Role::kMarketer, Role::kOperator});

processor::Task* RegistryTask(const processor::TaskHost& host) {
  return host.Find(kProcessorName, {std::string(kRegistryLog), eventlog::Partition(0)});
}

}  // namespace

IngestionFront::IngestionFront(const Deps& deps)
    : deps_(deps),
      registry_(RegistryTask(*deps.host)),
      writes_({.registry = registry_, .directory = deps.directory, .log = deps.log, .random = deps.random}),
      streams_({.gate = deps.gate,
                .directory = deps.directory,
                .ingestor = &ingestor_,
                .admission = &admission_,
                .metrics = deps.metrics},
               deps.streams),
      admission_({.clock = deps.clock, .ingestor = &ingestor_, .lag = deps.lag, .metrics = deps.metrics},
                 deps.admission),
      ingestor_(
          {.log = deps.log, .directory = deps.directory, .clock = deps.clock, .metrics = deps.metrics, .lag = deps.lag},
          deps.ingest) {}

IngestionFront::~IngestionFront() {
  streams_.Stop();
  admission_.Stop();
}

template <typename Response, typename Look>
void IngestionFront::Read(const CallInfo& call, std::string_view token, rpc::Reply<Response> reply, Look look) const {
  deps_.read_gate->Read(registry_, token, call.deadline,
                        [reply = std::move(reply),
                         look = std::move(look)](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) {
                          if (!snapshot.ok()) return reply(snapshot.status());
                          absl::StatusOr<Response> response = look((*snapshot)->view());
                          // Nothing that was read counts if a read failed.
                          if (!(*snapshot)->status().ok()) return reply((*snapshot)->status());
                          reply(std::move(response));
                        });
}

// --- Events

grpc::ServerUnaryReactor* IngestionFront::Ingest(grpc::CallbackServerContext* context, const v1::IngestRequest* request,
                                                 v1::IngestResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kSenders,
      [this](const CallInfo& call, const v1::IngestRequest& in, rpc::Reply<v1::IngestResponse> reply) {
        // gRPC made the request for this call alone and reads it no more: its events are taken, not copied.
        google::protobuf::RepeatedPtrField<events::v1::CustomerEvent> events;
        events.Swap(const_cast<v1::IngestRequest&>(in).mutable_events());
        ingestor_.Ingest({call.principal, in.workspace_id(), call.traceparent}, std::move(events), std::move(reply));
      });
}

IngestStreams::Reactor* IngestionFront::IngestStream(grpc::CallbackServerContext* context) {
  return streams_.Open(context, kSenders);
}

// --- Workspaces

grpc::ServerUnaryReactor* IngestionFront::CreateWorkspace(grpc::CallbackServerContext* context,
                                                          const v1::CreateWorkspaceRequest* request,
                                                          v1::CreateWorkspaceResponse* response) {
  return Handle(*deps_.gate, context, request, response, AccessRule::OperatorOnly(),
                [this](const CallInfo& call, const v1::CreateWorkspaceRequest& in,
                       rpc::Reply<v1::CreateWorkspaceResponse> reply) {
                  writes_.Submit(call, in, command::kCreateWorkspace, "", std::move(reply),
                                 [](const View& view, const RegistryReply& done, const std::string&,
                                    v1::CreateWorkspaceResponse* out) -> absl::Status {
                                   TRIBUTARY_ASSIGN_OR_RETURN(*out->mutable_workspace(),
                                                              FindWorkspace(view, done.workspace_id()));
                                   return absl::OkStatus();
                                 });
                });
}

grpc::ServerUnaryReactor* IngestionFront::GetWorkspace(grpc::CallbackServerContext* context,
                                                       const v1::GetWorkspaceRequest* request,
                                                       v1::GetWorkspaceResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, AccessRule::AnyRole(),
      [this](const CallInfo& call, const v1::GetWorkspaceRequest& in, rpc::Reply<v1::GetWorkspaceResponse> reply) {
        absl::StatusOr<std::string> id = WorkspaceFor(call.principal, in.workspace_id(), "workspace_id");
        if (!id.ok()) return reply(id.status());
        Read(call, in.token(), std::move(reply),
             [id = *std::move(id)](const View& view) -> absl::StatusOr<v1::GetWorkspaceResponse> {
               v1::GetWorkspaceResponse out;
               TRIBUTARY_ASSIGN_OR_RETURN(*out.mutable_workspace(), FindWorkspace(view, id));
               return out;
             });
      });
}

grpc::ServerUnaryReactor* IngestionFront::ListWorkspaces(grpc::CallbackServerContext* context,
                                                         const v1::ListWorkspacesRequest* request,
                                                         v1::ListWorkspacesResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, AccessRule::AnyRole(),
      [this](const CallInfo& call, const v1::ListWorkspacesRequest& in, rpc::Reply<v1::ListWorkspacesResponse> reply) {
        const std::string list = "workspaces";
        absl::StatusOr<Page> page = ReadPage(list, in.page_size(), in.page_token());
        if (!page.ok()) return reply(page.status());
        Read(call, in.token(), std::move(reply),
             [list, page = *std::move(page),
              principal = call.principal](const View& view) -> absl::StatusOr<v1::ListWorkspacesResponse> {
               return ingestion::ListWorkspaces(view, principal, list, page);
             });
      });
}

grpc::ServerUnaryReactor* IngestionFront::UpdateWorkspace(grpc::CallbackServerContext* context,
                                                          const v1::UpdateWorkspaceRequest* request,
                                                          v1::UpdateWorkspaceResponse* response) {
  return Handle(*deps_.gate, context, request, response, AccessRule::OperatorOnly(),
                [this](const CallInfo& call, const v1::UpdateWorkspaceRequest& in,
                       rpc::Reply<v1::UpdateWorkspaceResponse> reply) {
                  writes_.Submit(call, in, command::kUpdateWorkspace, "", std::move(reply),
                                 [](const View& view, const RegistryReply& done, const std::string&,
                                    v1::UpdateWorkspaceResponse* out) -> absl::Status {
                                   TRIBUTARY_ASSIGN_OR_RETURN(*out->mutable_workspace(),
                                                              FindWorkspace(view, done.workspace_id()));
                                   return absl::OkStatus();
                                 });
                });
}

// --- Sources

grpc::ServerUnaryReactor* IngestionFront::CreateSource(grpc::CallbackServerContext* context,
                                                       const v1::CreateSourceRequest* request,
                                                       v1::CreateSourceResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kAdministrators,
      [this](const CallInfo& call, const v1::CreateSourceRequest& in, rpc::Reply<v1::CreateSourceResponse> reply) {
        writes_.Submit(call, in, command::kCreateSource, kWriteKeyPrefix, std::move(reply),
                       [](const View& view, const RegistryReply& done, const std::string& secret,
                          v1::CreateSourceResponse* out) -> absl::Status {
                         out->set_write_key(secret);
                         TRIBUTARY_ASSIGN_OR_RETURN(*out->mutable_source(),
                                                    FindSource(view, done.workspace_id(), done.source_id()));
                         return absl::OkStatus();
                       });
      });
}

grpc::ServerUnaryReactor* IngestionFront::GetSource(grpc::CallbackServerContext* context,
                                                    const v1::GetSourceRequest* request,
                                                    v1::GetSourceResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::GetSourceRequest& in, rpc::Reply<v1::GetSourceResponse> reply) {
        absl::StatusOr<std::string> id = WorkspaceFor(call.principal, in.workspace_id(), "workspace_id");
        if (!id.ok()) return reply(id.status());
        if (!IsRegistryId(in.source_id())) {
          return reply(InvalidField("MALFORMED", "source_id", "is no id", "Name a source"));
        }
        Read(call, in.token(), std::move(reply),
             [id = *std::move(id), source = in.source_id()](const View& view) -> absl::StatusOr<v1::GetSourceResponse> {
               v1::GetSourceResponse out;
               TRIBUTARY_ASSIGN_OR_RETURN(*out.mutable_source(), FindSource(view, id, source));
               return out;
             });
      });
}

grpc::ServerUnaryReactor* IngestionFront::ListSources(grpc::CallbackServerContext* context,
                                                      const v1::ListSourcesRequest* request,
                                                      v1::ListSourcesResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kReaders,
      [this](const CallInfo& call, const v1::ListSourcesRequest& in, rpc::Reply<v1::ListSourcesResponse> reply) {
        absl::StatusOr<std::string> id = WorkspaceFor(call.principal, in.workspace_id(), "workspace_id");
        if (!id.ok()) return reply(id.status());
        const std::string list = fmt::format("sources/{}", *id);
        absl::StatusOr<Page> page = ReadPage(list, in.page_size(), in.page_token());
        if (!page.ok()) return reply(page.status());
        Read(call, in.token(), std::move(reply),
             [id = *std::move(id), list,
              page = *std::move(page)](const View& view) -> absl::StatusOr<v1::ListSourcesResponse> {
               TRIBUTARY_RETURN_IF_ERROR(FindWorkspace(view, id).status());
               return ingestion::ListSources(view, id, list, page);
             });
      });
}

grpc::ServerUnaryReactor* IngestionFront::UpdateSource(grpc::CallbackServerContext* context,
                                                       const v1::UpdateSourceRequest* request,
                                                       v1::UpdateSourceResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kAdministrators,
      [this](const CallInfo& call, const v1::UpdateSourceRequest& in, rpc::Reply<v1::UpdateSourceResponse> reply) {
        writes_.Submit(call, in, command::kUpdateSource, "", std::move(reply),
                       [](const View& view, const RegistryReply& done, const std::string&,
                          v1::UpdateSourceResponse* out) -> absl::Status {
                         TRIBUTARY_ASSIGN_OR_RETURN(*out->mutable_source(),
                                                    FindSource(view, done.workspace_id(), done.source_id()));
                         return absl::OkStatus();
                       });
      });
}

grpc::ServerUnaryReactor* IngestionFront::RotateSourceWriteKey(grpc::CallbackServerContext* context,
                                                               const v1::RotateSourceWriteKeyRequest* request,
                                                               v1::RotateSourceWriteKeyResponse* response) {
  return Handle(*deps_.gate, context, request, response, kAdministrators,
                [this](const CallInfo& call, const v1::RotateSourceWriteKeyRequest& in,
                       rpc::Reply<v1::RotateSourceWriteKeyResponse> reply) {
                  writes_.Submit(call, in, command::kRotateSourceWriteKey, kWriteKeyPrefix, std::move(reply),
                                 [](const View&, const RegistryReply&, const std::string& secret,
                                    v1::RotateSourceWriteKeyResponse* out) {
                                   out->set_write_key(secret);
                                   return absl::OkStatus();
                                 });
                });
}

// --- Credentials

grpc::ServerUnaryReactor* IngestionFront::CreateCredential(grpc::CallbackServerContext* context,
                                                           const v1::CreateCredentialRequest* request,
                                                           v1::CreateCredentialResponse* response) {
  return Handle(*deps_.gate, context, request, response, kAdministrators,
                [this](const CallInfo& call, const v1::CreateCredentialRequest& in,
                       rpc::Reply<v1::CreateCredentialResponse> reply) {
                  writes_.Submit(call, in, command::kCreateCredential, kCredentialPrefix, std::move(reply),
                                 [principal = call.principal](const View& view, const RegistryReply& done,
                                                              const std::string& secret,
                                                              v1::CreateCredentialResponse* out) -> absl::Status {
                                   out->set_secret(secret);
                                   TRIBUTARY_ASSIGN_OR_RETURN(*out->mutable_credential(),
                                                              FindCredential(view, principal, done.credential_id()));
                                   return absl::OkStatus();
                                 });
                });
}

grpc::ServerUnaryReactor* IngestionFront::ListCredentials(grpc::CallbackServerContext* context,
                                                          const v1::ListCredentialsRequest* request,
                                                          v1::ListCredentialsResponse* response) {
  return Handle(
      *deps_.gate, context, request, response, kAdministrators,
      [this](const CallInfo& call, const v1::ListCredentialsRequest& in,
             rpc::Reply<v1::ListCredentialsResponse> reply) {
        // An operator's empty id stands for the credentials of no workspace.
        std::string id;
        if (!IsOperator(call.principal) || !in.workspace_id().empty()) {
          absl::StatusOr<std::string> own = WorkspaceFor(call.principal, in.workspace_id(), "workspace_id");
          if (!own.ok()) return reply(own.status());
          id = *std::move(own);
        }
        const std::string list = fmt::format("credentials/{}", id);
        absl::StatusOr<Page> page = ReadPage(list, in.page_size(), in.page_token());
        if (!page.ok()) return reply(page.status());
        Read(call, in.token(), std::move(reply),
             [id, list, page = *std::move(page)](const View& view) -> absl::StatusOr<v1::ListCredentialsResponse> {
               if (!id.empty()) TRIBUTARY_RETURN_IF_ERROR(FindWorkspace(view, id).status());
               return ingestion::ListCredentials(view, id, list, page);
             });
      });
}

grpc::ServerUnaryReactor* IngestionFront::RevokeCredential(grpc::CallbackServerContext* context,
                                                           const v1::RevokeCredentialRequest* request,
                                                           v1::RevokeCredentialResponse* response) {
  return Handle(*deps_.gate, context, request, response, kAdministrators,
                [this](const CallInfo& call, const v1::RevokeCredentialRequest& in,
                       rpc::Reply<v1::RevokeCredentialResponse> reply) {
                  // Whose it is never changes, so that it can be looked at beforehand.
                  const auto snapshot = registry_->TakeSnapshot();
                  const auto found = FindCredential(snapshot->view(), call.principal, in.credential_id());
                  if (!snapshot->status().ok()) return reply(snapshot->status());
                  if (!in.credential_id().empty() && !found.ok()) return reply(found.status());
                  writes_.Submit(call, in, command::kRevokeCredential, "", std::move(reply),
                                 [](const View&, const RegistryReply&, const std::string&,
                                    v1::RevokeCredentialResponse*) { return absl::OkStatus(); });
                });
}

}  // namespace tributary::ingestion
