// Who serves a partition: this process, or another one to forward to.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "grpcpp/channel.h"

namespace tributary::rpc {

// The request metadata that a forwarded call carries (any value). An instance that gets it serves the call
// itself or refuses it with UNAVAILABLE: one hop, so that instances which disagree about an owner cannot send
// a call in circles.
inline constexpr char kHopHeader[] = "tributary-hop";

struct Owner {
  // Where to forward to; null: this process owns the partition.
  std::shared_ptr<grpc::Channel> remote;
  // Which instance of the service it is (ownership.h).
  int32_t ordinal = 0;
  bool local() const { return remote == nullptr; }
};

// A front asks for the owner of the partition that a call concerns, and serves or forwards. A wrong answer is
// slow, never wrong: the log arbitrates. Thread-safe; does not block.
class Router {
 public:
  virtual ~Router() = default;
  // `partition` >= 0, one of `log`.
  virtual Owner OwnerOf(std::string_view log, int32_t partition) const = 0;
};

// For one process that owns everything.
class LocalRouter final : public Router {
 public:
  Owner OwnerOf(std::string_view log, int32_t partition) const override;
};

}  // namespace tributary::rpc
