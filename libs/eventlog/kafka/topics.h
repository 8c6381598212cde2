// The topics behind the logs: their settings, and the genesis record that each partition begins with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kafka/admin.h"
#include "kafka/partition.h"

namespace tributary::eventlog::kafka {

// The settings that a topic is made with; all but replication's are demanded of topics that are there.
NewTopicSpec WantedTopic(const KafkaOptions& options, const LogSpec& spec);

// FailedPrecondition naming topic, setting, found and wanted.
absl::Status CheckTopic(const KafkaOptions& options, const LogSpec& spec, const FoundTopic& found);

// FailedPrecondition if a topic is missing or of other settings.
absl::Status CheckTopics(const KafkaOptions& options, Admin& admin);

// The value of each partition's genesis record, in the order of `partitions`; empty where nothing is stored yet.
// DataLoss if a partition begins with another record, or no longer at 0.
absl::StatusOr<std::vector<std::string>> ReadGenesis(const KafkaOptions& options, Admin& admin,
                                                     const std::vector<KafkaPartition*>& partitions);

}  // namespace tributary::eventlog::kafka
