#include "tributary/metrics/exposer.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <exception>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "prometheus/exposer.h"
#include "src/state.h"

namespace tributary::metrics {
namespace {

// One connection to `address`, closed at once; its failure is of no interest.
void Touch(const std::string& address, uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), fmt::to_string(port).c_str(), &hints, &found) != 0) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    (void)connect(fd, found->ai_addr, found->ai_addrlen);
    close(fd);
  }
  freeaddrinfo(found);
}

}  // namespace

Exposer::Exposer(std::shared_ptr<Registry::State> state, std::unique_ptr<prometheus::Exposer> http, std::string address,
                 uint16_t port)
    : state_(std::move(state)), http_(std::move(http)), address_(std::move(address)), port_(port) {}

Exposer::~Exposer() {
  // The server looks every two seconds whether it shall stop, and whenever somebody connects.
  auto stopped = std::async(std::launch::async, [this] { http_.reset(); });
  do {
    Touch(address_, port_);
  } while (stopped.wait_for(std::chrono::milliseconds(10)) != std::future_status::ready);
}

absl::StatusOr<std::unique_ptr<Exposer>> Exposer::Start(const Registry& registry, const ExposerOptions& options) {
  const bool is_ipv6 = options.bind_address.find(':') != std::string::npos;
  const std::string address =
      fmt::format(fmt::runtime(is_ipv6 ? "[{}]:{}" : "{}:{}"), options.bind_address, options.port);
  try {
    auto http = std::make_unique<prometheus::Exposer>(address);
    http->RegisterCollectable(registry.state_);
    const std::vector<int> ports = http->GetListeningPorts();
    if (ports.empty()) return absl::UnavailableError(fmt::format("metrics: nothing listens on {}", address));
    return std::unique_ptr<Exposer>(
        new Exposer(registry.state_, std::move(http), options.bind_address, static_cast<uint16_t>(ports.front())));
  } catch (const std::exception& e) {
    return absl::UnavailableError(fmt::format("metrics: cannot listen on {}: {}", address, e.what()));
  }
}

}  // namespace tributary::metrics
