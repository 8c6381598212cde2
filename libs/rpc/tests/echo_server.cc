#include "tests/echo_server.h"

#include <cstdlib>
#include <utility>

#include "fmt/format.h"
#include "grpcpp/impl/client_unary_call.h"
#include "tributary/base/status.h"

namespace tributary::rpc::testing {

absl::StatusOr<Principal> FixedCredentials::Verify(std::string_view bearer_secret) const {
  if (bearer_secret == kReadSecret) return Principal{"w1", Role::kRead, "c1", ""};
  if (bearer_secret == kIngestSecret) return Principal{"w1", Role::kIngest, "c2", "shop"};
  if (bearer_secret == kAdminSecret) return Principal{"w1", Role::kAdmin, "c3", ""};
  return FieldError(absl::StatusCode::kUnauthenticated, "CREDENTIAL_UNKNOWN", "authorization",
                    "the credential is not valid", "Ask an admin of the workspace for a new one");
}

void EchoText(const CallInfo&, const SayRequest& request, Reply<SayResponse> reply) {
  SayResponse response;
  response.set_text(request.text());
  reply(std::move(response));
}

class EchoServer::Service final : public Echo::CallbackService {
 public:
  Service(const CallGate& gate, SayHandler handler) : gate_(gate), handler_(std::move(handler)) {}

  grpc::ServerUnaryReactor* Say(grpc::CallbackServerContext* context, const SayRequest* request,
                                SayResponse* response) override {
    return Handle(gate_, context, request, response, AccessRule::AnyOf({Role::kRead}), handler_);
  }

 private:
  const CallGate& gate_;
  const SayHandler handler_;
};

EchoServer::EchoServer(SayHandler handler, const CallGateOptions& gate, ServerOptions options)
    : gate_(credentials_, gate), service_(std::make_unique<Service>(gate_, std::move(handler))) {
  options.metrics = &metrics_;
  auto server = Server::Start(options, {service_.get()});
  if (!server.ok()) {
    fmt::print(stderr, "{}\n", Describe(server.status()));
    std::abort();
  }
  server_ = *std::move(server);
}

EchoServer::~EchoServer() = default;

std::string EchoServer::target() const { return fmt::format("127.0.0.1:{}", server_->port()); }

Client EchoServer::Connect(std::string_view secret) const {
  return Client::Open({.target = target(), .bearer_secret = std::string(secret)}).value();
}

absl::StatusOr<std::string> EchoServer::Say(std::string_view text, std::string_view secret) const {
  const Client client = Connect(secret);
  const auto stub = Echo::NewStub(client.channel());
  SayRequest request;
  request.set_text(std::string(text));
  TRIBUTARY_ASSIGN_OR_RETURN(const SayResponse response, client.Call(*stub, &Echo::Stub::Say, request));
  return response.text();
}

absl::StatusOr<HealthResponse::Status> Health(const EchoServer& server, std::string_view service) {
  const Client client = server.Connect(/*secret=*/"");
  grpc::ClientContext context;
  client.Prepare(context);
  HealthRequest request;
  request.set_service(std::string(service));
  HealthResponse response;
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  TRIBUTARY_RETURN_IF_ERROR(
      FromGrpc(grpc::internal::BlockingUnaryCall<HealthRequest, HealthResponse, google::protobuf::MessageLite,
                                                 google::protobuf::MessageLite>(client.channel().get(), check, &context,
                                                                                request, &response)));
  return response.status();
}

}  // namespace tributary::rpc::testing
