// The log behind everything: partitions of records, appended in any order by many, read in one order
// by all. Two implementations pass one contract test (testing/contract.h): embedded, and Kafka.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/eventlog/record.h"

namespace tributary::eventlog {

struct ReadLimits {
  size_t max_records = 1024;
  size_t max_bytes = 4 << 20;  // at least one record is returned whatever its size
};

struct ReadResult {
  std::vector<RecordPtr> records;
  // When the poll was made, no visible record lay beyond those returned: none that this process had appended and seen
  // acknowledged, and none of others' but what the log had not told of yet. A watch (EventLog::Watch) tells of those.
  bool at_end = false;
};

// One cursor over one partition. A reader sees every visible record once, in offset order, without a
// gap, whoever appends meanwhile. Thread-compatible: one thread at a time.
class PartitionReader {
 public:
  virtual ~PartitionReader() = default;
  // The next records, within `limits` and perhaps fewer than there are (`at_end` tells); at least one
  // if there is any. Never blocks for records to come, only for those that are there to arrive. After an error the
  // position is unchanged.
  // Errors: DataLoss when the log does not hold what the position claims (truncated, recreated,
  // corrupt); Unavailable when it cannot be reached now (try again).
  virtual absl::StatusOr<ReadResult> Poll(const ReadLimits& limits) = 0;
  // Offset of the next record that Poll returns.
  virtual Offset position() const = 0;
  // Moves there. Bounds: 0 .. end; outside of them Poll returns DataLoss (beyond the end: until the
  // log has grown to it).
  virtual void Seek(Offset next) = 0;
};

// OK with the record's offset; or an error. Aborted and Unavailable: the record may or may not be in
// the log, now or later. InvalidArgument (beyond the bounds of Record) and NotFound (no such log or
// partition): it is not and will not be.
// Runs on a thread of the log's; must not block nor destroy the producer. It may append: such an
// append never waits for room.
using AppendCallback = std::function<void(absl::StatusOr<Offset>)>;

// A session of appends. Records of one session to one partition land in the order of the calls; if
// one fails, all later ones of the session to that partition fail too, so that no gap is passed over
// (PROTOCOL rule 19); a new session starts clean. Thread-safe.
class Producer {
 public:
  // Waits for the callbacks of all that was appended.
  virtual ~Producer() = default;
  // Returns at once, unless too much waits to be written already: then it blocks until there is room.
  // `done` is called once, after the record is durable and visible, in the order of the calls for the
  // records of one partition.
  virtual void Append(const PartitionRef& target, Record record, AppendCallback done) = 0;
};

struct ProducerOptions {
  // A connection to the log of its own: nothing that others append delays it. For few, long-lived producers; a log
  // without connections ignores it.
  bool own_connection = false;
};

struct LogSpec {
  std::string name;        // lower_snake_case
  int32_t partitions = 1;  // 1..kMaxPartitions
};
inline constexpr int32_t kMaxPartitions = 4096;

// Thread-safe. Readers and producers are destroyed before it; handles of Watch may outlive it.
class EventLog {
 public:
  virtual ~EventLog() = default;
  // Drawn once when the log was created; the value of every genesis record.
  virtual const std::string& id() const = 0;
  virtual const std::vector<LogSpec>& logs() const = 0;
  // NotFound if there is no such log or partition. OutOfRange if `from` is negative.
  virtual absl::StatusOr<std::unique_ptr<PartitionReader>> OpenReader(const PartitionRef& ref, Offset from) = 0;
  virtual absl::StatusOr<std::unique_ptr<Producer>> OpenProducer(const ProducerOptions& options) = 0;
  absl::StatusOr<std::unique_ptr<Producer>> OpenProducer() { return OpenProducer(ProducerOptions()); }
  // The offset that the next visible record will get: beyond all that was acknowledged, anywhere, before the call. May
  // ask a broker. Errors: NotFound; Unavailable if the log cannot be reached now.
  virtual absl::StatusOr<Offset> End(const PartitionRef& ref) = 0;
  // The same without asking where a reader of the partition is open: beyond all that this process saw or appended, and
  // behind what others append by a moment. For lag, not for promises.
  virtual absl::StatusOr<Offset> LastKnownEnd(const PartitionRef& ref) { return End(ref); }
  // `wake` is called, on a thread of the log's, after records of `ref` became visible; it must be
  // quick. Calls may be merged. Ends when the returned handle is destroyed, which waits for a call that
  // runs; after that none runs. Null if there is no such log or partition.
  virtual std::shared_ptr<void> Watch(const PartitionRef& ref, std::function<void()> wake) = 0;
  // Tells how far a consumer (a processor's name) has come, for tools that show lag: `next` is the offset of the first
  // record that it has yet to cover. Cheap; calls may be merged or lost; nothing is ever read back from it.
  virtual void ReportPosition(std::string_view consumer, const PartitionRef& ref, Offset next);
  // OK while appends can succeed. Otherwise why not (disk full, broken storage, fatal producer error):
  // from then on every append fails with Unavailable until the log is closed and opened again. Reading
  // may still work. Thread-safe and cheap: for readiness checks.
  virtual absl::Status Health() const = 0;
};

// Partitions of `log`; 0 if there is no such log.
int32_t PartitionCount(const EventLog& log, std::string_view name);

}  // namespace tributary::eventlog
