#include "tributary/rpc/server.h"

#include <mutex>
#include <utility>

#include "fmt/format.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "src/files.h"
#include "src/server_calls.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

// Both are settings of the process in gRPC.
void EnablePlugins() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const ServerTls& tls) {
  if (tls.certificate_file.empty() && tls.private_key_file.empty()) {
    if (tls.client_ca_file.empty()) return grpc::InsecureServerCredentials();
    return InvalidField("TLS_INCOMPLETE", "tls.client_ca_file", "clients' certificates need TLS",
                        "Name certificate_file and private_key_file too");
  }
  if (tls.certificate_file.empty() || tls.private_key_file.empty()) {
    return InvalidField("TLS_INCOMPLETE",
                        tls.certificate_file.empty() ? "tls.certificate_file" : "tls.private_key_file",
                        "a certificate needs its key, and a key its certificate", "Name both files or none");
  }
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  TRIBUTARY_ASSIGN_OR_RETURN(pair.cert_chain, ReadPem("tls.certificate_file", tls.certificate_file));
  TRIBUTARY_ASSIGN_OR_RETURN(pair.private_key, ReadPem("tls.private_key_file", tls.private_key_file));
  grpc::SslServerCredentialsOptions ssl(tls.client_ca_file.empty()
                                            ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                            : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  TRIBUTARY_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadPem("tls.client_ca_file", tls.client_ca_file));
  ssl.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(ssl);
}

void SetBounds(const ServerOptions& options, grpc::ServerBuilder& builder) {
  const auto milliseconds = [](absl::Duration d) { return static_cast<int>(absl::ToInt64Milliseconds(d)); };
  builder.SetMaxReceiveMessageSize(options.max_receive_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams_per_connection);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive_time));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             milliseconds(options.min_ping_interval));
  // gRPC would let two servers share a port, and each would get half of the calls.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

}  // namespace

Server::Server(std::unique_ptr<Calls> calls) : calls_(std::move(calls)) {}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      const std::vector<grpc::Service*>& services) {
  EnablePlugins();
  TRIBUTARY_ASSIGN_OR_RETURN(auto credentials, Credentials(options.tls));
  std::unique_ptr<Server> result(new Server(std::make_unique<Calls>(options.metrics, options.log)));
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(options.address, credentials, &port);
  SetBounds(options, builder);
  for (grpc::Service* service : services) builder.RegisterService(service);
  if (options.fallback != nullptr) builder.RegisterCallbackGenericService(options.fallback);
  std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
  interceptors.push_back(result->calls_->Interceptors());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  result->server_ = builder.BuildAndStart();
  if (result->server_ == nullptr || port == 0) {
    return absl::UnavailableError(
        fmt::format("cannot listen on {}: it is in use or no address of this machine", options.address));
  }
  result->port_ = static_cast<uint16_t>(port);
  result->SetServing("", false);  // gRPC's own default is serving
  return result;
}

void Server::SetServing(std::string_view service, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(std::string(service), serving);
}

void Server::Shutdown(absl::Duration drain) {
  if (server_ == nullptr) return;
  server_->GetHealthCheckService()->Shutdown();
  calls_->EndWatches();
  server_->Shutdown(absl::ToChronoTime(SystemClock().Now() + drain));
  server_->Wait();
}

}  // namespace tributary::rpc
