#include "server_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <utility>
#include <vector>

#include "benches.h"
#include "fmt/format.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "workload.h"

extern char** environ;

namespace tributary::bench {

ServerProcess::ServerProcess(const std::string& binary, std::string data_dir) : data_dir_(std::move(data_dir)) {
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

void ServerProcess::Stop() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  int status = 0;
  waitpid(std::exchange(pid_, -1), &status, 0);
}

rpc::Client ServerProcess::Client(const char* secret) const {
  return OrDie(rpc::Client::Open({.target = file_["address"], .bearer_secret = file_[secret]}), "connecting");
}

double ServerProcess::ResidentMiB() const {
  std::ifstream status(fmt::format("/proc/{}/status", pid_));
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS:", 0) == 0) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

void ServerProcess::WaitUntilServing() {
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

std::string MakeSource(const rpc::Client& admin) {
  auto stub = ingestion::v1::IngestionService::NewStub(admin.channel());
  ingestion::v1::CreateSourceRequest request;
  request.mutable_source()->set_source_id(kSource);
  request.mutable_source()->set_display_name("Benchmark");
  return OrDie(admin.Call(*stub, &ingestion::v1::IngestionService::Stub::CreateSource, request), "making a source")
      .write_key();
}

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
    quiet = left == 0 ? quiet + 1 : 0;                           // twice: what one relays another has yet to see
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // polls a condition, with a bound
  }
}

Sender::Sender(const std::string& address, const std::string& write_key)
    : client_(OrDie(rpc::Client::Open({.target = address, .bearer_secret = write_key}), "connecting")),
      stub_(ingestion::v1::IngestionService::NewStub(client_.channel())) {}

std::string Sender::Send(const ingestion::v1::IngestRequest& request) const {
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

}  // namespace tributary::bench
