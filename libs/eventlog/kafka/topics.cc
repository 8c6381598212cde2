#include "kafka/topics.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kafka/codec.h"
#include "kafka/consumer_pool.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

constexpr int32_t kReplication = 3;
// One record at the bounds of Record, in Kafka's frame.
constexpr std::string_view kMaxMessageBytes = "1310720";
// Enough for a genesis record; the broker sends one batch whatever its size.
constexpr size_t kGenesisFetchBytes = 4 << 10;

absl::Status Mismatch(std::string_view topic, std::string_view setting, std::string_view found,
                      std::string_view wanted) {
  return FieldError(absl::StatusCode::kFailedPrecondition, "KAFKA_TOPIC_MISMATCH", fmt::format("{}.{}", topic, setting),
                    fmt::format("is {}, wanted is {}", found.empty() ? "not set" : found, wanted),
                    "Change the topic, or start with another topic prefix.");
}

absl::Status Missing(std::string_view what) {
  return FieldError(absl::StatusCode::kFailedPrecondition, "KAFKA_TOPICS_MISSING", what, "is missing",
                    "Run `tributary topics apply`.");
}

int64_t ToNumber(std::string_view text) {
  int64_t number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// These may be more than is wanted.
bool IsAtLeast(std::string_view setting) { return setting == "min.insync.replicas" || setting == "max.message.bytes"; }

// Reads the record at offset 0 of each.
absl::Status ReadFirst(Handle& client, absl::Duration timeout, const Clock& clock,
                       const std::vector<KafkaPartition*>& partitions, std::map<KafkaPartition*, RecordPtr>& first) {
  const Queue queue(rd_kafka_queue_new(client.get()));
  std::map<std::pair<std::string, int32_t>, KafkaPartition*> waiting;
  std::vector<std::pair<TopicHandle, int32_t>> started;
  for (KafkaPartition* partition : partitions) {
    TopicHandle topic(rd_kafka_topic_new(client.get(), partition->topic().c_str(), nullptr));
    if (rd_kafka_consume_start_queue(topic.get(), partition->number(), 0, queue.get()) != 0) {
      return UnavailableFrom(partition->ref().ToString(), rd_kafka_last_error());
    }
    waiting.emplace(std::pair(partition->topic(), partition->number()), partition);
    started.emplace_back(std::move(topic), partition->number());
  }
  absl::Status status;
  const absl::Duration until = clock.Monotonic() + timeout;
  while (!waiting.empty() && status.ok()) {
    const Message message(rd_kafka_consume_queue(queue.get(), 100));
    if (message == nullptr) {
      if (clock.Monotonic() >= until) status = absl::UnavailableError("the genesis records could not be read in time");
      continue;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) continue;  // tried again until the time is over
    const auto found = waiting.find({rd_kafka_topic_name(message->rkt), message->partition});
    if (found == waiting.end() || message->offset != 0) continue;
    absl::StatusOr<RecordPtr> record = DecodeMessage(*message);
    status = record.status();
    if (record.ok()) first[found->second] = *std::move(record);
    waiting.erase(found);
  }
  for (const auto& [topic, number] : started) rd_kafka_consume_stop(topic.get(), number);
  return status;
}

}  // namespace

NewTopicSpec WantedTopic(const KafkaOptions& options, const LogSpec& spec) {
  const int32_t replication = options.replication > 0 ? options.replication : (options.dev ? 1 : kReplication);
  return {.name = TopicName(options, spec.name),
          .partitions = spec.partitions,
          .replication = replication,
          .settings = {{"cleanup.policy", "delete"},
                       {"max.message.bytes", std::string(kMaxMessageBytes)},
                       {"message.timestamp.type", "LogAppendTime"},
                       {"min.insync.replicas", replication > 1 ? "2" : "1"},
                       {"retention.bytes", "-1"},
                       {"retention.ms", "-1"},
                       {"unclean.leader.election.enable", "false"}}};
}

absl::Status CheckTopic(const KafkaOptions& options, const LogSpec& spec, const FoundTopic& found) {
  if (found.partitions != spec.partitions) {
    return Mismatch(found.name, "partitions", std::to_string(found.partitions), std::to_string(spec.partitions));
  }
  const int32_t replication = options.dev ? 1 : std::max(options.replication, kReplication);
  if (found.replication < replication) {
    return Mismatch(found.name, "replication", std::to_string(found.replication),
                    fmt::format("at least {}", replication));
  }
  NewTopicSpec wanted = WantedTopic(options, spec);
  if (options.dev) wanted.settings.erase("min.insync.replicas");
  for (const auto& [setting, value] : wanted.settings) {
    const auto it = found.settings.find(setting);
    const std::string_view has = it == found.settings.end() ? std::string_view() : std::string_view(it->second);
    if (IsAtLeast(setting)) {
      if (ToNumber(has) < ToNumber(value)) return Mismatch(found.name, setting, has, fmt::format("at least {}", value));
    } else if (has != value) {
      return Mismatch(found.name, setting, has, value);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTopics(const KafkaOptions& options, Admin& admin) {
  for (const LogSpec& spec : options.logs) {
    TRIBUTARY_ASSIGN_OR_RETURN(const std::optional<FoundTopic> found, admin.Describe(TopicName(options, spec.name)));
    if (!found.has_value()) return Missing(fmt::format("topic {}", TopicName(options, spec.name)));
    TRIBUTARY_RETURN_IF_ERROR(CheckTopic(options, spec, *found));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ReadGenesis(const KafkaOptions& options, Admin& admin,
                                                     const std::vector<KafkaPartition*>& partitions) {
  std::vector<KafkaPartition*> filled;
  for (KafkaPartition* partition : partitions) {
    TRIBUTARY_ASSIGN_OR_RETURN(const Range range, admin.FetchRange(*partition));
    if (range.begin != Offset(0)) {
      return absl::DataLossError(
          fmt::format("{}: records before offset {} were deleted", partition->ref().ToString(), range.begin));
    }
    partition->SawEnd(range.end);
    if (range.end > Offset(0)) filled.push_back(partition);
  }
  std::map<KafkaPartition*, RecordPtr> first;
  if (!filled.empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const auto client, OpenConsumer(options, options.reader_bytes, kGenesisFetchBytes));
    TRIBUTARY_RETURN_IF_ERROR(ReadFirst(*client, options.request_timeout, *options.clock, filled, first));
  }
  std::vector<std::string> values;
  for (KafkaPartition* partition : partitions) {
    const auto it = first.find(partition);
    if (it != first.end() && it->second->record.type != kGenesisType) {
      return absl::DataLossError(
          fmt::format("{}: it does not begin with a genesis record", partition->ref().ToString()));
    }
    values.push_back(it == first.end() ? "" : it->second->record.value);
  }
  return values;
}

}  // namespace tributary::eventlog::kafka
