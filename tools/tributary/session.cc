#include "session.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

absl::StatusOr<std::string> ReadSecret(const std::string& path) {
  std::ifstream in(path);
  std::string secret;
  if (!in || !std::getline(in, secret) || secret.empty()) {
    return FieldError(absl::StatusCode::kNotFound, "UNREADABLE_FILE", "--credential-file", "cannot be read or is empty",
                      "Name a file whose first line is the secret");
  }
  return secret;
}

absl::StatusOr<nlohmann::json> ReadClientFile(const std::string& data_dir) {
  const std::string path = (std::filesystem::path(data_dir) / "client.json").string();
  std::ifstream in(path);
  if (!in) {
    return FieldError(absl::StatusCode::kNotFound, "SERVER_UNKNOWN", "--server",
                      fmt::format("is not given, and {} cannot be read", path),
                      "Start `tributary serve`, or name --data-dir, or --server and --credential");
  }
  nlohmann::json parsed = nlohmann::json::parse(in, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return FieldError(absl::StatusCode::kFailedPrecondition, "MALFORMED_FILE", "--data-dir",
                      fmt::format("{} is not JSON", path), "Start `tributary serve` again: it writes the file anew");
  }
  return parsed;
}

std::string StringOf(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

absl::StatusOr<Address> FindServer(const Session& session, Need need) {
  Address address{.target = session.server, .secret = session.credential};
  if (address.secret.empty() && !session.credential_file.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(address.secret, ReadSecret(session.credential_file));
  }
  if (!address.target.empty() && (!address.secret.empty() || need == Need::kNothing)) return address;

  TRIBUTARY_ASSIGN_OR_RETURN(const nlohmann::json file, ReadClientFile(session.data_dir));
  const std::string known = StringOf(file, "address");
  if (address.target.empty()) address.target = known;
  if (address.secret.empty()) {
    // A secret is sent to the server that it belongs to and to no other.
    if (address.target != known) {
      return FieldError(absl::StatusCode::kFailedPrecondition, "CREDENTIAL_MISSING", "--credential",
                        fmt::format("is not given for {}", address.target),
                        "Name --credential or --credential-file, or set TRIBUTARY_CREDENTIAL");
    }
    address.secret = StringOf(file, need == Need::kOperator ? "operator_secret" : "admin_secret");
  }
  if (address.target.empty() || address.secret.empty()) {
    return FieldError(absl::StatusCode::kFailedPrecondition, "MALFORMED_FILE", "--data-dir",
                      "client.json lacks the address or the secret",
                      "Start `tributary serve` again: it writes it anew");
  }
  return address;
}

absl::StatusOr<rpc::Client> Connect(const Session& session, Need need) {
  TRIBUTARY_ASSIGN_OR_RETURN(const Address address, FindServer(session, need));
  rpc::ClientOptions options;
  options.target = address.target;
  options.tls = session.tls || !session.ca_file.empty();
  options.ca_file = session.ca_file;
  options.bearer_secret = address.secret;
  options.deadline = absl::Seconds(session.timeout_seconds);
  return rpc::Client::Open(options);
}

int Fail(const Session& session, const absl::Status& status) {
  session.out.flush();
  session.err << "tributary: " << rpc::Describe(status) << "\n";
  if (status.code() != absl::StatusCode::kUnavailable && status.code() != absl::StatusCode::kDeadlineExceeded) {
    return kFailed;
  }
  session.err << "Is the server running? `tributary serve` starts one; --server or --data-dir says where it is.\n";
  return kUnreachable;
}

int FailUsage(const Session& session, std::string_view message) {
  session.err << "tributary: " << message << "\n";
  return kUsage;
}

}  // namespace tributary::cli
