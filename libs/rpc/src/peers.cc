#include "tributary/rpc/peers.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

constexpr char kPlaceholder[] = "{ordinal}";

absl::Status BadPeers(std::string_view reason, std::string_view what, std::string_view mend) {
  return InvalidField(reason, "peers", what, mend);
}

absl::Status CheckReplicas(int32_t replicas) {
  if (replicas >= 1 && replicas <= kMaxReplicas) return absl::OkStatus();
  return InvalidField("OUT_OF_RANGE", "replicas", fmt::format("{} is not 1 to {}", replicas, kMaxReplicas),
                      "Say how many instances the service has");
}

absl::Status CheckAddress(const std::string& address) {
  const auto bad = [&](std::string_view what) {
    return BadPeers("PEER_MALFORMED", fmt::format("'{}' {}", address, what), "Write host:port");
  };
  if (address.find_first_of(" \t\r\n/") != std::string::npos) return bad("holds a space or a slash");
  if (address.find_first_of("{}") != std::string::npos) return bad("has a placeholder other than {ordinal}");
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return bad("has no host or no port");
  const std::string host = address.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (host.find(':') != std::string::npos && !bracketed) return bad("has an IPv6 address without brackets");
  int32_t port = 0;
  const std::string digits = address.substr(colon + 1);
  const bool number = !digits.empty() && digits.find_first_not_of("0123456789") == std::string::npos;
  if (!number || !absl::SimpleAtoi(digits, &port) || port < 1 || port > 65535)
    return bad("has no port from 1 to 65535");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParsePeers(std::string_view peers, int32_t replicas) {
  TRIBUTARY_RETURN_IF_ERROR(CheckReplicas(replicas));
  if (peers.empty()) {
    return BadPeers("PEERS_MISSING", "no addresses are given",
                    "Give a template with {ordinal}, or the addresses of all instances");
  }
  std::vector<std::string> addresses;
  if (peers.find(kPlaceholder) != std::string_view::npos && peers.find(',') == std::string_view::npos) {
    for (int32_t ordinal = 0; ordinal < replicas; ++ordinal) {
      addresses.push_back(absl::StrReplaceAll(ToAbsl(peers), {{kPlaceholder, fmt::to_string(ordinal)}}));
    }
  } else {
    for (const absl::string_view address : absl::StrSplit(ToAbsl(peers), ',')) {
      addresses.emplace_back(absl::StripAsciiWhitespace(address));
    }
  }
  if (addresses.size() != static_cast<size_t>(replicas)) {
    return BadPeers("PEERS_MISCOUNTED", fmt::format("{} addresses for {} instances", addresses.size(), replicas),
                    "Give one for each, in the order of the ordinals, or a template with {ordinal}");
  }
  std::set<std::string_view> seen;
  for (const std::string& address : addresses) {
    TRIBUTARY_RETURN_IF_ERROR(CheckAddress(address));
    if (!seen.insert(address).second) {
      return BadPeers("PEER_REPEATED", fmt::format("'{}' is given twice", address), "Each instance has its own");
    }
  }
  return addresses;
}

absl::StatusOr<std::vector<std::shared_ptr<grpc::Channel>>> ConnectPeers(std::string_view peers, int32_t replicas,
                                                                         const ClientOptions& connection) {
  TRIBUTARY_ASSIGN_OR_RETURN(std::vector<std::string> addresses, ParsePeers(peers, replicas));
  ClientOptions options = connection;
  options.bearer_secret.clear();
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (std::string& address : addresses) {
    options.target = std::move(address);
    TRIBUTARY_ASSIGN_OR_RETURN(const Client client, Client::Open(options));
    channels.push_back(client.channel());
  }
  return channels;
}

PeerRouter::PeerRouter(const PeerRouterOptions& options, std::vector<std::shared_ptr<grpc::Channel>> channels)
    : ownership_(options.service, options.replicas), ordinal_(options.ordinal), channels_(std::move(channels)) {}

absl::StatusOr<std::unique_ptr<PeerRouter>> PeerRouter::Create(const PeerRouterOptions& options) {
  if (options.service.empty()) {
    return InvalidField("REQUIRED", "service", "is empty", "Name the service whose instances these are");
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckReplicas(options.replicas));
  if (options.ordinal < 0 || options.ordinal >= options.replicas) {
    return InvalidField(
        "OUT_OF_RANGE", "ordinal",
        fmt::format("{} is not 0 to {}, for {} instances", options.ordinal, options.replicas - 1, options.replicas),
        "Give each instance its own, from 0");
  }
  std::vector<std::shared_ptr<grpc::Channel>> channels(1);
  if (options.replicas > 1 || !options.peers.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(channels, ConnectPeers(options.peers, options.replicas, options.connection));
    channels.at(static_cast<size_t>(options.ordinal)) = nullptr;
  }
  return std::unique_ptr<PeerRouter>(new PeerRouter(options, std::move(channels)));
}

Owner PeerRouter::OwnerOf(std::string_view log, int32_t partition) const {
  const int32_t ordinal = ownership_.OwnerOf(log, partition);
  return Owner{.remote = channels_[static_cast<size_t>(ordinal)], .ordinal = ordinal};
}

}  // namespace tributary::rpc
