// Serves a Registry to Prometheus over HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tributary/metrics/registry.h"

namespace prometheus {
class Exposer;
}

namespace tributary::metrics {

struct ExposerOptions {
  // A numeric address of this machine; "0.0.0.0" for all. Metrics hold no personal data and need no
  // credential, but tell how busy the platform is: keep the port inside.
  std::string bind_address = "127.0.0.1";
  // 0 takes any free port.
  uint16_t port = 0;
};

// Answers GET /metrics from when Start() returns until it is destroyed; every other path is 404. Two threads
// of its own. It keeps the registry's series alive, not the Registry object: destroy them in any order.
class Exposer {
 public:
  // UNAVAILABLE if the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<Exposer>> Start(const Registry& registry, const ExposerOptions& options);
  ~Exposer();
  Exposer(const Exposer&) = delete;
  Exposer& operator=(const Exposer&) = delete;

  // The port that is bound, also when 0 was asked for.
  uint16_t port() const { return port_; }

 private:
  Exposer(std::shared_ptr<Registry::State> state, std::unique_ptr<prometheus::Exposer> http, std::string address,
          uint16_t port);

  std::shared_ptr<Registry::State> state_;
  std::unique_ptr<prometheus::Exposer> http_;
  std::string address_;
  uint16_t port_;
};

}  // namespace tributary::metrics
