// For tests that want to know where a record landed before they go on.
#pragma once

#include <future>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/eventlog/event_log.h"

namespace tributary::eventlog {

// The result of an append. Never called: DeadlineExceeded after a minute.
inline absl::StatusOr<Offset> Await(std::future<absl::StatusOr<Offset>> result) {
  if (result.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
    return absl::DeadlineExceededError("the append's callback was not called");
  }
  return result.get();
}

inline std::future<absl::StatusOr<Offset>> AppendAsync(Producer& producer, const PartitionRef& target, Record record) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<Offset>>>();
  std::future<absl::StatusOr<Offset>> result = promise->get_future();
  producer.Append(target, std::move(record),
                  [promise](absl::StatusOr<Offset> offset) { promise->set_value(std::move(offset)); });
  return result;
}

inline absl::StatusOr<Offset> AppendAndWait(Producer& producer, const PartitionRef& target, Record record) {
  return Await(AppendAsync(producer, target, std::move(record)));
}

// All visible records from `from` on.
inline absl::StatusOr<std::vector<RecordPtr>> ReadAll(EventLog& log, const PartitionRef& ref, Offset from = Offset(0),
                                                      const ReadLimits& limits = {}) {
  absl::StatusOr<std::unique_ptr<PartitionReader>> reader = log.OpenReader(ref, from);
  if (!reader.ok()) return reader.status();
  std::vector<RecordPtr> records;
  for (bool at_end = false; !at_end;) {
    absl::StatusOr<ReadResult> result = (*reader)->Poll(limits);
    if (!result.ok()) return result.status();
    records.insert(records.end(), result->records.begin(), result->records.end());
    at_end = result->at_end;
  }
  return records;
}

}  // namespace tributary::eventlog
