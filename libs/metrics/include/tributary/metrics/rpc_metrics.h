// Rate, errors and duration of every RPC that this process serves:
//   tributary_rpc_requests_total{service, method, code}   finished calls; errors are those whose code is not OK
//   tributary_rpc_duration_seconds{service, method}       from the call's arrival to its status
//   tributary_rpc_in_flight{service, method}              calls that run now
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tributary/base/mutex.h"
#include "tributary/metrics/registry.h"

namespace tributary::metrics {

// Thread-safe; one short lock per call.
class RpcMetrics {
 public:
  // Of the full method names that clients call, `known` tells those that exist; all others are counted together as
  // service and method "other", for a client that invents names must not fill the memory nor write into labels.
  // `registry` must outlive this. `known` is called with a lock held.
  RpcMetrics(Registry& registry, std::function<bool(std::string_view)> known);

  // `full_method` as gRPC names it: "/tributary.profile.v1.ProfileService/GetProfile". Each Started() is
  // followed by exactly one Finished() of the same method.
  void Started(std::string_view full_method);
  void Finished(std::string_view full_method, absl::StatusCode code, absl::Duration duration);

 private:
  struct Method {
    std::string service;
    std::string name;
    Histogram duration;
    Gauge in_flight;
    std::array<Counter, 17> by_code;  // by status code; made when first seen
    std::array<bool, 17> code_seen = {};
  };

  Method& Find(std::string_view full_method) TRIBUTARY_REQUIRES(mutex_);
  Counter& CounterOf(Method& method, absl::StatusCode code) TRIBUTARY_REQUIRES(mutex_);

  Registry& registry_;
  const std::function<bool(std::string_view)> known_;
  Mutex mutex_;
  absl::flat_hash_map<std::string, std::unique_ptr<Method>> methods_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::metrics
