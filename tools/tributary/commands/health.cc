// tributary health: whether a server serves.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "commands/commands.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

struct Flags {
  std::string service;
  int wait_seconds = 0;
};

// Between two questions: a server that starts is not there at once.
constexpr absl::Duration kPause = absl::Milliseconds(100);

int Run(const Session& session, const Flags& flags) {
  const auto client = Connect(session, Need::kNothing);
  if (!client.ok()) return Fail(session, client.status());
  const absl::Duration deadline = session.clock.Monotonic() + absl::Seconds(flags.wait_seconds);
  absl::Status status = client->CheckServing(flags.service);
  while (absl::IsUnavailable(status) && session.clock.Monotonic() < deadline) {
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kPause));
    status = client->CheckServing(flags.service);
  }
  if (!status.ok()) return Fail(session, status);
  session.out << (session.json ? "{\"serving\":true}\n" : "serving\n");
  return kOk;
}

}  // namespace

void AddHealth(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "health", "Whether a server serves; needs no credential",
                             "tributary health --server 127.0.0.1:7070 --wait 60");
  auto flags = std::make_shared<Flags>();
  command->add_option("--service", flags->service, "Of this name [default: the whole process]");
  command->add_option("--wait", flags->wait_seconds, "Seconds to wait until it serves")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  command->callback([flags, &session] { session.exit_code = Run(session, *flags); });
}

}  // namespace tributary::cli
