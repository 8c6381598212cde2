// The other instances of a service: their addresses, and a router that knows who owns what.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/ownership.h"
#include "tributary/rpc/router.h"

namespace tributary::rpc {

// The address of each of `replicas` instances, by ordinal, from
//   a template       "tributary-profile-{ordinal}.tributary-profile:7070", the placeholder one or more times
//   or a list        "10.0.0.1:7070,10.0.0.2:7070", in the order of the ordinals, one for each
// Each is host:port; of a literal IPv6 address the host is in brackets. INVALID_ARGUMENT with the field "peers" says
// what is wrong with which one.
absl::StatusOr<std::vector<std::string>> ParsePeers(std::string_view peers, int32_t replicas);

// A channel to each of them, which connects when it is first used and again when it was lost. Of `connection` target
// and secret are left aside. Errors: those of ParsePeers() and Client::Open().
absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> ConnectPeers(std::string_view peers, int32_t replicas,
                                                                         const ClientOptions& connection);

struct PeerRouterOptions {
  std::string service = "";  // as Ownership takes it: "profile"
  // How many instances there are, and which one this process is: [1, kMaxReplicas] and [0, replicas). Fixed for the
  // life of the process: the set grows by a restart with another number.
  int32_t replicas = 1;
  int32_t ordinal = 0;
  // As ParsePeers() takes them, this process's own address among them (never called); may be empty for one replica.
  std::string peers = "";
  // How to reach them; target and secret are left aside, for a forwarded call carries its caller's credential.
  ClientOptions connection = {};
};

// Thread-safe; does not block.
class PeerRouter final : public Router {
 public:
  // Does not connect. INVALID_ARGUMENT or NOT_FOUND naming the option.
  static absl::StatusOr<std::unique_ptr<PeerRouter>> Create(const PeerRouterOptions& options);

  Owner OwnerOf(std::string_view log, int32_t partition) const override;

  int32_t ordinal() const { return ordinal_; }
  const Ownership& ownership() const { return ownership_; }

 private:
  PeerRouter(const PeerRouterOptions& options, std::vector<std::shared_ptr<grpc::Channel>> channels);

  const Ownership ownership_;
  const int32_t ordinal_;
  const std::vector<std::shared_ptr<grpc::Channel>> channels_;  // by ordinal; null for the own one
};

}  // namespace tributary::rpc
