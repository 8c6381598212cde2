// Sees every call of a server come and go, whatever serves it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "grpcpp/server_context.h"
#include "grpcpp/support/server_interceptor.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/metrics/rpc_metrics.h"
#include "tributary/rpc/server.h"

namespace tributary::rpc {

// Thread-safe. Must outlive the server.
class Server::Calls {
 public:
  Calls(metrics::Registry* registry, std::function<void(std::string_view)> log);

  // To be handed to the ServerBuilder; refers to this.
  std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> Interceptors();

  // Ends the streams that would never end by themselves, those that come later too.
  void EndWatches();

 private:
  class Factory;
  class Observer;

  void WatchCame(grpc::ServerContextBase* watch);
  void WatchWent(grpc::ServerContextBase* watch);

  std::optional<metrics::RpcMetrics> metrics_;
  const std::function<void(std::string_view)> log_;
  const SystemClock clock_;
  Mutex mutex_;
  std::set<grpc::ServerContextBase*> watches_ TRIBUTARY_GUARDED_BY(mutex_);
  bool ending_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary::rpc
