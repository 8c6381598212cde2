// What ingestion keeps of the registry. Decisions' tables all: there are no facts on that log.
#pragma once

#include <string>
#include <tuple>

#include "tributary/projection/table.h"
#include "tributary/storage/v1/ingestion.pb.h"

namespace tributary::ingestion {

using projection::Kind;
using projection::Table;

// workspace id
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, storage::v1::WorkspaceRow> kWorkspaces{32,
                                                                                                         "workspaces"};
// workspace id, source id
inline constexpr Table<Kind::kDecisions, std::tuple<std::string, std::string>, storage::v1::SourceRow> kSources{
    33, "sources"};
// credential id
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, storage::v1::CredentialRow> kCredentials{
    34, "credentials"};
// SHA-256 of the write key
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, storage::v1::WriteKeyRow> kWriteKeys{35,
                                                                                                       "write_keys"};
// SHA-256 of the credential's secret
inline constexpr Table<Kind::kDecisions, std::tuple<std::string>, storage::v1::SecretRow> kSecrets{36, "secrets"};

// What may change of a workspace, as it stands.
inline events::v1::WorkspaceUpdated StateOf(const storage::v1::WorkspaceRow& row) {
  if (row.has_updated()) return row.updated();
  const events::v1::WorkspaceCreated& created = row.created();
  events::v1::WorkspaceUpdated state;
  state.set_workspace_id(created.workspace_id());
  state.set_display_name(created.display_name());
  state.set_time_zone(created.time_zone());
  if (created.has_ingest_quota()) *state.mutable_ingest_quota() = created.ingest_quota();
  state.set_revision(1);
  *state.mutable_updated_at() = created.created_at();
  return state;
}

}  // namespace tributary::ingestion
