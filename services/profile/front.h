// tributary.profile.v1.ProfileService on the tasks of this process.
#pragma once

#include <cstdint>

#include "profile/identifier_resolver.h"
#include "tributary/base/clock.h"
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
    const Clock* clock = nullptr;  // of what is asked as of now; null: the system's
  };
  explicit ProfileFront(const Deps& deps) : deps_(deps) {}

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

 private:
  const Deps deps_;
};

}  // namespace tributary::profile
