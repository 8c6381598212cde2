// A server with one method whose handler each test writes, two credentials, and a client.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "echo.grpc.pb.h"
#include "tributary/metrics/registry.h"
#include "tributary/rpc/call.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/server.h"

namespace tributary::rpc::testing {

inline constexpr char kReadSecret[] = "secret-of-a-reader";
inline constexpr char kIngestSecret[] = "secret-of-a-write-key";
inline constexpr char kAdminSecret[] = "secret-of-an-admin";

// Knows the three secrets above, of the workspace "w1".
class FixedCredentials final : public CredentialVerifier {
 public:
  absl::StatusOr<Principal> Verify(std::string_view bearer_secret) const override;
};

using SayHandler = std::function<void(const CallInfo&, const SayRequest&, Reply<SayResponse>)>;

// Answers with the request's text.
void EchoText(const CallInfo& call, const SayRequest& request, Reply<SayResponse> reply);

// Say() is for readers.
class EchoServer {
 public:
  explicit EchoServer(SayHandler handler, const CallGateOptions& gate = {}, ServerOptions options = {});
  ~EchoServer();

  Server& server() { return *server_; }
  metrics::Registry& metrics() { return metrics_; }

  std::string target() const;
  // Presents `secret`; none if it is empty.
  Client Connect(std::string_view secret = kReadSecret) const;
  // One call with a client of its own.
  absl::StatusOr<std::string> Say(std::string_view text, std::string_view secret = kReadSecret) const;

 private:
  class Service;

  FixedCredentials credentials_;
  CallGate gate_;
  metrics::Registry metrics_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<Server> server_;
};

// Health as a load balancer asks for it, without a credential.
absl::StatusOr<HealthResponse::Status> Health(const EchoServer& server, std::string_view service);

}  // namespace tributary::rpc::testing
