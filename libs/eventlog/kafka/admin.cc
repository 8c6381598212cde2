#include "kafka/admin.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <thread>
#include <utility>

#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, Destroy<rd_kafka_ConfigResource_destroy>>;
using GroupOffsets =
    std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t, Destroy<rd_kafka_AlterConsumerGroupOffsets_destroy>>;
using Metadata = std::unique_ptr<const struct rd_kafka_metadata, Destroy<rd_kafka_metadata_destroy>>;

int Milliseconds(absl::Duration duration) { return static_cast<int>(absl::ToInt64Milliseconds(duration)); }

// A partition whose leader changes, or that was just made, is asked again. 100 times at most.
constexpr int kLeaderLooks = 100;
constexpr std::chrono::milliseconds kLeaderPause(10);

bool LeaderChanges(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
         error == RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Admin>> Admin::Open(const KafkaOptions& options) {
  // A producer that produces nothing: it needs no group.
  const Settings settings = {
      {"socket.timeout.ms", std::to_string(std::max(Milliseconds(options.request_timeout), 10))}};
  TRIBUTARY_ASSIGN_OR_RETURN(auto handle, Handle::Open(options, RD_KAFKA_PRODUCER, settings, 0));
  return std::unique_ptr<Admin>(new Admin(std::move(handle), options.request_timeout));
}

absl::StatusOr<Range> Admin::FetchRange(const KafkaPartition& partition) {
  TRIBUTARY_ASSIGN_OR_RETURN(const Offset begin, FetchOffset(partition, RD_KAFKA_OFFSET_BEGINNING));
  TRIBUTARY_ASSIGN_OR_RETURN(const Offset end, FetchOffset(partition, RD_KAFKA_OFFSET_END));
  return Range{begin, end};
}

absl::StatusOr<Offset> Admin::FetchEnd(const KafkaPartition& partition) {
  return FetchOffset(partition, RD_KAFKA_OFFSET_END);
}

// Not by rd_kafka_query_watermark_offsets: in librdkafka 2.0.2 it waits for a broker for ever, whatever its timeout.
// The protocol's ListOffsets takes these two in place of a time.
absl::StatusOr<Offset> Admin::FetchOffset(const KafkaPartition& partition, int64_t which) {
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  for (int i = 0; i < kLeaderLooks; ++i) {
    const PartitionList list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_t* const asked =
        rd_kafka_topic_partition_list_add(list.get(), partition.topic().c_str(), partition.number());
    asked->offset = which;
    error = rd_kafka_offsets_for_times(handle_->get(), list.get(), Milliseconds(timeout_));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = asked->err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return Offset(asked->offset);
    if (!LeaderChanges(error)) break;
    std::this_thread::sleep_for(kLeaderPause);
  }
  return UnavailableFrom(partition.ref().ToString(), error);
}

absl::StatusOr<std::optional<FoundTopic>> Admin::Describe(const std::string& topic) {
  const TopicHandle handle(rd_kafka_topic_new(handle_->get(), topic.c_str(), nullptr));
  const struct rd_kafka_metadata* raw = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle_->get(), 0, handle.get(), &raw, Milliseconds(timeout_));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return UnavailableFrom("no broker told of the topics", error);
  const Metadata metadata(raw);
  if (metadata->topic_cnt != 1) return absl::UnavailableError(fmt::format("no broker told of topic {}", topic));
  const rd_kafka_metadata_topic& told = metadata->topics[0];
  if (told.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::nullopt;
  if (told.err != RD_KAFKA_RESP_ERR_NO_ERROR) return UnavailableFrom(topic, told.err);
  FoundTopic found{.name = topic, .partitions = told.partition_cnt, .replication = 0, .settings = {}};
  int fewest = told.partition_cnt == 0 ? 0 : std::numeric_limits<int>::max();
  for (int i = 0; i < told.partition_cnt; ++i) {
    const rd_kafka_metadata_partition& partition = told.partitions[i];
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR && partition.err != RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE) {
      return UnavailableFrom(fmt::format("{}/{}", topic, partition.id), partition.err);
    }
    fewest = std::min(fewest, partition.replica_cnt);
  }
  found.replication = fewest;
  TRIBUTARY_RETURN_IF_ERROR(DescribeSettings(found));
  return found;
}

absl::StatusOr<Event> Admin::Ask(std::string_view what, rd_kafka_admin_op_t operation,
                                 const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
  const AdminOptions options(rd_kafka_AdminOptions_new(handle_->get(), operation));
  std::array<char, 256> error{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), Milliseconds(timeout_), error.data(), error.size());
  const Queue answers(rd_kafka_queue_new(handle_->get()));
  send(options.get(), answers.get());
  // Answered by an error at the request's timeout at the latest.
  Event event(rd_kafka_queue_poll(answers.get(), Milliseconds(timeout_ + absl::Seconds(1))));
  if (event == nullptr) return absl::UnavailableError(fmt::format("{}: no answer", what));
  if (rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return absl::UnavailableError(fmt::format("{}: {}", what, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

absl::Status Admin::DescribeSettings(FoundTopic& topic) {
  const ConfigResource resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
  rd_kafka_ConfigResource_t* asked = resource.get();
  TRIBUTARY_ASSIGN_OR_RETURN(const Event event,
                             Ask(fmt::format("settings of {}", topic.name), RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS,
                                 [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                   rd_kafka_DescribeConfigs(handle_->get(), &asked, 1, options, queue);
                                 }));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** const told =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return absl::UnavailableError(fmt::format("settings of {}: no answer", topic.name));
  if (rd_kafka_ConfigResource_error(told[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return UnavailableFrom(fmt::format("settings of {}", topic.name), rd_kafka_ConfigResource_error(told[0]));
  }
  const rd_kafka_ConfigEntry_t** const entries = rd_kafka_ConfigResource_configs(told[0], &count);
  for (size_t i = 0; i < count; ++i) {
    const char* const value = rd_kafka_ConfigEntry_value(entries[i]);
    topic.settings[rd_kafka_ConfigEntry_name(entries[i])] = value == nullptr ? "" : value;
  }
  return absl::OkStatus();
}

absl::Status Admin::Create(const NewTopicSpec& topic) {
  std::array<char, 512> reason{};
  const NewTopic request(
      rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions, topic.replication, reason.data(), reason.size()));
  if (request == nullptr) return absl::InvalidArgumentError(fmt::format("topic {}: {}", topic.name, reason.data()));
  for (const auto& [name, value] : topic.settings) {
    rd_kafka_NewTopic_set_config(request.get(), name.c_str(), value.c_str());
  }
  rd_kafka_NewTopic_t* asked = request.get();
  TRIBUTARY_ASSIGN_OR_RETURN(const Event event,
                             Ask(fmt::format("creating topic {}", topic.name), RD_KAFKA_ADMIN_OP_CREATETOPICS,
                                 [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                   rd_kafka_CreateTopics(handle_->get(), &asked, 1, options, queue);
                                 }));
  size_t count = 0;
  const rd_kafka_topic_result_t** const results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  if (count != 1) return absl::UnavailableError(fmt::format("creating topic {}: no answer", topic.name));
  switch (rd_kafka_topic_result_error(results[0])) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return absl::OkStatus();
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
      return absl::AlreadyExistsError(fmt::format("topic {} exists", topic.name));
    default: {
      const char* const text = rd_kafka_topic_result_error_string(results[0]);
      return absl::InvalidArgumentError(
          fmt::format("creating topic {}: {}", topic.name, text == nullptr ? "refused" : text));
    }
  }
}

absl::Status Admin::CommitOffsets(const std::string& group, const std::map<const KafkaPartition*, Offset>& next) {
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(next.size())));
  for (const auto& [partition, offset] : next) {
    rd_kafka_topic_partition_list_add(list.get(), partition->topic().c_str(), partition->number())->offset =
        offset.value();
  }
  const GroupOffsets request(rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_AlterConsumerGroupOffsets_t* asked = request.get();
  const std::string what = fmt::format("committing offsets of group {}", group);
  TRIBUTARY_ASSIGN_OR_RETURN(const Event event,
                             Ask(what, RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
                                 [&](const rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                                   rd_kafka_AlterConsumerGroupOffsets(handle_->get(), &asked, 1, options, queue);
                                 }));
  // The answer as a whole is good where the group's, or a partition's, is not.
  size_t count = 0;
  const rd_kafka_group_result_t** const groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  if (count != 1) return absl::UnavailableError(fmt::format("{}: no answer", what));
  if (const rd_kafka_error_t* const error = rd_kafka_group_result_error(groups[0]); error != nullptr) {
    return UnavailableFrom(what, rd_kafka_error_code(error));
  }
  const rd_kafka_topic_partition_list_t* const told = rd_kafka_group_result_partitions(groups[0]);
  if (told == nullptr || told->cnt != static_cast<int>(next.size())) {
    return absl::UnavailableError(fmt::format("{}: not for all partitions", what));
  }
  for (int i = 0; i < told->cnt; ++i) {
    if (told->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return UnavailableFrom(what, told->elems[i].err);
  }
  return absl::OkStatus();
}

}  // namespace tributary::eventlog::kafka
