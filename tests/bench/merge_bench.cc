// A merge of two long journeys that lie in different partitions, from identity's word to the end of the move.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "benches.h"
#include "fmt/format.h"
#include "profile/processor.h"
#include "tributary/base/clock.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/processor/moves.h"
#include "tributary/processor/record_type.h"
#include "tributary/processor/task.h"
#include "workload.h"

namespace tributary::bench {
namespace {

constexpr int kPartitions = 2;
constexpr int64_t kEntries = 10'000;  // of each journey

// Profile's tasks on both partitions, stepped in turn.
class Journeys {
 public:
  explicit Journeys(const std::string& directory) {
    log_ = OrDie(
        eventlog::OpenEmbeddedLog(
            {.path = directory + "/log", .logs = {{"journey", kPartitions}}, .clock = &clock_, .random = &random_}),
        "opening the log");
    producer_ = OrDie(log_->OpenProducer(), "opening a producer");
    for (int i = 0; i < kPartitions; ++i) {
      const std::string path = fmt::format("{}/store-{}", directory, i);
      std::filesystem::create_directories(path);
      processors_[i] = profile::MakeProcessor(eventlog::Partition(i), kPartitions);
      processor::TaskOptions options;
      options.partition = {"journey", eventlog::Partition(i)};
      tasks_[i] =
          OrDie(processor::Task::Open(options, {.log = log_.get(),
                                                .store = OrDie(projection::Store::Open({.path = path}), "store"),
                                                .processor = processors_[i].get(),
                                                .clock = &clock_,
                                                .random = &random_}),
                "opening a task");
    }
  }

  template <typename M>
  void Append(const std::string& profile, const M& message) {
    producer_->Append({"journey", PartitionOf(profile)},
                      {.key = profile,
                       .type = std::string(processor::RecordType<M>()),
                       .headers = {},
                       .value = message.SerializeAsString()},
                      [](auto offset) { Must(offset.status(), "an append"); });
  }

  template <typename Done>
  void RunUntil(const Done& done) {
    while (!done()) {
      for (auto& task : tasks_) {
        if (task->Step().kind == processor::Progress::Kind::kHalted) Must(task->status().halted, "halted");
      }
    }
  }
  bool CaughtUp() {
    return std::all_of(std::begin(tasks_), std::end(tasks_), [](const auto& task) { return task->Quiet(); });
  }
  std::unique_ptr<projection::Snapshot> At(const std::string& profile) {
    return tasks_[PartitionOf(profile).value()]->TakeSnapshot();
  }

 private:
  static eventlog::Partition PartitionOf(const std::string& profile) {
    return eventlog::Partition(JourneyPartitionOf(profile, kPartitions));
  }

  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<eventlog::EventLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  std::unique_ptr<processor::Processor> processors_[kPartitions];
  std::unique_ptr<processor::Task> tasks_[kPartitions];
};

std::string ProfileIn(int32_t partition) {
  for (int i = 1;; ++i) {
    std::string id = fmt::format("p0-{}-0", i);
    if (JourneyPartitionOf(id, kPartitions) == partition) return id;
  }
}

}  // namespace

void BenchMerge(const Settings& settings, Report& report) {
  const std::string directory = settings.directory + "/merge";
  std::filesystem::remove_all(directory);
  double seconds = 0;
  {
    Journeys journeys(directory);
    const std::string winner = ProfileIn(0);
    const std::string loser = ProfileIn(1);
    Workload workload(7, 1);
    for (int64_t i = 0; i < kEntries; ++i) {
      for (const std::string& profile : {winner, loser}) {
        events::v1::CustomerEvent event = workload.Next();
        event.set_workspace_id("w");
        event.mutable_resolution()->set_profile_id(profile);
        journeys.Append(profile, event);
      }
    }
    journeys.RunUntil([&] { return journeys.CaughtUp(); });
    events::v1::ProfilesMerged merged;
    merged.set_merge_id("m0-1-0");
    merged.set_workspace_id("w");
    merged.set_winner_id(winner);
    merged.set_loser_id(loser);
    seconds = Seconds([&] {
      journeys.Append(loser, merged);
      journeys.Append(winner, merged);
      journeys.RunUntil([&] { return processor::MoveHasEnded(journeys.At(winner)->view(), merged.merge_id()); });
    });
  }
  std::filesystem::remove_all(directory);
  report.Add({.name = "merge_10k_with_10k", .value = seconds * 1000, .unit = "ms"});
  report.Add({.name = "merge_entries_moved", .value = static_cast<double>(kEntries) / seconds, .unit = "entries/s"});
}

}  // namespace tributary::bench
