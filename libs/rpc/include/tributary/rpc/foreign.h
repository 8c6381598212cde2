// Services that other processes host, served here as if they were this one's, so that a client may talk to any process.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "grpcpp/channel.h"
#include "grpcpp/generic/async_generic_service.h"
#include "tributary/metrics/registry.h"

namespace tributary::rpc {

struct ForeignService {
  std::string name;  // in full: "tributary.profile.v1.ProfileService"
  // To any of its instances, which forwards to the owner by itself (route.h). At least one.
  std::vector<std::shared_ptr<grpc::Channel>> instances;
};

struct ForeignOptions {
  // Calls at once over all connections; more are refused with RESOURCE_EXHAUSTED.
  int64_t max_in_flight = 4096;
  // Null: not counted. Must outlive this and the calls.
  metrics::Registry* metrics = nullptr;
};

// The request metadata that a passed-on call carries. It is passed on once: a process that hosts the service not either
// refuses it with UNAVAILABLE, reason WRONG_PROCESS. Not the hop header, for the instance that is reached may still
// have to forward to the owner.
inline constexpr char kPassedHeader[] = "tributary-passed";

// Passes on every call to the listed services, of any kind, message for message without reading them, one message each
// way in hand: memory stays bounded by the receiver's pace. Goes along: deadline, half-close, cancellation both ways,
// initial and trailing metadata, status and details; of the request's metadata authorization, traceparent and
// tracestate alone. Credentials are checked by whoever hosts the service. Calls are spread over its instances,
// connected ones first; one that cannot be reached at all gives UNAVAILABLE with the reason SERVICE_UNREACHABLE and no
// address. All other services are UNIMPLEMENTED, as gRPC has it. Thread-safe. Metric:
//   tributary_rpc_passed_on_total{service, outcome}   outcome: ok, error, unreachable, gone (client, or its time)
//
// To be given to ServerOptions::fallback, and to outlive the server.
class ForeignServices final : public grpc::CallbackGenericService {
 public:
  // Each name at most once.
  ForeignServices(std::vector<ForeignService> services, const ForeignOptions& options);
  ~ForeignServices() override;

  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  class Call;
  class Service;

  const int64_t max_in_flight_;
  const std::shared_ptr<std::atomic<int64_t>> in_flight_;
  std::map<std::string, std::unique_ptr<Service>, std::less<>> services_;
};

}  // namespace tributary::rpc
