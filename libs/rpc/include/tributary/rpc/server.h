// A gRPC server as all our processes run it: health, reflection, bounds, TLS, metrics and an orderly end.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server.h"
#include "tributary/metrics/registry.h"

namespace tributary::rpc {

// PEM files. All empty: no TLS.
struct ServerTls {
  std::string certificate_file = "";  // chain, own certificate first
  std::string private_key_file = "";
  // If given, clients must show a certificate signed by one of these.
  std::string client_ca_file = "";
};

struct ServerOptions {
  // "address:port"; port 0 takes any free one. A port in use is an error, not shared.
  std::string address = "127.0.0.1:0";
  ServerTls tls = {};
  // A larger request is refused with RESOURCE_EXHAUSTED before it reaches a handler.
  int max_receive_bytes = 8 << 20;
  // Calls at once on one connection; more wait in the client. (Over all connections: CallGateOptions.)
  int max_streams_per_connection = 1024;
  // A silent connection is probed after this time, and closed when no answer comes within the timeout.
  absl::Duration keepalive_time = absl::Seconds(60);
  absl::Duration keepalive_timeout = absl::Seconds(20);
  // A client that probes more often is sent away (ENHANCE_YOUR_CALM). gRPC's own five minutes would let no client
  // notice a dead network in time.
  absl::Duration min_ping_interval = absl::Seconds(5);
  // Counts every call, health and reflection included (RpcMetrics), but not those that gRPC refuses before it has
  // read the request (too large). Null: not counted. Must outlive the server.
  metrics::Registry* metrics = nullptr;
  // Called from any thread with a line for each call that ended in a fault of ours (INTERNAL, UNKNOWN, DATA_LOSS).
  // Null: silent.
  std::function<void(std::string_view)> log = nullptr;
  // Takes the calls to all services that are not registered (foreign.h). Null: they are UNIMPLEMENTED. Must outlive the
  // server.
  grpc::CallbackGenericService* fallback = nullptr;
};

// Registers besides the given services grpc.health.v1.Health and server reflection, both open to all.
//
// Health is per service name, and "" is the whole process. All are NOT_SERVING until SetServing() says so:
// serving means caught up and writable, which only the owner knows. The server answers calls all the same.
//
// Credentials, deadlines and the bound on calls in flight are CallGate's, which services hold (call.h).
class Server {
 public:
  // `services` must outlive the server. Errors: UNAVAILABLE if the address cannot be bound, INVALID_ARGUMENT or
  // NOT_FOUND naming the TLS option.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       const std::vector<grpc::Service*>& services);
  // Shutdown(0) if it has not been called.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port that is bound, also when 0 was asked for.
  uint16_t port() const { return port_; }

  // Thread-safe. Without effect after Shutdown().
  void SetServing(std::string_view service, bool serving);

  // Says NOT_SERVING everywhere, takes no more calls, waits until the running ones have ended but no longer than
  // `drain`, cancels the rest, and returns when all handlers' calls are over. Health watches do not hold it up.
  // Clients that call meanwhile see UNAVAILABLE, or CANCELLED if they come just as it begins.
  // One thread; a second call does nothing.
  void Shutdown(absl::Duration drain);

 private:
  class Calls;

  explicit Server(std::unique_ptr<Calls> calls);

  std::unique_ptr<Calls> calls_;
  std::unique_ptr<grpc::Server> server_;
  uint16_t port_ = 0;
};

}  // namespace tributary::rpc
