// The gRPC services of a process, and what they ask each other: by a call where both are here, else of a peer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/impl/service_type.h"
#include "identity/front.h"
#include "ingestion/directory.h"
#include "ingestion/front.h"
#include "profile/front.h"
#include "profile/segment_front.h"
#include "standalone/clock_stepper.h"
#include "standalone/operations_front.h"
#include "standalone/peer_front.h"
#include "standalone/peers.h"
#include "standalone/tasks.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/metrics/registry.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/call.h"
#include "tributary/rpc/foreign.h"

namespace tributary::standalone {

// Thread-compatible but for the services.
class Fronts {
 public:
  // The pointers must outlive the fronts and their calls.
  struct Deps {
    const ServiceSet* services = nullptr;
    processor::TaskHost* host = nullptr;
    eventlog::EventLog* log = nullptr;
    const Collaborators* collaborators = nullptr;
    const Clock* clock = nullptr;
    Random* random = nullptr;
    metrics::Registry* metrics = nullptr;
    ClockStepper* stepper = nullptr;  // null: the clock is the wall's
    std::string scratch_dir;
    // Those of the services that do not run here; what fronts here ask of a service must be among them.
    std::vector<Peer*> peers;
    std::string peer_secret;  // empty: no peer may call
  };
  explicit Fronts(const Deps& deps);
  ~Fronts();

  // For the server: this process's services, with operations and peers.
  std::vector<grpc::Service*> services();
  // For the server: passes calls to the peers' services on, so that a client may talk to any process. Null: none.
  grpc::CallbackGenericService* foreign() { return foreign_.get(); }
  const ingestion::RegistryDirectory& directory() const { return directory_; }
  // Before the server shuts down.
  void StopStreams();

 private:
  ingestion::LagFn IntakeLag();
  profile::IdentifierResolver* resolver();
  Peer* PeerOf(std::string_view service) const;  // null: runs here

  const Deps deps_;
  const processor::ReadGate read_gate_;
  const ingestion::RegistryDirectory directory_;
  const PeerVerifier verifier_;
  const rpc::CallGate call_gate_;
  std::optional<PeerLag> identity_lag_;
  std::optional<PeerLag> profile_lag_;
  std::unique_ptr<ingestion::IngestionFront> ingestion_;
  std::unique_ptr<identity::IdentityFront> identity_;
  std::unique_ptr<profile::IdentifierResolver> local_resolver_;
  std::unique_ptr<profile::ProfileFront> profile_;
  std::unique_ptr<profile::SegmentFront> segments_;
  std::unique_ptr<OperationsFront> operations_;
  std::unique_ptr<PeerFront> peer_front_;
  std::unique_ptr<rpc::ForeignServices> foreign_;
};

}  // namespace tributary::standalone
