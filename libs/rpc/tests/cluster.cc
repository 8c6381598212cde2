#include "tests/cluster.h"

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace tributary::rpc::testing {

Cluster::Cluster(const std::vector<int32_t>& believed, const InstanceHandler& handler) {
  routes_.resize(believed.size());
  std::vector<std::string> addresses;
  for (size_t i = 0; i < believed.size(); ++i) {
    servers_.push_back(std::make_unique<EchoServer>(
        [this, i, handler](const CallInfo& call, const SayRequest& request, const Reply<SayResponse>& reply) {
          handler(static_cast<int32_t>(i), *routes_[i], call, request, reply);
        }));
    addresses.push_back(servers_.back()->target());
  }
  for (size_t i = 0; i < believed.size(); ++i) {
    const std::vector<std::string> known(addresses.begin(), addresses.begin() + believed[i]);
    routers_.push_back(PeerRouter::Create({.service = "echo",
                                           .replicas = believed[i],
                                           .ordinal = static_cast<int32_t>(i),
                                           .peers = fmt::format("{}", fmt::join(known, ","))})
                           .value());
    routes_[i] = std::make_unique<Routes>(Echo::service_full_name(), *routers_[i], &servers_[i]->metrics());
  }
}

// gRPC does not bear channels that go while the server at their other end, in the same process, does.
Cluster::~Cluster() {
  routes_.clear();
  routers_.clear();
  servers_.clear();
}

void Cluster::Stop(int32_t ordinal) { instance(ordinal).server().Shutdown(absl::ZeroDuration()); }

int32_t PartitionOf(int32_t owner, int32_t replicas, int32_t other, int32_t other_replicas) {
  const Ownership first("echo", replicas);
  const Ownership second("echo", other_replicas);
  int32_t partition = 0;
  while (first.OwnerOf("journey", partition) != owner || second.OwnerOf("journey", partition) != other) ++partition;
  return partition;
}

}  // namespace tributary::rpc::testing
