// Which instance of a service owns a partition: rendezvous hashing (highest random weight), from D. G. Thaler and
// C. V. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", IEEE/ACM Transactions on Networking 6(1), 1998.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::rpc {

// No service has more instances.
inline constexpr int32_t kMaxReplicas = 1024;

// The owner of a partition is the ordinal in [0, replicas) with the greatest xxh3-64 of
// "<service>/<log>/<partition>/<ordinal>", the lower one of equals. Whoever knows the service's name and its number of
// instances comes to the same answer, in every release: two binaries that disagree would refuse each other's calls.
// From n to n + 1 instances about 1 / (n + 1) of the partitions move, all of them to the new one; from n + 1 to n those
// of the one that goes. Pure, thread-safe.
class Ownership {
 public:
  // `service` as in "profile"; `replicas` in [1, kMaxReplicas].
  Ownership(std::string_view service, int32_t replicas) : service_(service), replicas_(replicas) {}

  int32_t replicas() const { return replicas_; }

  // `partition` >= 0, one of `log`. `replicas` hashes of some 30 bytes.
  int32_t OwnerOf(std::string_view log, int32_t partition) const;
  // What of `log`'s [0, partitions) the instance `ordinal` owns, ascending.
  std::vector<int32_t> OwnedBy(int32_t ordinal, std::string_view log, int32_t partitions) const;

 private:
  std::string service_;
  int32_t replicas_;
};

}  // namespace tributary::rpc
