#include "ingestion/registry_requests.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "ingestion/checks.h"
#include "ingestion/directory.h"
#include "ingestion/ingestor.h"
#include "tributary/base/status.h"

namespace tributary::ingestion {
namespace {

constexpr int32_t kMaxPriority = 1'000;
constexpr int64_t kMaxQuota = 1'000'000'000;
constexpr std::array<const char*, 4> kUpdatableFields = {"display_name", "default_channel", "priority", "state"};
constexpr std::array<const char*, 5> kWorkspaceFields = {"display_name", "time_zone", "ingest_quota",
                                                         "ingest_quota.events_per_second", "ingest_quota.burst_events"};

absl::Status StatusOf(const Checks& checks) {
  if (checks.ok()) return absl::OkStatus();
  const v1::IngestError& error = checks.error();
  return InvalidField(error.reason(), error.field(), error.message(), error.mend());
}

void CheckRegistryId(Checks& c, const Path& at, const std::string& value) {
  c.Present(at, !value.empty());
  if (!IsRegistryId(value)) {
    c.Refuse(at, "MALFORMED", "is no id", "Send a letter and up to 62 of a-z, 0-9 and '-'");
  }
}

absl::Status OperatorsOnly(std::string_view what) {
  return FieldError(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED", "authorization", what,
                    "Use an operator's credential");
}

void CheckSourceFields(Checks& c, const Path& at, const v1::Source& source) {
  c.Text(at["display_name"], source.display_name(), 256);
  c.Enum(at["default_channel"], events::v1::Channel_IsValid(source.default_channel()), source.default_channel(),
         Need::kOptional);
  c.Count(at["priority"], source.priority(), 0, kMaxPriority);
  c.Enum(at["state"], events::v1::SourceState_IsValid(source.state()), source.state(), Need::kOptional);
}

void CheckWorkspaceFields(Checks& c, const Path& at, const v1::Workspace& workspace) {
  c.Text(at["display_name"], workspace.display_name(), 256);
  c.TimeZone(at["time_zone"], workspace.time_zone());
  const Path quota = at["ingest_quota"];
  c.Count(quota["events_per_second"], workspace.ingest_quota().events_per_second(), 0, kMaxQuota);
  c.Count(quota["burst_events"], workspace.ingest_quota().burst_events(), 0, kMaxQuota);
}

}  // namespace

absl::StatusOr<v1::CreateWorkspaceRequest> CommandOf(const v1::CreateWorkspaceRequest& request,
                                                     const rpc::Principal& principal) {
  if (!IsOperator(principal)) return OperatorsOnly("only an operator may create workspaces");
  v1::CreateWorkspaceRequest body = request;
  body.clear_request_id();
  v1::Workspace& workspace = *body.mutable_workspace();
  workspace.clear_created_at();
  workspace.clear_revision();
  workspace.clear_updated_at();
  if (workspace.time_zone().empty()) workspace.set_time_zone("UTC");
  Checks c("", "");
  const Path root;
  const Path at = root["workspace"];
  c.Present(at, request.has_workspace());
  CheckRegistryId(c, at["workspace_id"], workspace.workspace_id());
  CheckWorkspaceFields(c, at, workspace);
  c.Currency(at["default_currency"], workspace.default_currency());
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  return body;
}

absl::StatusOr<v1::UpdateWorkspaceRequest> CommandOf(const v1::UpdateWorkspaceRequest& request,
                                                     const rpc::Principal& principal) {
  if (!IsOperator(principal)) return OperatorsOnly("only an operator may change workspaces");
  v1::UpdateWorkspaceRequest body = request;
  body.clear_request_id();
  v1::Workspace& workspace = *body.mutable_workspace();
  workspace.clear_created_at();
  workspace.clear_updated_at();
  if (workspace.time_zone().empty()) workspace.set_time_zone("UTC");
  if (body.update_mask().paths().empty()) {
    for (size_t i = 0; i < 3; ++i) body.mutable_update_mask()->add_paths(kWorkspaceFields[i]);
  }
  Checks c("", "");
  const Path root;
  const Path at = root["workspace"];
  c.Present(at, request.has_workspace());
  CheckRegistryId(c, at["workspace_id"], workspace.workspace_id());
  c.Count(at["revision"], workspace.revision(), 0, INT64_MAX);
  CheckWorkspaceFields(c, at, workspace);
  for (const std::string& path : body.update_mask().paths()) {
    if (std::find(kWorkspaceFields.begin(), kWorkspaceFields.end(), path) == kWorkspaceFields.end()) {
      c.Refuse(root["update_mask"], "MALFORMED", "names a field that cannot be changed",
               "Name display_name, time_zone or ingest_quota");
    }
  }
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  return body;
}

absl::StatusOr<v1::CreateSourceRequest> CommandOf(const v1::CreateSourceRequest& request,
                                                  const rpc::Principal& principal) {
  v1::CreateSourceRequest body = request;
  body.clear_request_id();
  v1::Source& source = *body.mutable_source();
  source.clear_revision();
  source.clear_created_at();
  source.clear_updated_at();
  if (source.state() == events::v1::SOURCE_STATE_UNSPECIFIED) source.set_state(events::v1::SOURCE_STATE_ACTIVE);
  Checks c("", "");
  const Path root;
  const Path at = root["source"];
  c.Present(at, request.has_source());
  CheckRegistryId(c, at["source_id"], source.source_id());
  CheckSourceFields(c, at, source);
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  TRIBUTARY_ASSIGN_OR_RETURN(*source.mutable_workspace_id(),
                             WorkspaceFor(principal, request.source().workspace_id(), "source.workspace_id"));
  return body;
}

absl::StatusOr<v1::UpdateSourceRequest> CommandOf(const v1::UpdateSourceRequest& request,
                                                  const rpc::Principal& principal) {
  v1::UpdateSourceRequest body = request;
  body.clear_request_id();
  v1::Source& source = *body.mutable_source();
  source.clear_created_at();
  source.clear_updated_at();
  if (source.state() == events::v1::SOURCE_STATE_UNSPECIFIED) source.set_state(events::v1::SOURCE_STATE_ACTIVE);
  if (body.update_mask().paths().empty()) {
    for (const char* field : kUpdatableFields) body.mutable_update_mask()->add_paths(field);
  }
  Checks c("", "");
  const Path root;
  const Path at = root["source"];
  c.Present(at, request.has_source());
  CheckRegistryId(c, at["source_id"], source.source_id());
  c.Count(at["revision"], source.revision(), 0, INT64_MAX);
  CheckSourceFields(c, at, source);
  for (const std::string& path : body.update_mask().paths()) {
    if (std::find(kUpdatableFields.begin(), kUpdatableFields.end(), path) == kUpdatableFields.end()) {
      c.Refuse(root["update_mask"], "MALFORMED", "names a field that cannot be changed",
               "Name display_name, default_channel, priority or state");
    }
  }
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  TRIBUTARY_ASSIGN_OR_RETURN(*source.mutable_workspace_id(),
                             WorkspaceFor(principal, request.source().workspace_id(), "source.workspace_id"));
  return body;
}

absl::StatusOr<v1::RotateSourceWriteKeyRequest> CommandOf(const v1::RotateSourceWriteKeyRequest& request,
                                                          const rpc::Principal& principal) {
  v1::RotateSourceWriteKeyRequest body = request;
  body.clear_request_id();
  Checks c("", "");
  const Path root;
  CheckRegistryId(c, root["source_id"], request.source_id());
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  TRIBUTARY_ASSIGN_OR_RETURN(*body.mutable_workspace_id(),
                             WorkspaceFor(principal, request.workspace_id(), "workspace_id"));
  return body;
}

absl::StatusOr<v1::CreateCredentialRequest> CommandOf(const v1::CreateCredentialRequest& request,
                                                      const rpc::Principal& principal) {
  v1::CreateCredentialRequest body = request;
  body.clear_request_id();
  v1::Credential& credential = *body.mutable_credential();
  credential.clear_credential_id();
  credential.clear_created_at();
  credential.clear_revoked_at();
  Checks c("", "");
  const Path root;
  const Path at = root["credential"];
  c.Present(at, request.has_credential());
  c.Enum(at["role"], events::v1::Role_IsValid(credential.role()), credential.role(), Need::kRequired);
  c.Text(at["display_name"], credential.display_name(), 256);
  if (credential.role() == events::v1::ROLE_OPERATOR) {
    if (!credential.workspace_id().empty()) {
      c.Refuse(at["workspace_id"], "UNEXPECTED", "an operator is bound to no workspace", "Leave it empty");
    }
    TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
    if (!IsOperator(principal)) return OperatorsOnly("only an operator may create an operator's credential");
    return body;
  }
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  TRIBUTARY_ASSIGN_OR_RETURN(*credential.mutable_workspace_id(),
                             WorkspaceFor(principal, request.credential().workspace_id(), "credential.workspace_id"));
  return body;
}

absl::StatusOr<v1::RevokeCredentialRequest> CommandOf(const v1::RevokeCredentialRequest& request,
                                                      const rpc::Principal&) {
  v1::RevokeCredentialRequest body = request;
  body.clear_request_id();
  Checks c("", "");
  c.Text(Path()["credential_id"], request.credential_id(), 64, Need::kRequired);
  TRIBUTARY_RETURN_IF_ERROR(StatusOf(c));
  return body;
}

}  // namespace tributary::ingestion
