// The registry in memory, for what every call asks: whose secret is this, which source, which partition?
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/record.h"
#include "tributary/events/v1/value.pb.h"
#include "tributary/processor/task.h"
#include "tributary/rpc/credentials.h"

namespace tributary::ingestion {

struct SourceEntry {
  std::string source_id;
  events::v1::Channel default_channel = events::v1::CHANNEL_UNSPECIFIED;
  int32_t priority = 0;
  bool active = true;
};

struct WorkspaceEntry {
  std::string workspace_id;
  std::string default_currency;
  eventlog::Partition intake_partition;
  // As IngestQuota; 0: none.
  int64_t events_per_second = 0;
  int64_t burst_events = 0;
  absl::flat_hash_map<std::string, SourceEntry> sources;  // by id

  // Null if there is none.
  const SourceEntry* FindSource(std::string_view source_id) const {
    const auto at = sources.find(ToAbsl(source_id));
    return at == sources.end() ? nullptr : &at->second;
  }
};

// Follows what the registry's task commits: a look-up sees every commit that was published before it, and this
// process's own writes after Refresh(). Thread-safe.
class RegistryDirectory final : public rpc::CredentialVerifier {
 public:
  // `registry`: the task of the IngestionProcessor, deciding or standing by. Must outlive this.
  explicit RegistryDirectory(const processor::Task* registry);

  // As CredentialVerifier: a credential's secret, or a source's write key (role INGEST, bound to its source; of a
  // disabled source too, whose events are then refused one by one). UNAVAILABLE until the task has caught up once.
  absl::StatusOr<rpc::Principal> Verify(std::string_view bearer_secret) const override;

  // Null if there is no such workspace. Immutable; it may be kept for a call.
  std::shared_ptr<const WorkspaceEntry> FindWorkspace(std::string_view workspace_id) const;
  // Nothing if there is no such workspace.
  std::optional<eventlog::Partition> IntakePartitionOf(std::string_view workspace_id) const;
  // Whether a credential with this secret was ever created, revoked ones included.
  bool KnowsCredential(std::string_view secret_digest) const;

  // Whether the task has caught up once: before that nobody's credential is known.
  bool caught_up() const;

  // Reads anew what is committed. The error is the disk's; what was known stays.
  absl::Status Refresh() const;

 private:
  struct Contents {
    absl::flat_hash_map<std::string, rpc::Principal> principals;  // by digest of the secret
    absl::flat_hash_set<std::string> credential_digests;          // revoked ones too
    absl::flat_hash_map<std::string, std::shared_ptr<const WorkspaceEntry>> workspaces;
  };

  // What is known, brought up to date unless somebody else is at it.
  std::shared_ptr<const Contents> Current() const;
  absl::Status Load() const;

  const processor::Task* const registry_;
  mutable std::mutex load_mutex_;  // held while loading
  mutable std::mutex mutex_;       // of what follows; never held for long
  mutable std::shared_ptr<const Contents> contents_;
  mutable processor::Offset loaded_batch_{-2};
  mutable bool caught_up_ = false;
};

// Bound to no workspace, and may do everything in all of them.
inline bool IsOperator(const rpc::Principal& principal) { return principal.role == rpc::Role::kOperator; }

}  // namespace tributary::ingestion
