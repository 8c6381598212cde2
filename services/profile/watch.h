// The RPC WatchProfile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "profile/lookup.h"
#include "tributary/base/clock.h"
#include "tributary/metrics/registry.h"
#include "tributary/profile/v1/profile.pb.h"
#include "tributary/rpc/call.h"

namespace tributary::profile {

// The streams that are open. Thread-safe; to be destroyed after the server, before the tasks.
//
// One thread looks for all of them. It is woken when more of a partition becomes visible, and then, at most once in
// `between_looks`, takes one snapshot of that partition and compares what its streams were told with what is there: a
// few point reads for each. A stream whose last answer has not left is passed over and compared later, so that it holds
// one answer at most, however slow its reader is.
class ProfileWatches {
 public:
  struct Options {
    // More are refused. Each holds one answer at most: with max_bytes below, 250 MiB in all and 25 MiB for one caller.
    size_t max_streams = 1'000;
    size_t max_streams_of_credential = 100;
    absl::Duration between_looks = absl::Milliseconds(50);
    // Of one answer.
    int32_t max_entries = 100;
    size_t max_bytes = 256 << 10;
  };
  struct Deps {
    const rpc::CallGate* gate = nullptr;
    Places places;
    const Clock* clock = nullptr;          // of computed traits
    metrics::Registry* metrics = nullptr;  // null: not counted
  };
  // Deps must outlive the server.
  ProfileWatches(const Deps& deps, const Options& options);
  // Stops.
  ~ProfileWatches();
  ProfileWatches(const ProfileWatches&) = delete;
  ProfileWatches& operator=(const ProfileWatches&) = delete;

  using Reactor = grpc::ServerWriteReactor<v1::WatchProfileResponse>;
  // One more stream, admitted by `rule`.
  Reactor* Open(grpc::CallbackServerContext* context, const v1::WatchProfileRequest& request, rpc::AccessRule rule);

  // Ends all with UNAVAILABLE, those that come later too. Idempotent.
  void Stop();

 private:
  class Stream;
  class Rounds;

  const std::shared_ptr<Rounds> rounds_;
  std::thread thread_;
};

}  // namespace tributary::profile
