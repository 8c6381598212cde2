// Several tasks over one log in memory, each behind a door of its own (HeldLog), so that a test decides
// what lands when, who crashes and what is lost.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "src/wire.h"
#include "tests/held_log.h"
#include "tests/scripted.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "tributary/processor/task.h"

namespace tributary::processor {

inline const PartitionRef kHere{"journey", Partition(0)};
inline const PartitionRef kThere{"there", Partition(0)};
inline const PartitionRef kAlsoThere{"there", Partition(1)};
inline const PartitionRef kLetters{"dead_letter", Partition(0)};

inline std::shared_ptr<projection::Store> NewStore() { return *projection::Store::Open({.in_memory = true}); }

// The world: log and clock.
struct Bench {
  Bench() : log(*eventlog::MakeMemoryLog({.logs = kLogs, .clock = &clock})), producer(*log->OpenProducer()) {}

  inline static const std::vector<eventlog::LogSpec> kLogs = {{"journey", 2}, {"there", 2}, {"dead_letter", 1}};

  Offset Append(eventlog::Record record, const PartitionRef& to = kHere) {
    return *eventlog::AppendAndWait(*producer, to, std::move(record));
  }
  // Records of a type, in order.
  std::vector<eventlog::RecordPtr> Records(const PartitionRef& ref, std::string_view type) {
    std::vector<eventlog::RecordPtr> found;
    const std::vector<eventlog::RecordPtr> all = eventlog::ReadAll(*log, ref).value();
    for (const eventlog::RecordPtr& record : all) {
      if (record->record.type == type) found.push_back(record);
    }
    return found;
  }
  // All batches of a processor, void ones too.
  std::vector<events::v1::DecisionBatch> Batches(std::string_view processor = "tally",
                                                 const PartitionRef& ref = kHere) {
    std::vector<events::v1::DecisionBatch> batches;
    for (const eventlog::RecordPtr& record : Records(ref, "decision_batch")) {
      events::v1::DecisionBatch batch;
      EXPECT_TRUE(batch.ParseFromString(record->record.value));
      if (batch.processor() == processor) batches.push_back(std::move(batch));
    }
    return batches;
  }

  FakeClock clock;
  SeededRandom random{1};
  std::unique_ptr<eventlog::MemoryLog> log;
  std::unique_ptr<eventlog::Producer> producer;
};

// One process that serves one partition.
class Instance {
 public:
  explicit Instance(Bench& bench, Script script = {}, TaskOptions options = {}, EffectChannels* effects = nullptr,
                    metrics::TaskMetrics metrics = {})
      : log(bench.log.get()),
        bench_(bench),
        script_(std::move(script)),
        options_(std::move(options)),
        effects_(effects),
        metrics_(std::move(metrics)),
        store_(NewStore()) {
    if (options_.partition.log.empty()) options_.partition = kHere;
    options_.empty_batch_age = absl::ZeroDuration();
    Start();
  }

  Task& task() { return *task_; }
  TaskStatus status() const { return task_->status(); }
  std::shared_ptr<projection::Store> store() { return store_; }
  TaskOptions& options() { return options_; }

  // Steps until it is idle; false if it has halted.
  bool Run() {
    for (int i = 0; i < 100'000; ++i) {
      const Progress progress = task_->Step();
      if (progress.kind != Progress::Kind::kWorked) return progress.kind == Progress::Kind::kIdle;
    }
    ADD_FAILURE() << "never idle";
    return false;
  }
  // As kill -9: what it has sent and is held is still on its way.
  void Crash() {
    task_.reset();
    processor_.reset();
  }
  void Start() {
    absl::StatusOr<std::unique_ptr<Task>> task = Open();
    ASSERT_TRUE(task.ok()) << task.status();
    task_ = *std::move(task);
  }
  absl::StatusOr<std::unique_ptr<Task>> Open() {
    processor_ = std::make_unique<Scripted>(script_);
    return Task::Open(options_, {.log = &log,
                                 .store = store_,
                                 .processor = processor_.get(),
                                 .clock = &bench_.clock,
                                 .random = &bench_.random,
                                 .effects = effects_,
                                 .metrics = metrics_});
  }
  void Restart() {
    Crash();
    Start();
    Run();
  }
  void LoseProjection() { store_ = NewStore(); }

  // How often a fact or decision with that text is in what was committed.
  int64_t Seen(const std::string& text) { return CountIn(task_->TakeSnapshot()->view(), kSeen, text); }
  int64_t Noted(const std::string& text) { return CountIn(task_->TakeSnapshot()->view(), kNoted, text); }
  projection::Digest Digest() { return *store_->TakeSnapshot()->ComputeDigest(); }

  HeldLog log;

 private:
  Bench& bench_;
  const Script script_;
  TaskOptions options_;
  EffectChannels* const effects_;
  const metrics::TaskMetrics metrics_;
  std::shared_ptr<projection::Store> store_;
  std::unique_ptr<Scripted> processor_;
  std::unique_ptr<Task> task_;
};

// What everybody who reads the log anew will believe.
inline std::unique_ptr<Instance> Rebuild(Bench& bench, Script script = {}, TaskOptions options = {}) {
  options.standby = true;
  options.faults = {};
  auto standby = std::make_unique<Instance>(bench, std::move(script), std::move(options));
  standby->Run();
  return standby;
}

// Effects that end when a test says so.
class FakeChannels final : public EffectChannels {
 public:
  bool Idempotent(std::string_view channel) const override { return channel == "idempotent"; }
  void Call(EffectCall call, std::function<void(EffectOutcome)> done) override {
    calls.push_back(std::move(call));
    waiting.push_back(std::move(done));
  }
  void End(size_t i, EffectOutcome outcome) { waiting.at(i)(std::move(outcome)); }

  std::vector<EffectCall> calls;
  std::vector<std::function<void(EffectOutcome)>> waiting;
};

}  // namespace tributary::processor
