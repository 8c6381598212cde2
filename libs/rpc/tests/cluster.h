// Several instances of one service in this process, each with a server and a router of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/echo_server.h"
#include "tributary/rpc/peers.h"
#include "tributary/rpc/route.h"

namespace tributary::rpc::testing {

// What instance `ordinal` does with a call.
using InstanceHandler = std::function<void(int32_t ordinal, const Routes& routes, const CallInfo& call,
                                           const SayRequest& request, const Reply<SayResponse>& reply)>;

// No call may be running when it goes.
class Cluster {
 public:
  // Instance i takes the set for one of `believed[i]` instances: the same everywhere, unless they are to disagree.
  Cluster(const std::vector<int32_t>& believed, const InstanceHandler& handler);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Cuts its calls off and is not there any more.
  void Stop(int32_t ordinal);

  EchoServer& instance(int32_t ordinal) { return *servers_.at(static_cast<size_t>(ordinal)); }
  absl::StatusOr<std::string> Say(int32_t ordinal, std::string_view text) { return instance(ordinal).Say(text); }
  std::string Metrics(int32_t ordinal) { return instance(ordinal).metrics().Text(); }

 private:
  std::vector<std::unique_ptr<EchoServer>> servers_;
  std::vector<std::unique_ptr<PeerRouter>> routers_;
  std::vector<std::unique_ptr<Routes>> routes_;  // by ordinal; read by the handlers
};

// Some partition of "journey" that `owner` owns among `replicas` instances and `other` among `other_replicas`.
int32_t PartitionOf(int32_t owner, int32_t replicas, int32_t other, int32_t other_replicas);
inline int32_t PartitionOf(int32_t owner, int32_t replicas) { return PartitionOf(owner, replicas, owner, replicas); }

}  // namespace tributary::rpc::testing
