#include "tributary/processor/testing/test_driver.h"

#include <cstdio>
#include <cstdlib>

#include "src/wire.h"

namespace tributary::processor::testing {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value, const char* what) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s: %s\n", what, value.status().ToString().c_str());
    std::abort();
  }
  return *std::move(value);
}

std::shared_ptr<projection::Store> NewStore() {
  return OrDie(projection::Store::Open({.in_memory = true}), "opening a store");
}

}  // namespace

ProcessorTestDriver::ProcessorTestDriver(MakeProcessor make, Options options)
    : make_(std::move(make)),
      options_(std::move(options)),
      log_(OrDie(eventlog::MakeMemoryLog({.logs = options_.logs, .clock = &clock_}), "making a log")),
      producer_(OrDie(log_->OpenProducer(), "opening a producer")),
      store_(NewStore()),
      processor_(make_()),
      task_(OpenTask(store_, processor_.get(), false)) {
  Run();
}

ProcessorTestDriver::~ProcessorTestDriver() = default;

std::unique_ptr<Task> ProcessorTestDriver::OpenTask(std::shared_ptr<projection::Store> store, Processor* processor,
                                                    bool standby) {
  TaskOptions options = options_.task;
  options.partition = options_.partition;
  options.empty_batch_age = absl::ZeroDuration();
  options.standby = standby;
  return OrDie(Task::Open(options, {.log = log_.get(),
                                    .store = std::move(store),
                                    .processor = processor,
                                    .clock = &clock_,
                                    .random = &random_,
                                    .effects = options_.effects}),
               "opening a task");
}

Offset ProcessorTestDriver::Append(eventlog::Record record) {
  Offset offset{-1};
  producer_->Append(options_.partition, std::move(record),
                    [&](absl::StatusOr<Offset> result) { offset = OrDie(std::move(result), "appending"); });
  return offset;
}

Offset ProcessorTestDriver::Pipe(eventlog::Record record) {
  const Offset offset = Append(std::move(record));
  Run();
  return offset;
}

absl::StatusOr<Reply> ProcessorTestDriver::Send(Command command) {
  absl::StatusOr<Reply> answer = absl::UnavailableError("not answered");
  task_->Submit(std::move(command), [&](absl::StatusOr<Reply> reply) { answer = std::move(reply); });
  Run();
  return answer;
}

void ProcessorTestDriver::Advance(absl::Duration by) {
  clock_.Advance(by);
  Run();
}

bool ProcessorTestDriver::Run() {
  for (;;) {
    const Progress progress = task_->Step();
    if (progress.kind == Progress::Kind::kHalted) return false;
    if (progress.kind == Progress::Kind::kIdle) return true;
  }
}

std::vector<events::v1::Decision> ProcessorTestDriver::TakeDecisions() {
  std::vector<events::v1::Decision> decisions;
  auto reader = OrDie(log_->OpenReader(options_.partition, Next(taken_)), "reading");
  for (;;) {
    const eventlog::ReadResult result = OrDie(reader->Poll({}), "reading");
    for (const eventlog::RecordPtr& record : result.records) {
      taken_ = record->offset;
      const RecordInfo info = OrDie(ReadHeaders(record->record), "reading headers");
      if (!info.batch.has_value() || info.batch->processor != processor_->name() ||
          info.batch->previous != taken_tip_) {
        continue;
      }
      taken_tip_ = record->offset;
      events::v1::DecisionBatch batch;
      if (!batch.ParseFromString(record->record.value)) std::abort();
      decisions.insert(decisions.end(), batch.decisions().begin(), batch.decisions().end());
    }
    if (result.at_end) return decisions;
  }
}

std::vector<eventlog::RecordPtr> ProcessorTestDriver::RecordsOf(const PartitionRef& ref) {
  std::vector<eventlog::RecordPtr> records;
  auto reader = OrDie(log_->OpenReader(ref, Offset(0)), "reading");
  for (;;) {
    const eventlog::ReadResult result = OrDie(reader->Poll({}), "reading");
    for (const eventlog::RecordPtr& record : result.records) {
      if (record->record.type == eventlog::kGenesisType) continue;
      if (record->record.type == RecordType<events::v1::DecisionBatch>()) continue;
      records.push_back(record);
    }
    if (result.at_end) return records;
  }
}

void ProcessorTestDriver::Restart() {
  task_.reset();
  processor_ = make_();
  task_ = OpenTask(store_, processor_.get(), false);
  Run();
}

void ProcessorTestDriver::LoseProjection() {
  store_ = NewStore();
  Restart();
}

std::pair<projection::Digest, projection::Digest> ProcessorTestDriver::DigestLiveAndRebuilt() {
  auto store = NewStore();
  auto processor = make_();
  auto standby = OpenTask(store, processor.get(), true);
  while (standby->Step().kind == Progress::Kind::kWorked) {
  }
  if (standby->status().last_batch != task_->status().last_batch) {
    std::fprintf(stderr, "the rebuilt projection is at another batch than the live one\n");
    std::abort();
  }
  return {OrDie(task_->TakeSnapshot()->ComputeDigest(), "digest"),
          OrDie(store->TakeSnapshot()->ComputeDigest(), "digest")};
}

}  // namespace tributary::processor::testing
