// tributary-<service>: one service in a process of its own, on a log that processes share. Each program is this file
// with its service's name.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "fmt/format.h"
#include "standalone/run.h"
#include "standalone/server.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::standalone {
namespace {

constexpr char kService[] = TRIBUTARY_SERVICE;
constexpr char kProgram[] = "tributary-" TRIBUTARY_SERVICE;

// "name=value"; names the option if there is no '='.
std::pair<std::string, std::string> Split(const std::string& text, const char* option) {
  const size_t at = text.find('=');
  if (at == std::string::npos || at == 0)
    throw CLI::ValidationError(option, fmt::format("'{}' is not name=value", text));
  return {text.substr(0, at), text.substr(at + 1)};
}

void AddOptions(CLI::App& app, Options& options, eventlog::KafkaOptions& kafka) {
  app.add_option("--kafka", kafka.brokers, "host:port,host:port of the brokers")
      ->envname("TRIBUTARY_KAFKA")
      ->required();
  app.add_option("--topic-prefix", kafka.topic_prefix, "Before the logs' names")
      ->envname("TRIBUTARY_TOPIC_PREFIX")
      ->capture_default_str();
  app.add_option_function<std::vector<std::string>>(
         "--kafka-setting",
         [&kafka](const std::vector<std::string>& settings) {
           for (const std::string& setting : settings) kafka.security.insert(Split(setting, "--kafka-setting"));
         },
         "librdkafka's security.protocol, ssl.* or sasl.*=value; may be repeated")
      ->envname("TRIBUTARY_KAFKA_SETTINGS")
      ->delimiter(';');
  app.add_flag("--dev", kafka.dev, "Accept topics that are not replicated")->envname("TRIBUTARY_DEV");
  app.add_option("--data-dir", options.data_dir, "Projections are kept below it; made if missing")
      ->envname("TRIBUTARY_DATA_DIR")
      ->required();
  app.add_option("--listen", options.listen, "Where gRPC is answered; port 0: any free one")
      ->envname("TRIBUTARY_LISTEN")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen, "Where /metrics is answered; port 0: any free one")
      ->envname("TRIBUTARY_METRICS_LISTEN")
      ->capture_default_str();
  app.add_option("--partitions", options.partitions, "Of intake and journey, as `tributary topics apply` made them")
      ->envname("TRIBUTARY_PARTITIONS")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--workspace", options.workspace_id, "Made on the first start, by ingestion")
      ->envname("TRIBUTARY_WORKSPACE")
      ->capture_default_str();
  app.add_option("--threads", options.threads, "That run tasks")
      ->envname("TRIBUTARY_THREADS")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option_function<std::vector<std::string>>(
         "--peer",
         [&options](const std::vector<std::string>& peers) {
           for (const std::string& peer : peers) {
             auto [service, address] = Split(peer, "--peer");
             options.peers.push_back({std::move(service), std::move(address)});
           }
         },
         "service=host:port of a service that runs elsewhere; may be repeated")
      ->envname("TRIBUTARY_PEERS")
      ->delimiter(',');
  app.add_option("--peer-secret-file", options.peer_secret_file,
                 "Of one line, the same for all processes; they call each other with it")
      ->envname("TRIBUTARY_PEER_SECRET_FILE")
      ->required();
  app.add_option("--tls-certificate", options.tls_certificate_file, "PEM; with --tls-key")
      ->envname("TRIBUTARY_TLS_CERTIFICATE");
  app.add_option("--tls-key", options.tls_private_key_file, "PEM; with --tls-certificate")
      ->envname("TRIBUTARY_TLS_KEY");
}

void PrintReady(const Options& options, const Server& server) {
  const auto host_of = [](const std::string& listen) { return listen.substr(0, listen.rfind(':')); };
  std::cout << fmt::format("{} is ready.\ngRPC       {}:{}\nmetrics    http://{}:{}/metrics\ndata       {}\n", kProgram,
                           host_of(options.listen), server.port(), host_of(options.metrics_listen),
                           server.metrics_port(), options.data_dir)
            << std::flush;
}

int Run(int argc, char** argv) {
  CLI::App app(
      fmt::format("Runs Tributary's {} service, until SIGTERM. Every option may be given by its variable.", kService),
      kProgram);
  Options options;
  options.services = *ServiceSet::Of({kService});
  eventlog::KafkaOptions kafka;
  AddOptions(app, options, kafka);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.kafka = std::move(kafka);
  const SystemClock clock;
  SystemRandom random;
  const auto ready = [&options](const Server& server) { PrintReady(options, server); };
  return RunUntilSignal(kProgram, options, clock, random, ready, std::cerr) ? 0 : 1;
}

}  // namespace
}  // namespace tributary::standalone

int main(int argc, char** argv) {
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // what it would print is in our errors
  return tributary::standalone::Run(argc, argv);
}
