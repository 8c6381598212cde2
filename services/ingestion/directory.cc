#include "ingestion/directory.h"

#include <utility>

#include "ingestion/secrets.h"
#include "ingestion/tables.h"
#include "tributary/base/status.h"

namespace tributary::ingestion {
namespace {

std::optional<rpc::Role> RoleOf(events::v1::Role role) {
  switch (role) {
    case events::v1::ROLE_INGEST:
      return rpc::Role::kIngest;
    case events::v1::ROLE_READ:
      return rpc::Role::kRead;
    case events::v1::ROLE_AGENT:
      return rpc::Role::kAgent;
    case events::v1::ROLE_MANAGER:
      return rpc::Role::kManager;
    case events::v1::ROLE_MARKETER:
      return rpc::Role::kMarketer;
    case events::v1::ROLE_ADMIN:
      return rpc::Role::kAdmin;
    case events::v1::ROLE_OPERATOR:
      return rpc::Role::kOperator;
    default:
      return std::nullopt;
  }
}

bool CaughtUp(const processor::TaskStatus& status) {
  if (status.state == processor::TaskState::kDeciding) return true;
  return status.end.value() > 0 && status.visible.value() + 1 >= status.end.value();
}

}  // namespace

RegistryDirectory::RegistryDirectory(const processor::Task* registry)
    : registry_(registry), contents_(std::make_shared<const Contents>()) {}

absl::StatusOr<rpc::Principal> RegistryDirectory::Verify(std::string_view bearer_secret) const {
  const std::shared_ptr<const Contents> contents = Current();
  const auto at = contents->principals.find(SecretDigest(bearer_secret));
  if (at != contents->principals.end()) return at->second;
  {
    std::lock_guard lock(mutex_);
    if (!caught_up_) return absl::UnavailableError("the credentials are not loaded yet");
  }
  return FieldError(absl::StatusCode::kUnauthenticated, "CREDENTIAL_UNKNOWN", "authorization",
                    "the credential is not valid", "Ask an admin of the workspace for a new one");
}

std::shared_ptr<const WorkspaceEntry> RegistryDirectory::FindWorkspace(std::string_view workspace_id) const {
  const std::shared_ptr<const Contents> contents = Current();
  const auto at = contents->workspaces.find(ToAbsl(workspace_id));
  return at == contents->workspaces.end() ? nullptr : at->second;
}

std::optional<eventlog::Partition> RegistryDirectory::IntakePartitionOf(std::string_view workspace_id) const {
  const std::shared_ptr<const WorkspaceEntry> workspace = FindWorkspace(workspace_id);
  if (workspace == nullptr) return std::nullopt;
  return workspace->intake_partition;
}

bool RegistryDirectory::KnowsCredential(std::string_view secret_digest) const {
  return Current()->credential_digests.contains(ToAbsl(secret_digest));
}

absl::Status RegistryDirectory::Refresh() const {
  std::lock_guard loading(load_mutex_);
  return Load();
}

bool RegistryDirectory::caught_up() const {
  (void)Current();
  std::lock_guard lock(mutex_);
  return caught_up_;
}

std::shared_ptr<const RegistryDirectory::Contents> RegistryDirectory::Current() const {
  const processor::TaskStatus status = registry_->status();
  bool stale;
  {
    std::lock_guard lock(mutex_);
    caught_up_ = caught_up_ || CaughtUp(status);
    stale = loaded_batch_ != status.last_batch;
  }
  if (stale) {
    // Calls do not queue behind a load; those that come meanwhile see what was known before.
    std::unique_lock loading(load_mutex_, std::try_to_lock);
    if (loading.owns_lock()) (void)Load();  // an error leaves it stale: the next call tries again
  }
  std::lock_guard lock(mutex_);
  return contents_;
}

absl::Status RegistryDirectory::Load() const {
  const processor::Offset batch = registry_->status().last_batch;  // before the snapshot, which may show more
  const std::unique_ptr<projection::Snapshot> snapshot = registry_->TakeSnapshot();
  const projection::View view = snapshot->view();
  auto contents = std::make_shared<Contents>();
  absl::flat_hash_map<std::string, std::shared_ptr<WorkspaceEntry>> workspaces;
  view.Scan(kWorkspaces, std::tuple<>(), [&](const auto&, const auto& row) {
    const events::v1::WorkspaceCreated& created = row->created();
    auto entry = std::make_shared<WorkspaceEntry>();
    entry->workspace_id = created.workspace_id();
    entry->default_currency = created.default_currency();
    entry->intake_partition = eventlog::Partition(created.intake_partition());
    const events::v1::IngestQuota& quota = row->has_updated() ? row->updated().ingest_quota() : created.ingest_quota();
    entry->events_per_second = quota.events_per_second();
    entry->burst_events = quota.burst_events();
    workspaces.emplace(created.workspace_id(), entry);
    return true;
  });
  view.Scan(kSources, std::tuple<>(), [&](const auto&, const auto& row) {
    const events::v1::SourceDefinition& source = row->source();
    const auto workspace = workspaces.find(source.workspace_id());
    if (workspace == workspaces.end()) return true;
    workspace->second->sources.emplace(source.source_id(),
                                       SourceEntry{source.source_id(), source.default_channel(), source.priority(),
                                                   source.state() != events::v1::SOURCE_STATE_DISABLED});
    contents->principals.emplace(source.write_key_digest(), rpc::Principal{.workspace_id = source.workspace_id(),
                                                                           .role = rpc::Role::kIngest,
                                                                           .source_id = source.source_id()});
    return true;
  });
  view.Scan(kCredentials, std::tuple<>(), [&](const auto&, const auto& row) {
    const events::v1::CredentialCreated& created = row->created();
    contents->credential_digests.insert(created.secret_digest());
    const std::optional<rpc::Role> role = RoleOf(created.role());
    if (row->revoked_at_micros() != 0 || !role.has_value()) return true;
    contents->principals.emplace(created.secret_digest(), rpc::Principal{.workspace_id = created.workspace_id(),
                                                                         .role = *role,
                                                                         .credential_id = created.credential_id()});
    return true;
  });
  TRIBUTARY_RETURN_IF_ERROR(snapshot->status());
  contents->workspaces.insert(workspaces.begin(), workspaces.end());
  std::lock_guard lock(mutex_);
  contents_ = std::move(contents);
  loaded_batch_ = batch;
  return absl::OkStatus();
}

}  // namespace tributary::ingestion
