// Runs one processor on one partition without a log server and without time: pipe records in, read
// decisions and outputs out, move the clock by hand. The task inside is the real one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/task.h"

namespace tributary::processor::testing {

// Not thread-safe. Failures of the machinery end the test by a check.
class ProcessorTestDriver {
 public:
  struct Options {
    PartitionRef partition{"journey", Partition(0)};
    // Logs besides the partition's own, for outputs.
    std::vector<eventlog::LogSpec> logs = {{"registry", 1}, {"intake", 8}, {"journey", 8}, {"dead_letter", 1}};
    TaskOptions task;  // the partition is filled in; empty batches go out at once
    EffectChannels* effects = nullptr;
  };
  using MakeProcessor = std::function<std::unique_ptr<Processor>()>;

  ProcessorTestDriver(MakeProcessor make, Options options);
  explicit ProcessorTestDriver(MakeProcessor make) : ProcessorTestDriver(std::move(make), Options()) {}
  ~ProcessorTestDriver();

  FakeClock& clock() { return clock_; }
  eventlog::MemoryLog& log() { return *log_; }
  Task& task() { return *task_; }

  // Appends to the partition and runs until nothing is left to do.
  Offset Pipe(eventlog::Record record);
  template <typename M>
  Offset Pipe(const std::string& key, const M& message) {
    return Pipe({.key = key, .type = std::string(RecordType<M>()), .value = message.SerializeAsString()});
  }
  // Appends without running.
  Offset Append(eventlog::Record record);
  // Sends a command and runs until it is answered.
  absl::StatusOr<Reply> Send(Command command);
  template <typename M>
  absl::StatusOr<Reply> Send(const std::string& request_id, std::string type, const M& body) {
    return Send({request_id, std::move(type), body.SerializeAsString()});
  }
  // Moves the clock, then runs.
  void Advance(absl::Duration by);
  // Steps until the task is idle. Returns false if it halted.
  bool Run();

  // Valid decisions recorded since the last call, in order.
  std::vector<events::v1::Decision> TakeDecisions();
  // Those of one type, parsed; the others are dropped.
  template <typename M>
  std::vector<M> Take() {
    std::vector<M> result;
    for (const events::v1::Decision& decision : TakeDecisions()) {
      if (decision.type() != RecordType<M>()) continue;
      result.emplace_back().ParseFromString(decision.value());
    }
    return result;
  }
  // All records of a partition, without genesis and batches.
  std::vector<eventlog::RecordPtr> RecordsOf(const PartitionRef& ref);

  std::unique_ptr<projection::Snapshot> Snapshot() { return task_->TakeSnapshot(); }
  // As after kill -9: the projection stays, the task is made anew.
  void Restart();
  // Restarts with an empty projection.
  void LoseProjection();
  // Digests of the live projection and of a fresh application of the log by a standby, at equal
  // positions; caches too.
  std::pair<projection::Digest, projection::Digest> DigestLiveAndRebuilt();

 private:
  std::unique_ptr<Task> OpenTask(std::shared_ptr<projection::Store> store, Processor* processor, bool standby);

  MakeProcessor make_;
  Options options_;
  FakeClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  std::shared_ptr<projection::Store> store_;
  std::unique_ptr<Processor> processor_;
  std::unique_ptr<Task> task_;
  Offset taken_{-1};      // last batch looked at by TakeDecisions
  Offset taken_tip_{-1};  // last valid one
};

}  // namespace tributary::processor::testing
