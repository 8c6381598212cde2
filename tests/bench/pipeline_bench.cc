// The whole process: `tributary serve` as a child, driven over gRPC as clients do.
#include <filesystem>
#include <vector>

#include "benches.h"
#include "load.h"
#include "server_process.h"
#include "standalone/rebuild.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "workload.h"

namespace tributary::bench {
namespace {

constexpr uint64_t kPeople = 100'000;

double DirectoryBytes(const std::string& path) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  }
  return bytes;
}

double AppendMillis(const Settings& settings) {
  SystemClock clock;
  SystemRandom random;
  const std::string path = settings.directory + "/append";
  std::vector<double> millis;
  {
    auto log = OrDie(
        eventlog::OpenEmbeddedLog({.path = path, .logs = {{"journey", 1}}, .clock = &clock, .random = &random}), "log");
    auto producer = OrDie(log->OpenProducer(), "producer");
    for (int i = 0; i < 300; ++i) {
      millis.push_back(
          1e3 * Seconds([&] {
            Must(eventlog::AppendAndWait(*producer, {"journey", eventlog::Partition(0)},
                                         {.key = "k", .type = "t", .headers = {}, .value = std::string(250, 'v')})
                     .status(),
                 "appending");
          }));
    }
  }
  std::filesystem::remove_all(path);
  return Percentile(millis, 0.5);
}

}  // namespace

void BenchPipeline(const Settings& settings, Report& report) {
  if (settings.server_binary.empty()) return;
  const double append = AppendMillis(settings);
  ServerProcess server(settings.server_binary, settings.directory + "/server");
  const Sender sender(server.address(), MakeSource(server.Client("admin_secret")));
  SharedWorkload workload(11, kPeople);
  const int64_t quarter = settings.footprint_events / 4;
  double seconds = 0;
  std::vector<double> resident;
  for (int i = 0; i < 4; ++i) {
    seconds += Drive(server, sender, workload, quarter);
    resident.push_back(server.ResidentMiB());
  }
  const double events = static_cast<double>(4 * quarter);
  const double rate = events / seconds;
  report.Add({.name = "pipeline_events", .value = rate, .unit = "events/s"});
  report.Add(
      {.name = "resident_after_all", .value = resident[3], .unit = "MiB", .goal = 1024, .lower_is_better = true});
  report.Add({.name = "resident_growth",
              .value = resident[3],
              .unit = "MiB",
              .baseline = resident[1],
              .baseline_name = "after half of the events",
              .goal = 1.25,
              .lower_is_better = true});
  report.Add({.name = "disk_per_event", .value = DirectoryBytes(server.data_dir()) / events, .unit = "bytes"});
  Latency latency;
  {
    const SteadyLoad load(sender, workload, rate / 2);
    latency = AcceptedToQueryable(server, sender, workload, [](size_t samples) { return samples < 500; });
  }
  report.Add({.name = "accepted_to_queryable_p50",
              .value = latency.p50,
              .unit = "ms",
              .baseline = append,
              .baseline_name = "one raw durable append",
              .lower_is_better = true});
  report.Add({.name = "accepted_to_queryable_p99",
              .value = latency.p99,
              .unit = "ms",
              .baseline = append,
              .baseline_name = "one raw durable append",
              .lower_is_better = true});
  WaitUntilApplied(server);
  server.Stop();
  SystemClock clock;
  const auto rebuilt = OrDie(standalone::RebuildAll(server.data_dir(), clock, nullptr), "rebuilding");
  double facts = 0;
  double elapsed = 0;
  for (const auto& task : rebuilt) {
    if (task.digest_before != task.digest_after) Must(absl::DataLossError(task.task.ToString()), "digests differ");
    facts += static_cast<double>(task.records);
    elapsed += absl::ToDoubleSeconds(task.elapsed);
  }
  // Every event is a fact twice, to identity and to profile; one task after the other.
  report.Add({.name = "rebuild", .value = facts / 2 / elapsed, .unit = "events/s"});
}

}  // namespace tributary::bench
