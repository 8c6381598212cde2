// tributary.profile.v1.ProfileService on the tasks of this process.
#pragma once

#include <cstdint>

#include "profile/identifier_resolver.h"
#include "profile/lookup.h"
#include "profile/watch.h"
#include "tributary/base/clock.h"
#include "tributary/metrics/registry.h"
#include "tributary/processor/task_host.h"
#include "tributary/processor/token.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

// Thread-safe. Answers from snapshots of the projections; a call that waits for its token holds no thread, and goes on
// where its wait ends, which may be a task's thread. What is another workspace's is NOT_FOUND.
class ProfileFront final : public v1::ProfileService::CallbackService {
 public:
  // All must outlive the front and its calls.
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    const processor::TaskHost* host = nullptr;
    const processor::ReadGate* read_gate = nullptr;
    int32_t journey_partitions = 0;
    IdentifierResolver* resolver = nullptr;
    const Clock* clock = nullptr;          // of what is asked as of now; null: the system's
    metrics::Registry* metrics = nullptr;  // null: nothing is counted

    Places places() const { return {host, read_gate, journey_partitions, resolver}; }
  };
  explicit ProfileFront(const Deps& deps, const ProfileWatches::Options& watches = {});

  grpc::ServerUnaryReactor* GetProfile(grpc::CallbackServerContext* context, const v1::GetProfileRequest* request,
                                       v1::GetProfileResponse* response) override;
  grpc::ServerUnaryReactor* ListProfiles(grpc::CallbackServerContext* context, const v1::ListProfilesRequest* request,
                                         v1::ListProfilesResponse* response) override;
  grpc::ServerUnaryReactor* ListJourneyEntries(grpc::CallbackServerContext* context,
                                               const v1::ListJourneyEntriesRequest* request,
                                               v1::ListJourneyEntriesResponse* response) override;
  grpc::ServerUnaryReactor* ListOrders(grpc::CallbackServerContext* context, const v1::ListOrdersRequest* request,
                                       v1::ListOrdersResponse* response) override;
  grpc::ServerUnaryReactor* GetTraits(grpc::CallbackServerContext* context, const v1::GetTraitsRequest* request,
                                      v1::GetTraitsResponse* response) override;
  grpc::ServerUnaryReactor* ListConsents(grpc::CallbackServerContext* context, const v1::ListConsentsRequest* request,
                                         v1::ListConsentsResponse* response) override;
  grpc::ServerUnaryReactor* ListMemberships(grpc::CallbackServerContext* context,
                                            const v1::ListMembershipsRequest* request,
                                            v1::ListMembershipsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchProfileResponse>* WatchProfile(grpc::CallbackServerContext* context,
                                                                   const v1::WatchProfileRequest* request) override;

  // Not part of the service: ends streams, before the server shuts down.
  void StopStreams() { watches_.Stop(); }

 private:
  const SystemClock system_clock_;
  const Deps deps_;
  ProfileWatches watches_;
};

}  // namespace tributary::profile
