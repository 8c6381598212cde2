// What is asked of the brokers beside appends and reads: topics, settings, ends.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kafka/handle.h"
#include "kafka/partition.h"

namespace tributary::eventlog::kafka {

// The offsets that a partition holds: begin <= offset < end.
struct Range {
  Offset begin;
  Offset end;
};

// A topic as the cluster tells it.
struct FoundTopic {
  std::string name;
  int32_t partitions = 0;
  int32_t replication = 0;  // the fewest copies of any partition
  std::map<std::string, std::string> settings;
};

struct NewTopicSpec {
  std::string name;
  int32_t partitions = 1;
  int32_t replication = 1;
  std::map<std::string, std::string> settings;
};

// Thread-safe; each call waits for its answer up to the request timeout. Errors: Unavailable, and those named.
class Admin {
 public:
  static absl::StatusOr<std::unique_ptr<Admin>> Open(const KafkaOptions& options);

  // As of now, from the partition's leader.
  absl::StatusOr<Range> FetchRange(const KafkaPartition& partition);
  absl::StatusOr<Offset> FetchEnd(const KafkaPartition& partition);
  // Nothing if there is no such topic.
  absl::StatusOr<std::optional<FoundTopic>> Describe(const std::string& topic);
  // AlreadyExists if somebody was faster; InvalidArgument if the brokers refuse it.
  absl::Status Create(const NewTopicSpec& topic);
  // Sets the offsets that `group` committed: for lag tools. `next`: of each partition.
  absl::Status CommitOffsets(const std::string& group, const std::map<const KafkaPartition*, Offset>& next);

 private:
  Admin(std::unique_ptr<Handle> handle, absl::Duration timeout) : handle_(std::move(handle)), timeout_(timeout) {}
  // Sends by `send(options, queue)` and waits for its event.
  absl::StatusOr<Event> Ask(std::string_view what, rd_kafka_admin_op_t operation,
                            const std::function<void(const rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send);
  absl::StatusOr<Offset> FetchOffset(const KafkaPartition& partition, int64_t which);
  absl::Status DescribeSettings(FoundTopic& topic);

  const std::unique_ptr<Handle> handle_;
  const absl::Duration timeout_;
};

}  // namespace tributary::eventlog::kafka
