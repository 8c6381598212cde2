// Rows as the API shows them.
#pragma once

#include "absl/status/statusor.h"
#include "ingestion/list_pages.h"
#include "tributary/ingestion/v1/ingestion.pb.h"
#include "tributary/projection/table.h"
#include "tributary/rpc/credentials.h"
#include "tributary/storage/v1/ingestion.pb.h"

namespace tributary::ingestion {

v1::Workspace ToResource(const storage::v1::WorkspaceRow& row);
v1::Source ToResource(const storage::v1::SourceRow& row);
v1::Credential ToResource(const storage::v1::CredentialRow& row);

// NotFound if there is none.
absl::StatusOr<v1::Workspace> FindWorkspace(const projection::View& view, const std::string& workspace_id);
absl::StatusOr<v1::Source> FindSource(const projection::View& view, const std::string& workspace_id,
                                      const std::string& source_id);
// NotFound also for one of another workspace; an operator sees all.
absl::StatusOr<v1::Credential> FindCredential(const projection::View& view, const rpc::Principal& principal,
                                              const std::string& credential_id);

// Pages of lists; `list` as in ReadPage.
v1::ListWorkspacesResponse ListWorkspaces(const projection::View& view, const rpc::Principal& principal,
                                          std::string_view list, const Page& page);
v1::ListSourcesResponse ListSources(const projection::View& view, const std::string& workspace_id,
                                    std::string_view list, const Page& page);
v1::ListCredentialsResponse ListCredentials(const projection::View& view, const std::string& workspace_id,
                                            std::string_view list, const Page& page);

}  // namespace tributary::ingestion
