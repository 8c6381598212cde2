// tributary.identity.v1.IdentityService on the tasks of this process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "identity/explain.h"
#include "tributary/eventlog/record.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"
#include "tributary/identity/v1/identity.grpc.pb.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/call.h"

namespace tributary::identity {

// An identifier whose profile is asked for.
struct ResolveRequest {
  std::string workspace_id;
  events::v1::SubjectKind subject_kind = events::v1::SUBJECT_KIND_UNSPECIFIED;  // means PERSON
  events::v1::Identifier identifier;  // as the caller wrote it; type, issuer and value count
  std::string token;                  // of an earlier write that is to be seen; empty: none
  std::string field = "identifier";   // where it stands in the caller's request: errors name fields below it
};

struct ResolvedProfile {
  std::string profile_id;  // that survives
  std::string token;       // with it, reads of the profile see the merges that made it; empty: none did
};

// Thread-safe. Answers from snapshots; a call that waits for its token holds no thread, and goes on where its wait
// ends, which may be a task's thread. What is another workspace's is NOT_FOUND.
class IdentityFront final : public v1::IdentityService::CallbackService {
 public:
  // All must outlive the front and its calls.
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    const processor::TaskHost* tasks = nullptr;
    const processor::ReadGate* reads = nullptr;
    const identifier::KeyMaker* keys = nullptr;
    const identifier::IdentifierRules* rules = nullptr;
    // The partition of `intake` that a workspace is in; its error, mostly NOT_FOUND, is sent to the caller.
    // Thread-safe.
    std::function<absl::StatusOr<eventlog::Partition>(std::string_view workspace_id)> intake_partition_of;
  };
  explicit IdentityFront(Deps deps);

  // For the other fronts of this process. `done` is called once, on any thread, perhaps before this returns, with the
  // surviving profile. Errors: INVALID_ARGUMENT (Normalise's, or the token's), NOT_FOUND with the reason
  // IDENTIFIER_NOT_FOUND, UNAVAILABLE (not visible before the deadline, by the wall's clock; not served here). Their
  // texts hold no value.
  void Resolve(const ResolveRequest& request, absl::Time deadline,
               std::function<void(absl::StatusOr<ResolvedProfile>)> done) const;

  // For the other fronts of this process. `done` is called as by Resolve(), with the opaque keys of the identifiers of
  // a present or retired profile and all that were merged into it; at most kMaxListedIdentifiers. Errors: NOT_FOUND,
  // INVALID_ARGUMENT (the token's), UNAVAILABLE.
  void KeysOf(const std::string& workspace_id, const std::string& profile_id, const std::string& token,
              absl::Time deadline, std::function<void(absl::StatusOr<std::vector<std::string>>)> done) const;

  grpc::ServerUnaryReactor* ResolveIdentifier(grpc::CallbackServerContext* context,
                                              const v1::ResolveIdentifierRequest* request,
                                              v1::ResolveIdentifierResponse* response) override;
  grpc::ServerUnaryReactor* GetIdentityProfile(grpc::CallbackServerContext* context,
                                               const v1::GetIdentityProfileRequest* request,
                                               v1::GetIdentityProfileResponse* response) override;
  grpc::ServerUnaryReactor* ListLinkRefusals(grpc::CallbackServerContext* context,
                                             const v1::ListLinkRefusalsRequest* request,
                                             v1::ListLinkRefusalsResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* GetIdentifierHistory(grpc::CallbackServerContext* context,
                                                 const v1::GetIdentifierHistoryRequest* request,
                                                 v1::GetIdentifierHistoryResponse* response) override;

 private:
  using ResolvedFn = std::function<void(absl::StatusOr<v1::ResolveIdentifierResponse>)>;
  // Errors: Normalise's, naming fields below `field`.
  absl::StatusOr<events::v1::IdentifierKey> KeyOf(const std::string& workspace_id,
                                                  const events::v1::Identifier& identifier,
                                                  const std::string& field) const;
  absl::StatusOr<Asked> AskedOf(const std::string& workspace_id, const v1::IdentitySelector& selector,
                                const std::string& field) const;
  void ResolveWithKey(const ResolveRequest& request, absl::Time deadline, ResolvedFn done) const;
  // Calls `done` with a snapshot of the workspace's partition in which the token is visible.
  void Read(std::string_view workspace_id, std::string_view token, absl::Time deadline,
            processor::SnapshotFn done) const;

  const Deps deps_;
};

}  // namespace tributary::identity
