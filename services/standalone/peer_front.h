// PeerService on the tasks of this process.
#pragma once

#include "identity/front.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/peer/v1/peer.grpc.pb.h"
#include "tributary/processor/task_host.h"
#include "tributary/rpc/call.h"

namespace tributary::standalone {

// Records of the task's partition that it has not applied, counted from the log's end: what it has not seen yet counts
// too. 0 if the end cannot be told now: the log's failure shows where it is written.
int64_t LagOf(const processor::Task& task, eventlog::EventLog& log);

// Thread-safe.
class PeerFront final : public peer::v1::PeerService::CallbackService {
 public:
  // All must outlive the front and its calls.
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    const processor::TaskHost* host = nullptr;
    eventlog::EventLog* log = nullptr;
    const identity::IdentityFront* identity = nullptr;  // null: identity is not served here
  };
  explicit PeerFront(const Deps& deps) : deps_(deps) {}

  grpc::ServerUnaryReactor* ResolveProfile(grpc::CallbackServerContext* context,
                                           const peer::v1::ResolveProfileRequest* request,
                                           peer::v1::ResolveProfileResponse* response) override;
  grpc::ServerUnaryReactor* GetProfileKeys(grpc::CallbackServerContext* context,
                                           const peer::v1::GetProfileKeysRequest* request,
                                           peer::v1::GetProfileKeysResponse* response) override;
  grpc::ServerUnaryReactor* AwaitRelayed(grpc::CallbackServerContext* context,
                                         const peer::v1::AwaitRelayedRequest* request,
                                         peer::v1::AwaitRelayedResponse* response) override;
  grpc::ServerUnaryReactor* GetLag(grpc::CallbackServerContext* context, const peer::v1::GetLagRequest* request,
                                   peer::v1::GetLagResponse* response) override;

 private:
  const Deps deps_;
};

}  // namespace tributary::standalone
