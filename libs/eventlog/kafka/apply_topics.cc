// ApplyTopics: makes what is missing, so that any number may run it and an interrupted run is finished by the next.
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "kafka/producer.h"
#include "kafka/topics.h"
#include "src/log_specs.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/kafka/kafka_log.h"

namespace tributary::eventlog {
namespace kafka {
namespace {

// A topic that was made is told by all brokers a little later.
constexpr std::chrono::milliseconds kLookAgain(10);

class Application {
 public:
  Application(const KafkaOptions& options, Admin& admin)
      : options_(options), admin_(admin), partitions_(MakePartitions(options)) {}

  absl::StatusOr<TopicsReport> Apply() {
    TopicsReport report;
    for (const LogSpec& spec : options_.logs) {
      TRIBUTARY_ASSIGN_OR_RETURN(TopicReport topic, ApplyTopic(spec));
      report.topics.push_back(std::move(topic));
    }
    TRIBUTARY_ASSIGN_OR_RETURN(report.log_id, ApplyId(report));
    TRIBUTARY_RETURN_IF_ERROR(ApplyGenesis(report));
    return report;
  }

 private:
  absl::StatusOr<TopicReport> ApplyTopic(const LogSpec& spec) {
    const NewTopicSpec wanted = WantedTopic(options_, spec);
    TRIBUTARY_ASSIGN_OR_RETURN(std::optional<FoundTopic> found, admin_.Describe(wanted.name));
    bool created = false;
    if (!found.has_value()) {
      const absl::Status status = admin_.Create(wanted);
      if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
      created = status.ok();
      TRIBUTARY_ASSIGN_OR_RETURN(found, AwaitTopic(wanted.name));
    }
    TRIBUTARY_RETURN_IF_ERROR(CheckTopic(options_, spec, *found));
    return TopicReport{
        .topic = wanted.name, .partitions = found->partitions, .replication = found->replication, .created = created};
  }

  absl::StatusOr<FoundTopic> AwaitTopic(const std::string& name) {
    const absl::Duration until = options_.clock->Monotonic() + options_.request_timeout;
    while (true) {
      absl::StatusOr<std::optional<FoundTopic>> found = admin_.Describe(name);
      if (found.ok() && found->has_value()) return **std::move(found);
      if (options_.clock->Monotonic() >= until) {
        return found.ok() ? absl::UnavailableError(fmt::format("topic {} was made but is not told yet", name))
                          : found.status();
      }
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  // Whoever writes the first record of the id log's first partition says the id of all; a second one there is read
  // by nobody.
  absl::StatusOr<std::string> ApplyId(TopicsReport& report) {
    const PartitionRef ref{options_.id_log, Partition(0)};
    KafkaPartition* const first = partitions_.at(ref).get();
    TRIBUTARY_ASSIGN_OR_RETURN(std::vector<std::string> ids, ReadGenesis(options_, admin_, {first}));
    if (ids[0].empty()) {
      TRIBUTARY_RETURN_IF_ERROR(Write({first}, NewUuid(*options_.random), report));
      TRIBUTARY_ASSIGN_OR_RETURN(ids, ReadGenesis(options_, admin_, {first}));
    }
    return ids[0];
  }

  absl::Status ApplyGenesis(TopicsReport& report) {
    std::vector<KafkaPartition*> all;
    for (const auto& [ref, partition] : partitions_) all.push_back(partition.get());
    TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<std::string> ids, ReadGenesis(options_, admin_, all));
    std::vector<KafkaPartition*> empty;
    for (size_t i = 0; i < all.size(); ++i) {
      if (ids[i].empty()) {
        empty.push_back(all[i]);
      } else if (ids[i] != report.log_id) {
        return absl::DataLossError(
            fmt::format("{}: it belongs to the log {}, not to {}", all[i]->ref().ToString(), ids[i], report.log_id));
      }
    }
    return Write(empty, report.log_id, report);
  }

  absl::Status Write(const std::vector<KafkaPartition*>& partitions, const std::string& id, TopicsReport& report) {
    if (partitions.empty()) return absl::OkStatus();
    Waker waker;
    auto health = std::make_shared<HealthState>();
    TRIBUTARY_ASSIGN_OR_RETURN(auto connection, ProducerConnection::Open(options_, waker, health));
    std::vector<absl::Status> results(partitions.size(), absl::UnavailableError("not written"));
    {
      KafkaProducer producer(partitions_, std::move(connection));
      for (size_t i = 0; i < partitions.size(); ++i) {
        producer.Append(partitions[i]->ref(), GenesisRecord(id),
                        [&result = results[i]](const absl::StatusOr<Offset>& offset) { result = offset.status(); });
      }
    }
    for (const absl::Status& result : results) TRIBUTARY_RETURN_IF_ERROR(result);
    for (const KafkaPartition* partition : partitions) {
      for (TopicReport& topic : report.topics) {
        if (topic.topic == partition->topic()) ++topic.genesis_written;
      }
    }
    return absl::OkStatus();
  }

  const KafkaOptions& options_;
  Admin& admin_;
  const Partitions partitions_;
};

}  // namespace
}  // namespace kafka

absl::StatusOr<TopicsReport> ApplyTopics(const KafkaOptions& options) {
  TRIBUTARY_RETURN_IF_ERROR(kafka::ValidateOptions(options));
  TRIBUTARY_ASSIGN_OR_RETURN(const auto admin, kafka::Admin::Open(options));
  return kafka::Application(options, *admin).Apply();
}

}  // namespace tributary::eventlog
