#include "ingestion/processor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "google/protobuf/util/time_util.h"
#include "ingestion/tables.h"
#include "tributary/events/v1/registry.pb.h"
#include "tributary/ingestion/v1/ingestion.pb.h"

namespace tributary::ingestion {
namespace {

using events::v1::CredentialCreated;
using events::v1::CredentialRevoked;
using events::v1::SourceCreated;
using events::v1::SourceDefinition;
using events::v1::SourceUpdated;
using events::v1::WorkspaceCreated;
using events::v1::WorkspaceUpdated;
using processor::Command;
using processor::Decided;
using processor::Decision;
using processor::RecordType;
using processor::Reply;
using processor::View;
using storage::v1::RegistryReply;

google::protobuf::Timestamp ToProto(absl::Time time) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

Decided Rejected(absl::StatusCode code, std::string reason, std::string field, std::string message) {
  Decided decided;
  decided.reply = Reply::Reject(code, std::move(reason), std::move(field), std::move(message));
  return decided;
}

Decided Malformed() {
  return Rejected(absl::StatusCode::kInvalidArgument, "MALFORMED", "", "the command does not parse");
}

Decided NoSuchWorkspace(std::string field) {
  return Rejected(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", std::move(field), "there is no such workspace");
}

Decided NoSuchSource(std::string field) {
  return Rejected(absl::StatusCode::kNotFound, "SOURCE_NOT_FOUND", std::move(field), "there is no such source");
}

// The secret was drawn by a process that is gone: whoever still waits draws another.
Decided SecretGone() {
  Decided decided;
  decided.reply = Reply::Reject(absl::StatusCode::kUnavailable, "SECRET_GONE", "", "the call is over; try again");
  decided.reply->retry = true;
  return decided;
}

Decided SecretInUse() {
  return Rejected(absl::StatusCode::kAlreadyExists, "SECRET_IN_USE", "", "this secret was given out before");
}

bool InUse(const View& view, const std::string& digest) {
  return view.Contains(kSecrets, {digest}) || view.Contains(kWriteKeys, {digest});
}

Decided Accepted(const RegistryReply& reply) {
  Decided decided;
  decided.reply = Reply::Ok(reply);
  return decided;
}

RegistryReply ReplyFor(const SourceDefinition& source, std::string secret_digest) {
  RegistryReply reply;
  reply.set_workspace_id(source.workspace_id());
  reply.set_source_id(source.source_id());
  reply.set_secret_digest(std::move(secret_digest));
  return reply;
}

Decided Updated(SourceDefinition source, std::string secret_digest, absl::Time now) {
  source.set_revision(source.revision() + 1);
  *source.mutable_updated_at() = ToProto(now);
  Decided decided = Accepted(ReplyFor(source, std::move(secret_digest)));
  SourceUpdated updated;
  *updated.mutable_source() = std::move(source);
  decided.decisions.push_back(Decision::Of(std::move(updated)));
  return decided;
}

void ApplySource(const SourceDefinition& source, processor::Writer<Kind::kDecisions>& out) {
  storage::v1::SourceRow row;
  *row.mutable_source() = source;
  out.Put(kSources, {source.workspace_id(), source.source_id()}, std::move(row));
  storage::v1::WriteKeyRow key;
  key.set_workspace_id(source.workspace_id());
  key.set_source_id(source.source_id());
  out.Put(kWriteKeys, {source.write_key_digest()}, std::move(key));
}

}  // namespace

absl::Status IngestionProcessor::ApplyFact(const processor::Fact& fact, const processor::KindView<Kind::kFacts>&,
                                           processor::Writer<Kind::kFacts>&) {
  return absl::InternalError(fmt::format("a fact of type '{}' on the registry log", fact.type));
}

void IngestionProcessor::ApplyDecision(const Decision& decision, const processor::KindView<Kind::kDecisions>& decisions,
                                       processor::Writer<Kind::kDecisions>& out) {
  if (decision.type == RecordType<WorkspaceCreated>()) {
    storage::v1::WorkspaceRow row;
    *row.mutable_created() = *decision.value.As<WorkspaceCreated>();
    out.Put(kWorkspaces, {row.created().workspace_id()}, row);
  } else if (decision.type == RecordType<WorkspaceUpdated>()) {
    const WorkspaceUpdated& updated = *decision.value.As<WorkspaceUpdated>();
    const auto before = decisions.Get(kWorkspaces, {updated.workspace_id()});
    if (before == nullptr) return;
    storage::v1::WorkspaceRow row = *before;
    *row.mutable_updated() = updated;
    out.Put(kWorkspaces, {updated.workspace_id()}, std::move(row));
  } else if (decision.type == RecordType<SourceCreated>()) {
    ApplySource(decision.value.As<SourceCreated>()->source(), out);
  } else if (decision.type == RecordType<SourceUpdated>()) {
    const SourceDefinition& source = decision.value.As<SourceUpdated>()->source();
    const auto before = decisions.Get(kSources, {source.workspace_id(), source.source_id()});
    if (before != nullptr) out.Delete(kWriteKeys, {before->source().write_key_digest()});
    ApplySource(source, out);
  } else if (decision.type == RecordType<CredentialCreated>()) {
    const CredentialCreated& created = *decision.value.As<CredentialCreated>();
    storage::v1::CredentialRow row;
    *row.mutable_created() = created;
    out.Put(kCredentials, {created.credential_id()}, std::move(row));
    storage::v1::SecretRow secret;
    secret.set_credential_id(created.credential_id());
    out.Put(kSecrets, {created.secret_digest()}, std::move(secret));
  } else if (decision.type == RecordType<CredentialRevoked>()) {
    const CredentialRevoked& revoked = *decision.value.As<CredentialRevoked>();
    const auto before = decisions.Get(kCredentials, {revoked.credential_id()});
    if (before == nullptr) return;
    storage::v1::CredentialRow row = *before;
    row.set_revoked_at_micros(google::protobuf::util::TimeUtil::TimestampToMicroseconds(revoked.revoked_at()));
    out.Put(kCredentials, {revoked.credential_id()}, std::move(row));
  }
}

Decided IngestionProcessor::Decide(const processor::Input& input, const View& view, absl::Time now) {
  const Command* const command = std::get_if<Command>(&input);
  if (command == nullptr) return {};
  if (command->type == command::kCreateWorkspace) return CreateWorkspace(*command, view, now);
  if (command->type == command::kUpdateWorkspace) return UpdateWorkspace(*command, view, now);
  if (command->type == command::kCreateSource) return CreateSource(*command, view, now);
  if (command->type == command::kUpdateSource) return UpdateSource(*command, view, now);
  if (command->type == command::kRotateSourceWriteKey) return RotateSourceWriteKey(*command, view, now);
  if (command->type == command::kCreateCredential) return CreateCredential(*command, view, now);
  if (command->type == command::kRevokeCredential) return RevokeCredential(*command, view, now);
  return Rejected(absl::StatusCode::kInvalidArgument, "UNKNOWN_COMMAND", "", "there is no such command");
}

int32_t IngestionProcessor::LeastLoadedPartition(const View& view) const {
  std::vector<int64_t> workspaces(static_cast<size_t>(options_.intake_partitions));
  view.Scan(kWorkspaces, std::tuple<>(), [&](const auto&, const auto& row) {
    const auto partition = static_cast<size_t>(row->created().intake_partition());
    if (partition < workspaces.size()) ++workspaces[partition];
    return true;
  });
  return static_cast<int32_t>(std::min_element(workspaces.begin(), workspaces.end()) - workspaces.begin());
}

Decided IngestionProcessor::CreateWorkspace(const Command& command, const View& view, absl::Time now) const {
  v1::CreateWorkspaceRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Workspace& workspace = request.workspace();
  if (view.Contains(kWorkspaces, {workspace.workspace_id()})) {
    return Rejected(absl::StatusCode::kAlreadyExists, "WORKSPACE_EXISTS", "workspace.workspace_id",
                    "the id is taken; choose another");
  }
  WorkspaceCreated created;
  created.set_workspace_id(workspace.workspace_id());
  created.set_display_name(workspace.display_name());
  created.set_time_zone(workspace.time_zone());
  created.set_default_currency(workspace.default_currency());
  created.set_intake_partition(LeastLoadedPartition(view));
  *created.mutable_created_at() = ToProto(now);
  if (workspace.has_ingest_quota()) *created.mutable_ingest_quota() = workspace.ingest_quota();
  RegistryReply reply;
  reply.set_workspace_id(workspace.workspace_id());
  Decided decided = Accepted(reply);
  decided.decisions.push_back(Decision::Of(std::move(created)));
  return decided;
}

Decided IngestionProcessor::UpdateWorkspace(const Command& command, const View& view, absl::Time now) const {
  v1::UpdateWorkspaceRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Workspace& wanted = request.workspace();
  const auto row = view.Get(kWorkspaces, {wanted.workspace_id()});
  if (row == nullptr) return NoSuchWorkspace("workspace.workspace_id");
  WorkspaceUpdated updated = StateOf(*row);
  if (wanted.revision() != 0 && wanted.revision() != updated.revision()) {
    return Rejected(absl::StatusCode::kAborted, "REVISION_MISMATCH", "workspace.revision",
                    "the workspace has changed meanwhile; read it and try again");
  }
  for (const std::string& path : request.update_mask().paths()) {
    events::v1::IngestQuota& quota = *updated.mutable_ingest_quota();
    if (path == "display_name") updated.set_display_name(wanted.display_name());
    if (path == "time_zone") updated.set_time_zone(wanted.time_zone());
    if (path == "ingest_quota") quota = wanted.ingest_quota();
    if (path == "ingest_quota.events_per_second")
      quota.set_events_per_second(wanted.ingest_quota().events_per_second());
    if (path == "ingest_quota.burst_events") quota.set_burst_events(wanted.ingest_quota().burst_events());
  }
  updated.set_revision(updated.revision() + 1);
  *updated.mutable_updated_at() = ToProto(now);
  RegistryReply reply;
  reply.set_workspace_id(updated.workspace_id());
  Decided decided = Accepted(reply);
  decided.decisions.push_back(Decision::Of(std::move(updated)));
  return decided;
}

Decided IngestionProcessor::CreateSource(const Command& command, const View& view, absl::Time now) const {
  v1::CreateSourceRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Source& source = request.source();
  if (!view.Contains(kWorkspaces, {source.workspace_id()})) return NoSuchWorkspace("source.workspace_id");
  if (view.Contains(kSources, {source.workspace_id(), source.source_id()})) {
    return Rejected(absl::StatusCode::kAlreadyExists, "SOURCE_EXISTS", "source.source_id",
                    "the id is taken in this workspace; choose another");
  }
  const std::optional<std::string> digest = offers_.Find(command.request_id);
  if (!digest.has_value()) return SecretGone();
  if (InUse(view, *digest)) return SecretInUse();
  SourceCreated created;
  SourceDefinition& definition = *created.mutable_source();
  definition.set_workspace_id(source.workspace_id());
  definition.set_source_id(source.source_id());
  definition.set_display_name(source.display_name());
  definition.set_default_channel(source.default_channel());
  definition.set_priority(source.priority());
  definition.set_write_key_digest(*digest);
  definition.set_state(source.state());
  definition.set_revision(1);
  *definition.mutable_created_at() = ToProto(now);
  *definition.mutable_updated_at() = ToProto(now);
  Decided decided = Accepted(ReplyFor(definition, *digest));
  decided.decisions.push_back(Decision::Of(std::move(created)));
  return decided;
}

Decided IngestionProcessor::UpdateSource(const Command& command, const View& view, absl::Time now) const {
  v1::UpdateSourceRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Source& wanted = request.source();
  const auto row = view.Get(kSources, {wanted.workspace_id(), wanted.source_id()});
  if (row == nullptr) return NoSuchSource("source.source_id");
  SourceDefinition source = row->source();
  if (wanted.revision() != 0 && wanted.revision() != source.revision()) {
    return Rejected(absl::StatusCode::kAborted, "REVISION_MISMATCH", "source.revision",
                    "the source has changed meanwhile; read it and try again");
  }
  for (const std::string& path : request.update_mask().paths()) {
    if (path == "display_name") source.set_display_name(wanted.display_name());
    if (path == "default_channel") source.set_default_channel(wanted.default_channel());
    if (path == "priority") source.set_priority(wanted.priority());
    if (path == "state") source.set_state(wanted.state());
  }
  return Updated(std::move(source), "", now);
}

Decided IngestionProcessor::RotateSourceWriteKey(const Command& command, const View& view, absl::Time now) const {
  v1::RotateSourceWriteKeyRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const auto row = view.Get(kSources, {request.workspace_id(), request.source_id()});
  if (row == nullptr) return NoSuchSource("source_id");
  const std::optional<std::string> digest = offers_.Find(command.request_id);
  if (!digest.has_value()) return SecretGone();
  if (InUse(view, *digest)) return SecretInUse();
  SourceDefinition source = row->source();
  source.set_write_key_digest(*digest);
  return Updated(std::move(source), *digest, now);
}

Decided IngestionProcessor::CreateCredential(const Command& command, const View& view, absl::Time now) const {
  v1::CreateCredentialRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const v1::Credential& credential = request.credential();
  if (!credential.workspace_id().empty() && !view.Contains(kWorkspaces, {credential.workspace_id()})) {
    return NoSuchWorkspace("credential.workspace_id");
  }
  const std::optional<std::string> digest = offers_.Find(command.request_id);
  if (!digest.has_value()) return SecretGone();
  if (InUse(view, *digest)) return SecretInUse();
  CredentialCreated created;
  created.set_credential_id(CredentialIdOf(*digest));
  created.set_workspace_id(credential.workspace_id());
  created.set_role(credential.role());
  created.set_secret_digest(*digest);
  created.set_display_name(credential.display_name());
  *created.mutable_created_at() = ToProto(now);
  RegistryReply reply;
  reply.set_workspace_id(credential.workspace_id());
  reply.set_credential_id(created.credential_id());
  reply.set_secret_digest(*digest);
  Decided decided = Accepted(reply);
  decided.decisions.push_back(Decision::Of(std::move(created)));
  return decided;
}

Decided IngestionProcessor::RevokeCredential(const Command& command, const View& view, absl::Time now) const {
  v1::RevokeCredentialRequest request;
  if (!request.ParseFromString(command.body)) return Malformed();
  const auto row = view.Get(kCredentials, {request.credential_id()});
  if (row == nullptr) {
    return Rejected(absl::StatusCode::kNotFound, "CREDENTIAL_NOT_FOUND", "credential_id",
                    "there is no such credential");
  }
  RegistryReply reply;
  reply.set_workspace_id(row->created().workspace_id());
  reply.set_credential_id(request.credential_id());
  Decided decided = Accepted(reply);
  if (row->revoked_at_micros() != 0) return decided;
  CredentialRevoked revoked;
  revoked.set_credential_id(request.credential_id());
  *revoked.mutable_revoked_at() = ToProto(now);
  decided.decisions.push_back(Decision::Of(std::move(revoked)));
  return decided;
}

}  // namespace tributary::ingestion
