// Who serves a partition: this process, or another one to forward to; and what is said between instances.
//
// A call for one partition goes to its owner with kHopHeader. A call for many goes once to each instance that owns some
// of them, with kHopHeader and the list of its partitions in kPartitionsHeader: the asking instance alone decides who
// is asked for what, so that none is asked for twice and none left out even while instances disagree. The one asked
// serves those of the list that it owns and can read, and names the others, with the reason, in kMissingTrailer; if it
// owns none it refuses the call as it would one for a single partition.
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
// Request metadata: the partitions that the instance is asked for, rising: "3,17". Only beside kHopHeader.
inline constexpr char kPartitionsHeader[] = "tributary-partitions";
inline constexpr int32_t kMaxScatterPartitions = 1024;
// Trailing metadata of an answer to it: those that are not in the answer, by reason:
// "NOT_SERVED_HERE=5;WRONG_OWNER=3,17".
inline constexpr char kMissingTrailer[] = "tributary-missing";

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
