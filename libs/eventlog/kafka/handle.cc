#include "kafka/handle.h"

#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "src/log_specs.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

absl::Status CheckBetween(std::string_view field, absl::Duration value, absl::Duration least, absl::Duration most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return InvalidField(
      "KAFKA_OPTION_INVALID", field, fmt::format("is {} ms", absl::ToInt64Milliseconds(value)),
      fmt::format("Choose {} to {} ms.", absl::ToInt64Milliseconds(least), absl::ToInt64Milliseconds(most)));
}

absl::Status CheckSecurity(const std::map<std::string, std::string>& security) {
  for (const auto& [name, value] : security) {
    const bool known = name == "security.protocol" || name.starts_with("ssl.") || name.starts_with("sasl.");
    if (known) continue;
    return InvalidField("KAFKA_SETTING_REFUSED", fmt::format("security.{}", name), "is not a setting of TLS or SASL",
                        "Give security.protocol, ssl.* and sasl.* only; the log sets all others itself.");
  }
  return absl::OkStatus();
}

using Conf = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;

// The value is not told: it may be a password.
absl::Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> error{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size()) == RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  return InvalidField("KAFKA_SETTING_INVALID", name, "was refused by librdkafka",
                      "See its CONFIGURATION.md for the values that it takes.");
}

Settings SharedSettings(const KafkaOptions& options) {
  return {{"bootstrap.servers", options.brokers}, {"client.id", options.client_id},
          {"allow.auto.create.topics", "false"},  {"message.max.bytes", "1310720"},
          {"socket.nagle.disable", "true"},       {"socket.keepalive.enable", "true"},
          {"reconnect.backoff.ms", "50"},         {"reconnect.backoff.max.ms", "1000"},
          {"log.connection.close", "false"},      {"log_level", std::to_string(LOG_WARNING)}};
}

}  // namespace

absl::Status ValidateOptions(const KafkaOptions& options) {
  if (options.clock == nullptr || options.random == nullptr) {
    return absl::InvalidArgumentError("the Kafka log needs a clock and a source of randomness");
  }
  if (options.brokers.empty()) {
    return InvalidField("KAFKA_BROKERS_MISSING", "brokers", "is empty", "Name at least one as host:port.");
  }
  if (options.topic_prefix.size() > 128 ||
      !std::all_of(options.topic_prefix.begin(), options.topic_prefix.end(), IsTopicCharacter)) {
    return InvalidField("KAFKA_TOPIC_PREFIX_INVALID", "topic_prefix", "cannot begin a topic's name",
                        "Use at most 128 of A-Z, a-z, 0-9, '.', '_' and '-'.");
  }
  TRIBUTARY_RETURN_IF_ERROR(ValidateSpecs(options.logs));
  const auto is_id_log = [&](const LogSpec& spec) { return spec.name == options.id_log; };
  if (std::none_of(options.logs.begin(), options.logs.end(), is_id_log)) {
    return InvalidField("KAFKA_ID_LOG_UNKNOWN", "id_log", fmt::format("'{}' is none of the logs", options.id_log),
                        "Name one of them.");
  }
  if (options.replication < 0 || (!options.dev && options.replication > 0 && options.replication < 3)) {
    return InvalidField("KAFKA_OPTION_INVALID", "replication", fmt::format("is {}", options.replication),
                        "Choose 3 or more; fewer are for development only.");
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckSecurity(options.security));
  TRIBUTARY_RETURN_IF_ERROR(
      CheckBetween("delivery_timeout", options.delivery_timeout, absl::Seconds(1), absl::Minutes(15)));
  TRIBUTARY_RETURN_IF_ERROR(CheckBetween("linger", options.linger, absl::ZeroDuration(), absl::Seconds(1)));
  TRIBUTARY_RETURN_IF_ERROR(
      CheckBetween("request_timeout", options.request_timeout, absl::Milliseconds(1), absl::Minutes(5)));
  if (options.reader_bytes < 64 << 10 || options.reader_bytes > 1 << 30) {
    return InvalidField("KAFKA_OPTION_INVALID", "reader_bytes", fmt::format("is {}", options.reader_bytes),
                        "Choose 64 KiB to 1 GiB.");
  }
  return absl::OkStatus();
}

std::string TopicName(const KafkaOptions& options, std::string_view log) {
  return fmt::format("{}{}", options.topic_prefix, log);
}

absl::Status UnavailableFrom(std::string_view what, rd_kafka_resp_err_t error) {
  return absl::UnavailableError(fmt::format("{}: {}", what, rd_kafka_err2str(error)));
}

absl::StatusOr<std::unique_ptr<Handle>> Handle::Open(const KafkaOptions& options, rd_kafka_type_t type,
                                                     const Settings& settings, int events) {
  std::unique_ptr<Handle> handle(new Handle);
  handle->context_->log_line = options.log_line;
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : SharedSettings(options)) TRIBUTARY_RETURN_IF_ERROR(Set(conf.get(), name, value));
  for (const auto& [name, value] : options.security) TRIBUTARY_RETURN_IF_ERROR(Set(conf.get(), name, value));
  for (const auto& [name, value] : settings) TRIBUTARY_RETURN_IF_ERROR(Set(conf.get(), name, value));
  rd_kafka_conf_set_opaque(conf.get(), handle->context_.get());
  rd_kafka_conf_set_log_cb(conf.get(), &Handle::Log);
  rd_kafka_conf_set_closesocket_cb(conf.get(), &Handle::CloseSocket);
  if (events != 0) rd_kafka_conf_set_events(conf.get(), events);
  std::array<char, 512> error{};
  handle->client_.reset(rd_kafka_new(type, conf.get(), error.data(), error.size()));
  if (handle->client_ == nullptr) {
    return InvalidField("KAFKA_OPTIONS_REFUSED", "security", fmt::format("was refused: {}", error.data()),
                        "Mend the settings of TLS and SASL.");
  }
  conf.release();  // the client's now
  return handle;
}

void Handle::Log(const rd_kafka_t* client, int level, const char* facility, const char* text) {
  const std::string line = fmt::format("kafka: {} {}: {}", level <= LOG_ERR ? "error" : "warning", facility, text);
  const auto* const context = client == nullptr ? nullptr : static_cast<const Context*>(rd_kafka_opaque(client));
  if (context != nullptr && context->log_line) return context->log_line(line);
  std::fprintf(stderr, "%s\n", line.c_str());
}

int Handle::CloseSocket(int socket, void* opaque) {
  static_cast<Context*>(opaque)->closed.fetch_add(1, std::memory_order_acq_rel);
  return close(socket);
}

}  // namespace tributary::eventlog::kafka
