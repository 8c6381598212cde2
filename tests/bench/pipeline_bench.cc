// The whole process: `tributary serve` as a child, driven over gRPC as clients do.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "benches.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "standalone/rebuild.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/rpc/client.h"
#include "workload.h"

extern char** environ;

namespace tributary::bench {
namespace {

constexpr int kBatch = 500;
constexpr int kSenders = 4;
constexpr uint64_t kPeople = 100'000;

// The server as a child process; killed with this object.
class ServerProcess {
 public:
  ServerProcess(const std::string& binary, std::string data_dir) : data_dir_(std::move(data_dir)) {
    std::filesystem::remove_all(data_dir_);
    std::vector<std::string> words = {binary,     "serve",       "--data-dir",       data_dir_,
                                      "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    if (posix_spawn(&pid_, binary.c_str(), &actions, nullptr, argv.data(), environ) != 0) {
      Must(absl::UnavailableError(binary), "starting the server");
    }
    posix_spawn_file_actions_destroy(&actions);
    WaitUntilServing();
  }
  ~ServerProcess() { Stop(); }

  void Stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(std::exchange(pid_, -1), &status, 0);
  }

  rpc::Client Client(const char* secret) const {
    return OrDie(rpc::Client::Open({.target = file_["address"], .bearer_secret = file_[secret]}), "connecting");
  }
  const std::string& data_dir() const { return data_dir_; }

  double ResidentMiB() const {
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("VmRSS:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    }
    return 0;
  }

 private:
  void WaitUntilServing() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < deadline) {
      std::ifstream in(data_dir_ + "/client.json");
      file_ = nlohmann::json::parse(in, nullptr, false);
      if (file_.is_object()) {
        const rpc::Client client = Client("operator_secret");
        auto stub = operations::v1::OperationsService::NewStub(client.channel());
        if (client.Call(*stub, &operations::v1::OperationsService::Stub::ListTasks, {}).ok()) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));  // polls a condition, with a bound
    }
    Must(absl::DeadlineExceededError("the server did not start"), "waiting for the server");
  }

  const std::string data_dir_;
  pid_t pid_ = -1;
  nlohmann::json file_;
};

std::string MakeSource(const ServerProcess& server) {
  const rpc::Client admin = server.Client("admin_secret");
  auto stub = ingestion::v1::IngestionService::NewStub(admin.channel());
  ingestion::v1::CreateSourceRequest request;
  request.mutable_source()->set_source_id(kSource);
  request.mutable_source()->set_display_name("Benchmark");
  return OrDie(admin.Call(*stub, &ingestion::v1::IngestionService::Stub::CreateSource, request), "making a source")
      .write_key();
}

// Sends what `next` gives, `kBatch` at a time, from `kSenders` threads; returns the last token.
class Sender {
 public:
  Sender(const std::string& address_of, const std::string& write_key)
      : client_(OrDie(rpc::Client::Open({.target = address_of, .bearer_secret = write_key}), "connecting")),
        stub_(ingestion::v1::IngestionService::NewStub(client_.channel())) {}

  std::string Send(const ingestion::v1::IngestRequest& request) const {
    for (;;) {
      auto response = client_.Call(*stub_, &ingestion::v1::IngestionService::Stub::Ingest, request);
      if (response.ok()) return response->token();
      if (!absl::IsResourceExhausted(response.status()) && !absl::IsUnavailable(response.status())) {
        Must(response.status(), "ingesting");
      }
      std::this_thread::sleep_for(absl::ToChronoMilliseconds(
          rpc::RetryAfterOf(response.status()).value_or(absl::Milliseconds(50))));  // as the server advises
    }
  }

 private:
  rpc::Client client_;
  std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
};

// Until no task has anything left to read.
void WaitUntilApplied(const ServerProcess& server) {
  const rpc::Client client = server.Client("operator_secret");
  auto stub = operations::v1::OperationsService::NewStub(client.channel());
  operations::v1::ListTasksRequest request;
  request.set_page_size(1000);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(10);
  for (int quiet = 0; quiet < 2;) {
    if (std::chrono::steady_clock::now() > deadline) {
      Must(absl::DeadlineExceededError("events are left over"), "waiting until all is applied");
    }
    const auto tasks = OrDie(client.Call(*stub, &operations::v1::OperationsService::Stub::ListTasks, request), "tasks");
    int64_t left = 0;
    for (const auto& task : tasks.tasks()) left += task.lag() + task.unrelayed_outputs();
    quiet = left == 0 ? quiet + 1 : 0;  // twice: what one relays another has yet to see
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

double DirectoryBytes(const std::string& path) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  }
  return bytes;
}

// Sends events [from, to) of the workload; seconds until all are applied.
double Drive(const ServerProcess& server, const Sender& sender, Workload& workload, int64_t count) {
  std::mutex mutex;
  return Seconds([&] {
    std::atomic<int64_t> left{count};
    std::vector<std::thread> threads;
    for (int i = 0; i < kSenders; ++i) {
      threads.emplace_back([&] {
        while (left.fetch_sub(kBatch) > 0) {
          ingestion::v1::IngestRequest request;
          {
            std::lock_guard lock(mutex);
            for (int n = 0; n < kBatch; ++n) *request.add_events() = workload.Next();
          }
          sender.Send(request);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    WaitUntilApplied(server);
  });
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

struct Latency {
  double p50 = 0;
  double p99 = 0;
};

// From the acknowledgement of one event to the read that sees it, while others come at `rate` a second.
Latency AcceptedToQueryable(const ServerProcess& server, const Sender& sender, Workload& workload, double rate) {
  std::atomic<bool> stop{false};
  std::mutex mutex;
  std::thread background([&] {
    constexpr int kSmall = 50;
    auto next = std::chrono::steady_clock::now();
    while (!stop.load()) {
      ingestion::v1::IngestRequest request;
      {
        std::lock_guard lock(mutex);
        for (int n = 0; n < kSmall; ++n) *request.add_events() = workload.Next();
      }
      sender.Send(request);
      next += std::chrono::nanoseconds(static_cast<int64_t>(1e9 * kSmall / rate));
      std::this_thread::sleep_until(next);  // the load's pace
    }
  });
  const rpc::Client reader = server.Client("admin_secret");
  auto stub = profile::v1::ProfileService::NewStub(reader.channel());
  std::vector<double> millis;
  for (int i = 0; i < 500; ++i) {
    ingestion::v1::IngestRequest request;
    {
      std::lock_guard lock(mutex);
      *request.add_events() = workload.Next();
    }
    profile::v1::GetProfileRequest read;
    *read.mutable_profile()->mutable_identifier() = request.events(0).identifiers(0);
    read.set_token(sender.Send(request));
    millis.push_back(1e3 * Seconds([&] {
                       Must(reader.Call(*stub, &profile::v1::ProfileService::Stub::GetProfile, read).status(),
                            "reading");
                     }));
  }
  stop.store(true);
  background.join();
  return {Percentile(millis, 0.5), Percentile(millis, 0.99)};
}

}  // namespace

void BenchPipeline(const Settings& settings, Report& report) {
  if (settings.server_binary.empty()) return;
  const double append = AppendMillis(settings);
  ServerProcess server(settings.server_binary, settings.directory + "/server");
  nlohmann::json file = nlohmann::json::parse(std::ifstream(server.data_dir() + "/client.json"));
  const Sender sender(file["address"], MakeSource(server));
  Workload workload(11, kPeople);
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
  const Latency latency = AcceptedToQueryable(server, sender, workload, rate / 2);
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
