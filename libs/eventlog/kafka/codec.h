// How a record lies in Kafka: key and value as they are, never null; its type as the first header, named "type"; then
// the record's own headers in their order.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "kafka/handle.h"
#include "tributary/eventlog/record.h"

namespace tributary::eventlog::kafka {

Headers EncodeHeaders(const Record& record);

// Of a message without error. DataLoss if it was not written by EncodeHeaders' rules.
absl::StatusOr<RecordPtr> DecodeMessage(rd_kafka_message_t& message);

// Tells one record from another at the same offset: a hash (XXH3) of all of it, the append time too.
uint64_t Fingerprint(const StoredRecord& stored);

}  // namespace tributary::eventlog::kafka
