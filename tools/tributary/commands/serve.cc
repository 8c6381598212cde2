// tributary serve: everything in this process, until SIGTERM.
#include <filesystem>
#include <memory>

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "standalone/run.h"
#include "standalone/server.h"
#include "text/format.h"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

std::string TimeText(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()); }

void PrintAddresses(const Session& session, const standalone::Options& options, const standalone::Server& server) {
  const auto host_of = [](const std::string& listen) { return listen.substr(0, listen.rfind(':')); };
  const std::string address = fmt::format("{}:{}", host_of(options.listen), server.port());
  const std::string metrics =
      fmt::format("http://{}:{}/metrics", host_of(options.metrics_listen), server.metrics_port());
  const std::string data_dir = std::filesystem::absolute(options.data_dir).lexically_normal().string();
  if (session.json) {
    nlohmann::ordered_json json;
    json["address"] = address;
    json["metrics"] = metrics;
    json["data_dir"] = data_dir;
    json["client_file"] = server.client_file();
    if (options.simulated_clock.has_value()) json["simulated_clock"] = TimeText(server.Now());
    session.out << json.dump() << std::endl;
    return;
  }
  session.out << fmt::format(
                     "Tributary is ready.\n"
                     "gRPC       {}\n"
                     "metrics    {}\n"
                     "data       {}\n{}\n"
                     "Other commands find it by --data-dir {} (or TRIBUTARY_DATA_DIR).\n"
                     "Go on with: tributary source create website --channel web\n"
                     "Ctrl-C or SIGTERM ends it in good order.\n",
                     address, metrics, data_dir,
                     options.simulated_clock.has_value()
                         ? fmt::format("clock      stands at {}; see `tributary clock --help`\n",
                                       TimeText(server.Now()))
                         : "",
                     options.data_dir)
              << std::flush;
}

int Run(const Session& session, standalone::Options options) {
  options.data_dir = session.data_dir;
  if (!session.workspace.empty()) options.workspace_id = session.workspace;
  const auto ready = [&](const standalone::Server& server) { PrintAddresses(session, options, server); };
  return standalone::RunUntilSignal("tributary", options, session.clock, session.random, ready, session.err) ? kOk
                                                                                                             : kFailed;
}

}  // namespace

void AddServe(CLI::App& app, Session& session) {
  auto* command = AddCommand(app, "serve",
                             "Run a server with everything in one process; --workspace names the first "
                             "workspace [default: default]",
                             "tributary serve --data-dir ./data/tributary");
  auto options = std::make_shared<standalone::Options>();
  command->add_option("--listen", options->listen, "Where gRPC is answered; port 0: any free one")
      ->capture_default_str();
  command->add_option("--metrics-listen", options->metrics_listen, "Where /metrics is answered; port 0: any free one")
      ->capture_default_str();
  command->add_option("--partitions", options->partitions, "Of intake and journey; fixed when the directory is made")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "That run tasks")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  auto no_sync = std::make_shared<bool>(false);
  command->add_flag(
      "--no-sync", *no_sync,
      "Acknowledge before the disk has it. Faster; a crash of the machine can lose what was acknowledged");
  command->add_option("--tls-certificate", options->tls_certificate_file, "PEM; with --tls-key");
  command->add_option("--tls-key", options->tls_private_key_file, "PEM; with --tls-certificate");
  auto simulated = std::make_shared<std::string>();
  command->add_option(
      "--simulated-clock", *simulated,
      "The tasks' time stands at this moment (2026-05-01, 2026-05-01T08:00:00+07:00), or where the data "
      "ends if that is later, until `tributary clock advance` or `play` moves it");
  command->callback([options, no_sync, simulated, &session] {
    options->sync = !*no_sync;
    if (!simulated->empty()) {
      const auto start = ParseMoment(*simulated, absl::UTCTimeZone(), "--simulated-clock");
      if (!start.ok()) {
        session.exit_code = FailUsage(session, FromAbsl(start.status().message()));
        return;
      }
      options->simulated_clock = *start;
    }
    session.exit_code = Run(session, *options);
  });
}

}  // namespace tributary::cli
