// The calling side: a channel, the credential that goes with each call, and a deadline.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "tributary/rpc/status.h"

namespace tributary::rpc {

struct ClientOptions {
  std::string target = "";  // "host:port", or another gRPC target name
  bool tls = false;
  // PEM of who signed the server's certificate; empty: those that the system trusts. For TLS only.
  std::string ca_file = "";
  // PEM of an own certificate and key, where the server asks for one. For TLS only; both or none.
  std::string certificate_file = "";
  std::string private_key_file = "";
  // The credential's secret; empty: none is sent. Without TLS it travels in the clear: keep to loopback.
  std::string bearer_secret = "";
  absl::Duration deadline = absl::Seconds(30);
  int max_receive_bytes = 64 << 20;
  // While calls are open, a silent connection is probed after this time, and its calls end with UNAVAILABLE when no
  // answer comes within the timeout: a network that died would else hold a stream for ever. Not shorter than the
  // server's min_ping_interval.
  absl::Duration keepalive_time = absl::Seconds(20);
  absl::Duration keepalive_timeout = absl::Seconds(10);
  // An attempt to connect fails after this time, and the next one follows no later than this after it. gRPC's own 20
  // seconds and two minutes would keep calls from a server that has long come back.
  absl::Duration connect_patience = absl::Seconds(10);
};

// Thread-safe; cheap to move, and to share by reference.
class Client {
 public:
  // Does not connect: the first call does, and reconnects. Errors: INVALID_ARGUMENT naming the option, NOT_FOUND
  // for a file that cannot be read.
  static absl::StatusOr<Client> Open(const ClientOptions& options);

  // For stubs: `Service::NewStub(client.channel())`.
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Puts credential and deadline on a call that the caller makes itself (streams, asynchronous calls).
  void Prepare(grpc::ClientContext& context) const;

  // What the server's health service says of `service`, or of the whole process: OK if it serves. Errors: UNAVAILABLE,
  // reason NOT_SERVING, if it does not; NOT_FOUND for a service that it does not know; UNAVAILABLE if it cannot be
  // reached. Blocks at most until the deadline.
  absl::Status CheckServing(std::string_view service = "") const;

  // One unary call, blocking at most until the deadline, for the command line and tests:
  //   client.Call(*stub, &ProfileService::Stub::GetProfile, request)
  // The error is the server's, with DetailOf() and RetryAfterOf(); Describe() prints it.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const std::type_identity_t<Request>& request) const {
    grpc::ClientContext context;
    Prepare(context);
    Response response;
    const absl::Status status = FromGrpc((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

 private:
  Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options);

  std::shared_ptr<grpc::Channel> channel_;
  std::string authorization_;
  absl::Duration deadline_;
};

}  // namespace tributary::rpc
