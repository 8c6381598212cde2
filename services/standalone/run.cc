#include "standalone/run.h"

#include <csignal>
#include <ostream>

#include "fmt/format.h"
#include "tributary/base/status.h"

namespace tributary::standalone {
namespace {

// How soon a change of readiness shows, and a halt ends the process.
constexpr timespec kTendPeriod{.tv_sec = 0, .tv_nsec = 200'000'000};

// Blocked in every thread that is started from now on; taken by sigtimedwait in this one.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

}  // namespace

bool RunUntilSignal(std::string_view program, const Options& options, const Clock& clock, Random& random,
                    const std::function<void(const Server&)>& ready, std::ostream& err) {
  const sigset_t signals = BlockSignals();
  const auto server = Server::Start(options, clock, random);
  if (!server.ok()) {
    err << fmt::format("{}: the server cannot start: {}\n", program, FromAbsl(server.status().message()));
    // So ends what a task says of a projection that is of another format or another log.
    if (FromAbsl(server.status().message()).ends_with(": rebuild it")) {
      err << fmt::format("Run `tributary rebuild --data-dir {}` once: it builds them anew from the log.\n",
                         options.data_dir);
    }
    return false;
  }
  ready(**server);
  absl::Status health;
  while (health.ok()) {
    const int signal = sigtimedwait(&signals, nullptr, &kTendPeriod);
    if (signal > 0) {
      err << fmt::format("{}: {}, ending\n", program, signal == SIGTERM ? "SIGTERM" : "SIGINT");
      break;
    }
    health = (*server)->Tend();
  }
  const absl::Status stopped = (*server)->Stop();
  if (!health.ok()) {
    err << fmt::format("{}: halted: {}\n", program, FromAbsl(health.message()));
    return false;
  }
  if (!stopped.ok()) {
    err << fmt::format("{}: did not end in good order: {}\n", program, FromAbsl(stopped.message()));
    return false;
  }
  return true;
}

}  // namespace tributary::standalone
