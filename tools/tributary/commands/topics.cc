// tributary topics: the Kafka topics behind the logs.
#include <memory>
#include <string>
#include <vector>

#include "commands/commands.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "standalone/tasks.h"
#include "text/table.h"
#include "tributary/eventlog/kafka/kafka_log.h"

namespace tributary::cli {
namespace {

struct Flags {
  eventlog::KafkaOptions kafka;
  int32_t partitions = 64;
  std::vector<std::string> settings;
};

int Apply(const Session& session, const Flags& flags) {
  eventlog::KafkaOptions options = flags.kafka;
  options.logs = standalone::LogSpecs(flags.partitions);
  options.clock = &session.clock;
  options.random = &session.random;
  for (const std::string& setting : flags.settings) {
    const size_t at = setting.find('=');
    if (at == std::string::npos) {
      return FailUsage(session, fmt::format("--kafka-setting: '{}' is not name=value", setting));
    }
    options.security[setting.substr(0, at)] = setting.substr(at + 1);
  }
  const auto report = eventlog::ApplyTopics(options);
  if (!report.ok()) return Fail(session, report.status());
  Table table(
      {{"topic"}, {"partitions", Table::Align::kRight}, {"copies", Table::Align::kRight}, {"", Table::Align::kLeft}});
  for (const eventlog::TopicReport& topic : report->topics) {
    const char* const what = topic.created ? "created" : topic.genesis_written > 0 ? "completed" : "checked";
    if (session.json) {
      nlohmann::ordered_json json;
      json["topic"] = topic.topic;
      json["partitions"] = topic.partitions;
      json["replication"] = topic.replication;
      json["result"] = what;
      json["log_id"] = report->log_id;
      session.out << json.dump() << "\n";
      continue;
    }
    table.Add({topic.topic, std::to_string(topic.partitions), std::to_string(topic.replication), what});
  }
  if (!session.json) {
    table.Print(session.out);
    session.out << fmt::format("\nlog {}\n", report->log_id);
  }
  return kOk;
}

}  // namespace

void AddTopics(CLI::App& app, Session& session) {
  auto* topics =
      AddCommand(app, "topics", "The Kafka topics behind the logs", "tributary topics apply --brokers kafka-1:9092");
  topics->require_subcommand(1);
  auto* apply = AddCommand(*topics, "apply", "Make the topics that are missing and check those that are there",
                           "tributary topics apply --brokers 127.0.0.1:19192 --dev");
  auto flags = std::make_shared<Flags>();
  apply->add_option("--brokers", flags->kafka.brokers, "host:port,...: any of the cluster's")
      ->envname("TRIBUTARY_KAFKA")
      ->required();
  apply->add_option("--topic-prefix", flags->kafka.topic_prefix, "Begins each topic's name")
      ->envname("TRIBUTARY_TOPIC_PREFIX")
      ->capture_default_str();
  apply->add_option("--partitions", flags->partitions, "Of intake and journey; fixed once they are made")
      ->check(CLI::Range(1, 4096))
      ->capture_default_str();
  apply->add_option("--replication", flags->kafka.replication, "Copies of each partition [default: 3, with --dev 1]")
      ->check(NonNegative());
  apply->add_option("--kafka-setting", flags->settings, "security.protocol, ssl.* or sasl.*=value; may be repeated")
      ->envname("TRIBUTARY_KAFKA_SETTINGS")
      ->delimiter(';');
  apply->add_flag("--dev", flags->kafka.dev, "For one broker on a laptop: copies are not checked");
  apply->callback([&session, flags] { session.exit_code = Apply(session, *flags); });
}

}  // namespace tributary::cli
