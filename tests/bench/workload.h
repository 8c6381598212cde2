// Events for the benchmarks: a seed gives the same ones, and no others' event ids.
#pragma once

#include <cstdint>
#include <vector>

#include "tributary/base/random.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::bench {

inline constexpr char kWorkspace[] = "default";
inline constexpr char kSource[] = "bench";

// Mostly page views, some orders (one in four), of `customers` people, as clients send them: about 200
// bytes. Each has a cookie; one in three also a customer_id, so that identity links and looks up.
class Workload {
 public:
  Workload(uint64_t seed, uint64_t customers) : random_(seed), seed_(seed), customers_(customers) {}
  events::v1::CustomerEvent Next();

 private:
  SeededRandom random_;
  const uint64_t seed_;
  const uint64_t customers_;
  uint64_t count_ = 0;
};

}  // namespace tributary::bench
