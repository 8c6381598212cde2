#include "ingestion/resources.h"

#include <string>
#include <utility>

#include "google/protobuf/util/time_util.h"
#include "ingestion/directory.h"
#include "ingestion/tables.h"
#include "tributary/base/status.h"

namespace tributary::ingestion {
namespace {

absl::Status NotFound(std::string_view reason, std::string_view field, std::string_view what) {
  return FieldError(absl::StatusCode::kNotFound, reason, field, what, "List what there is");
}

// Puts rows on a page until it is full. False: the page is full, and one more row is there.
template <typename Rows, typename Resource>
bool PutOnPage(Rows* rows, Resource resource, const std::string& last_id, std::string_view list, const Page& page,
               std::string* next_page_token) {
  if (rows->size() == page.size) {
    *next_page_token = NextPageToken(list, last_id);
    return false;
  }
  *rows->Add() = std::move(resource);
  return true;
}

}  // namespace

v1::Workspace ToResource(const storage::v1::WorkspaceRow& row) {
  const events::v1::WorkspaceUpdated state = StateOf(row);
  v1::Workspace workspace;
  workspace.set_workspace_id(row.created().workspace_id());
  workspace.set_display_name(state.display_name());
  workspace.set_time_zone(state.time_zone());
  workspace.set_default_currency(row.created().default_currency());
  *workspace.mutable_created_at() = row.created().created_at();
  if (state.has_ingest_quota()) *workspace.mutable_ingest_quota() = state.ingest_quota();
  workspace.set_revision(state.revision());
  *workspace.mutable_updated_at() = state.updated_at();
  return workspace;
}

v1::Source ToResource(const storage::v1::SourceRow& row) {
  const events::v1::SourceDefinition& definition = row.source();
  v1::Source source;
  source.set_workspace_id(definition.workspace_id());
  source.set_source_id(definition.source_id());
  source.set_display_name(definition.display_name());
  source.set_default_channel(definition.default_channel());
  source.set_priority(definition.priority());
  source.set_state(definition.state());
  source.set_revision(definition.revision());
  *source.mutable_created_at() = definition.created_at();
  *source.mutable_updated_at() = definition.updated_at();
  return source;
}

v1::Credential ToResource(const storage::v1::CredentialRow& row) {
  v1::Credential credential;
  credential.set_credential_id(row.created().credential_id());
  credential.set_workspace_id(row.created().workspace_id());
  credential.set_role(row.created().role());
  credential.set_display_name(row.created().display_name());
  *credential.mutable_created_at() = row.created().created_at();
  if (row.revoked_at_micros() != 0) {
    *credential.mutable_revoked_at() =
        google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(row.revoked_at_micros());
  }
  return credential;
}

absl::StatusOr<v1::Workspace> FindWorkspace(const projection::View& view, const std::string& workspace_id) {
  const auto row = view.Get(kWorkspaces, {workspace_id});
  if (row == nullptr) return NotFound("WORKSPACE_NOT_FOUND", "workspace_id", "there is no such workspace");
  return ToResource(*row);
}

absl::StatusOr<v1::Source> FindSource(const projection::View& view, const std::string& workspace_id,
                                      const std::string& source_id) {
  const auto row = view.Get(kSources, {workspace_id, source_id});
  if (row == nullptr) return NotFound("SOURCE_NOT_FOUND", "source_id", "there is no such source");
  return ToResource(*row);
}

absl::StatusOr<v1::Credential> FindCredential(const projection::View& view, const rpc::Principal& principal,
                                              const std::string& credential_id) {
  const auto row = view.Get(kCredentials, {credential_id});
  if (row == nullptr || (!IsOperator(principal) && row->created().workspace_id() != principal.workspace_id)) {
    return NotFound("CREDENTIAL_NOT_FOUND", "credential_id", "there is no such credential");
  }
  return ToResource(*row);
}

v1::ListWorkspacesResponse ListWorkspaces(const projection::View& view, const rpc::Principal& principal,
                                          std::string_view list, const Page& page) {
  v1::ListWorkspacesResponse response;
  std::string last;
  const auto visit = [&](const std::tuple<std::string>& key, const auto& row) {
    const std::string& id = std::get<0>(key);
    if (id == page.after || (!IsOperator(principal) && id != principal.workspace_id)) return true;
    const bool goes_on = PutOnPage(response.mutable_workspaces(), ToResource(*row), last, list, page,
                                   response.mutable_next_page_token());
    last = id;
    return goes_on;
  };
  view.Scan(kWorkspaces, std::tuple<>(), visit, {.from = std::tuple(page.after)});
  return response;
}

v1::ListSourcesResponse ListSources(const projection::View& view, const std::string& workspace_id,
                                    std::string_view list, const Page& page) {
  v1::ListSourcesResponse response;
  std::string last;
  const auto visit = [&](const std::tuple<std::string, std::string>& key, const auto& row) {
    const std::string& id = std::get<1>(key);
    if (id == page.after) return true;
    const bool goes_on =
        PutOnPage(response.mutable_sources(), ToResource(*row), last, list, page, response.mutable_next_page_token());
    last = id;
    return goes_on;
  };
  view.Scan(kSources, std::tuple(workspace_id), visit, {.from = std::tuple(workspace_id, page.after)});
  return response;
}

v1::ListCredentialsResponse ListCredentials(const projection::View& view, const std::string& workspace_id,
                                            std::string_view list, const Page& page) {
  v1::ListCredentialsResponse response;
  std::string last;
  const auto visit = [&](const std::tuple<std::string>& key, const auto& row) {
    const std::string& id = std::get<0>(key);
    if (id == page.after || row->created().workspace_id() != workspace_id) return true;
    const bool goes_on = PutOnPage(response.mutable_credentials(), ToResource(*row), last, list, page,
                                   response.mutable_next_page_token());
    last = id;
    return goes_on;
  };
  view.Scan(kCredentials, std::tuple<>(), visit, {.from = std::tuple(page.after)});
  return response;
}

}  // namespace tributary::ingestion
