// The log for more than one machine: Apache Kafka, through librdkafka (DESIGN section 10).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

struct KafkaOptions {
  // "host:port,host:port": any of the cluster's; the others are found through them.
  std::string brokers;
  // A log's topic is this and the log's name. 0 to 128 of A-Z a-z 0-9 . _ -
  std::string topic_prefix = "tributary.";
  // Must be those of the topics, partition counts too.
  std::vector<LogSpec> logs;
  // One of `logs`: the first record of its partition 0 says what the id of all is.
  std::string id_log = "registry";
  // How to reach the brokers: librdkafka's settings security.protocol, ssl.* and sasl.*, and no others.
  std::map<std::string, std::string> security;
  // Names this process in the brokers' logs and quotas.
  std::string client_id = "tributary";
  // For one broker on a laptop: topics are made without replicas, and replication is not checked.
  bool dev = false;
  // Copies of each partition when topics are made; 0: 3, or 1 with `dev`.
  int32_t replication = 0;

  // For pauses. Must outlive the log.
  const Clock* clock = nullptr;
  // For the log's id. Must outlive the log.
  Random* random = nullptr;
  // Called with librdkafka's warnings and errors (broker addresses and topics, never a record's content),
  // from its threads; must be quick and thread-safe. Unset: to stderr.
  std::function<void(std::string_view)> log_line;

  // An append that is not acknowledged by then fails, outcome unknown. 1 s to 15 min.
  absl::Duration delivery_timeout = absl::Seconds(30);
  // How long an append waits for others to share its request. 0 to 1 s.
  absl::Duration linger = absl::Milliseconds(1);
  // How long a call waits for an answer of a broker before it is Unavailable: opening, End, Poll. Positive.
  absl::Duration request_timeout = absl::Seconds(5);
  // Appends of one connection that are not acknowledged yet; beyond it Append blocks its caller until there is room.
  size_t max_waiting_bytes = 64 << 20;
  // What a reader fetches ahead, before one more fetch of up to 1 MiB. 64 KiB to 1 GiB. librdkafka looks again once a
  // second whether a full reader has room, so this is also what a reader can take a second at least.
  size_t reader_bytes = 16 << 20;
  // A reader that was not polled for so long, and holds records, lets them go and fetches them anew when it is polled.
  absl::Duration reader_idle = absl::Seconds(2);
};

// What was acknowledged is on min.insync.replicas brokers. Opening checks the topics as ApplyTopics does, and that all
// partitions begin with the same log id.
//
// After a lost connection each reader makes sure, before it goes on, that the log still holds the record before its
// position and did not shrink; otherwise its Poll is DataLoss for good: the topic was truncated or made anew.
//
// An append's failure is final for its session only. A fatal error of the producer (EventLog::Health) is final for the
// log: the process shall end and start anew.
// Errors: InvalidArgument (options), FailedPrecondition (topics missing, of other settings or without genesis; naming
// topic, setting, found and wanted), DataLoss (partitions of different logs), Unavailable (no broker answers).
absl::StatusOr<std::unique_ptr<EventLog>> OpenKafkaLog(const KafkaOptions& options);

struct TopicReport {
  std::string topic;
  int32_t partitions = 0;
  int32_t replication = 0;
  bool created = false;         // else it was there, and was checked
  int32_t genesis_written = 0;  // partitions that got their first record now
};
struct TopicsReport {
  std::string log_id;
  std::vector<TopicReport> topics;  // in the order of KafkaOptions::logs
};

// Makes the topics that are missing, checks those that are there, and writes the genesis record of partitions that are
// empty. Changes nothing else: a topic of other settings is refused. May be run at any time, by several at once, and
// again after it was interrupted.
// Errors: as OpenKafkaLog.
absl::StatusOr<TopicsReport> ApplyTopics(const KafkaOptions& options);

}  // namespace tributary::eventlog
