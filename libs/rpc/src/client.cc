#include "tributary/rpc/client.h"

#include "fmt/format.h"
#include "google/protobuf/wrappers.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/security/credentials.h"
#include "src/files.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const ClientOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  if (options.certificate_file.empty() != options.private_key_file.empty()) {
    return InvalidField("TLS_INCOMPLETE", "certificate_file", "a certificate needs its key, and a key its certificate",
                        "Name both files or none");
  }
  grpc::SslCredentialsOptions ssl;
  TRIBUTARY_ASSIGN_OR_RETURN(ssl.pem_root_certs, ReadPem("ca_file", options.ca_file));
  TRIBUTARY_ASSIGN_OR_RETURN(ssl.pem_cert_chain, ReadPem("certificate_file", options.certificate_file));
  TRIBUTARY_ASSIGN_OR_RETURN(ssl.pem_private_key, ReadPem("private_key_file", options.private_key_file));
  return grpc::SslCredentials(ssl);
}

}  // namespace

Client::Client(std::shared_ptr<grpc::Channel> channel, const ClientOptions& options)
    : channel_(std::move(channel)), deadline_(options.deadline) {
  if (!options.bearer_secret.empty()) authorization_ = fmt::format("Bearer {}", options.bearer_secret);
}

absl::StatusOr<Client> Client::Open(const ClientOptions& options) {
  if (options.target.empty()) return InvalidField("TARGET_MISSING", "target", "no server is named", "Name host:port");
  TRIBUTARY_ASSIGN_OR_RETURN(auto credentials, Credentials(options));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.max_receive_bytes);
  const auto milliseconds = [](absl::Duration d) { return static_cast<int>(absl::ToInt64Milliseconds(d)); };
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, milliseconds(options.keepalive_time));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, milliseconds(options.keepalive_timeout));
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, milliseconds(options.connect_patience));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, milliseconds(options.connect_patience));
  // gRPC would else stop probing a stream that waits after two probes.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return Client(grpc::CreateCustomChannel(options.target, credentials, arguments), options);
}

absl::Status Client::CheckServing(std::string_view service) const {
  // On the wire HealthCheckRequest {string service = 1} is a StringValue, and HealthCheckResponse {enum status = 1} an
  // Int32Value (grpc/health/v1/health.proto).
  constexpr int kServing = 1;
  google::protobuf::StringValue request;
  request.set_value(std::string(service));
  google::protobuf::Int32Value response;
  grpc::ClientContext context;
  Prepare(context);
  const grpc::internal::RpcMethod check("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
  TRIBUTARY_RETURN_IF_ERROR(
      FromGrpc(grpc::internal::BlockingUnaryCall<google::protobuf::StringValue, google::protobuf::Int32Value,
                                                 google::protobuf::MessageLite, google::protobuf::MessageLite>(
          channel_.get(), check, &context, request, &response)));
  if (response.value() == kServing) return absl::OkStatus();
  return FieldError(absl::StatusCode::kUnavailable, "NOT_SERVING", "", "the server does not serve yet, or no more",
                    "Wait until it has caught up; its log tells what it does");
}

void Client::Prepare(grpc::ClientContext& context) const {
  context.set_deadline(absl::ToChronoTime(SystemClock().Now() + deadline_));
  if (!authorization_.empty()) context.AddMetadata("authorization", authorization_);
}

}  // namespace tributary::rpc
