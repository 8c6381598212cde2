// Each service in a process of its own, on Kafka: the same answers as all in one on the embedded log.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "history.h"
#include "nlohmann/json.hpp"
#include "platform.h"
#include "process.h"
#include "tributary/base/status.h"

namespace tributary::e2e {
namespace {

constexpr char kPartitions[] = "4";
const std::vector<std::string> kServices = {"ingestion", "identity", "profile"};

// The three programs, with topics and folders of their own. Not thread-safe.
class Installation {
 public:
  Installation()
      : kafka_(std::getenv("TRIBUTARY_TEST_KAFKA") == nullptr ? "" : std::getenv("TRIBUTARY_TEST_KAFKA")),
        prefix_(fmt::format("services.{}.{}.", getpid(), ++count_)) {
    for (const std::string& service : kServices) {
      addresses_[service] = fmt::format("127.0.0.1:{}", FreePort());
    }
    WriteAll(folder_.path() / "secret", "0123456789abcdef0123456789abcdef\n");
  }
  ~Installation() {
    if (!testing::Test::HasFailure()) return;
    for (const std::string& service : kServices) {
      std::cerr << "--- " << service << " said:\n" << ReadAll(folder_.path() / (service + ".log")) << "---\n";
    }
  }

  void MakeTopics() {
    ASSERT_FALSE(kafka_.empty()) << "TRIBUTARY_TEST_KAFKA names no Kafka";
    const Finished applied = RunToEnd({TRIBUTARY_BINARY, "topics", "apply", "--brokers", kafka_, "--topic-prefix",
                                       prefix_, "--partitions", kPartitions, "--dev"});
    ASSERT_EQ(applied.exit_code, 0) << applied.out;
  }
  void Start(const std::string& service) {
    std::vector<std::string> command = {fmt::format("{}/tributary-{}", TRIBUTARY_SERVICE_FOLDER, service),
                                        "--kafka",
                                        kafka_,
                                        "--topic-prefix",
                                        prefix_,
                                        "--partitions",
                                        kPartitions,
                                        "--dev",
                                        "--data-dir",
                                        (folder_.path() / service).string(),
                                        "--listen",
                                        addresses_[service],
                                        "--metrics-listen",
                                        "127.0.0.1:0",
                                        "--peer-secret-file",
                                        (folder_.path() / "secret").string()};
    for (const std::string& other : kServices) {
      if (other == service) continue;
      command.emplace_back("--peer");
      command.push_back(fmt::format("{}={}", other, addresses_[other]));
    }
    processes_[service] = std::make_unique<Process>(command, folder_.path() / (service + ".log"));
  }
  void AwaitServing(const std::string& service) {
    const rpc::Client client = rpc::Client::Open({.target = addresses_[service]}).value();
    ASSERT_TRUE(WaitUntil([&] { return client.CheckServing().ok(); }, *processes_[service], absl::Seconds(60)))
        << service << " does not serve";
  }
  void StartAll() {
    for (const std::string& service : kServices) Start(service);
    for (const std::string& service : kServices) ASSERT_NO_FATAL_FAILURE(AwaitServing(service));
  }
  void Kill(const std::string& service) {
    processes_[service]->Signal(SIGKILL);
    ASSERT_EQ(processes_[service]->WaitFor(absl::Seconds(30)), 128 + SIGKILL) << service << " had ended before";
  }
  int Stop(const std::string& service) {
    processes_[service]->Signal(SIGTERM);
    return processes_[service]->WaitFor(absl::Seconds(60)).value_or(-1);
  }

  Process& process(const std::string& service) { return *processes_[service]; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::string Secret(const std::string& name) const {
    const nlohmann::json file =
        nlohmann::json::parse(ReadAll(folder_.path() / "ingestion/client.json"), nullptr, false);
    return file.is_object() ? file.value(name, "") : "";
  }
  rpc::Client Client(const std::string& service, const std::string& secret) const {
    return rpc::Client::Open({.target = addresses_.at(service), .bearer_secret = Secret(secret)}).value();
  }
  std::vector<std::string> Command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), TRIBUTARY_BINARY);
    arguments.insert(arguments.end(), {"--data-dir", (folder_.path() / "ingestion").string()});
    return arguments;
  }
  Finished Cli(std::vector<std::string> arguments) const { return RunToEnd(Command(std::move(arguments))); }

  // Every task of every service has applied and relayed all; nothing may be sent meanwhile.
  bool Quiet() const {
    for (const std::string& service : kServices) {
      const rpc::Client client = Client(service, "operator_secret");
      const auto stub = operations::v1::OperationsService::NewStub(client.channel());
      const auto tasks = client.Call(*stub, &operations::v1::OperationsService::Stub::ListTasks, {});
      if (!tasks.ok()) return false;
      for (const operations::v1::Task& task : tasks->tasks()) {
        if (task.lag() != 0 || task.unrelayed_outputs() != 0) return false;
      }
    }
    return true;
  }
  // Until all is quiet and comes to that: what a service has relayed since it was asked makes the next one busy.
  void AwaitTotals(const Totals& expected) {
    absl::StatusOr<Totals> totals = Totals();
    const bool came = WaitUntil(
        [&] {
          if (!Quiet()) return false;
          totals = SumProfiles(Client("profile", "admin_secret"));
          return totals.ok() && *totals == expected;
        },
        *processes_["profile"], absl::Seconds(120));
    ASSERT_TRUE(totals.ok()) << totals.status();
    EXPECT_EQ(*totals, expected);
    EXPECT_TRUE(came);
  }
  void ExpectClean() {
    for (const std::string& service : kServices) {
      const Finished verified = RunToEnd(
          {TRIBUTARY_BINARY, "verify", "--server", addresses_[service], "--credential", Secret("operator_secret")});
      EXPECT_EQ(verified.exit_code, 0) << service << ": " << verified.out;
    }
  }

 private:
  static inline int count_ = 0;
  const ScratchFolder folder_;
  const std::string kafka_;
  const std::string prefix_;
  std::map<std::string, std::string> addresses_;
  std::map<std::string, std::unique_ptr<Process>> processes_;
};

TEST(ServicesTest, AHistoryComesToTheSameAsOnTheEmbeddedLog) {
  Platform one({"--partitions", kPartitions});
  ASSERT_NO_FATAL_FAILURE(one.Start());
  const std::string file = (one.folder() / "history.ndjson").string();
  const Finished generated = RunToEnd(
      {TRIBUTARY_BINARY, "generate", "--json", "--kind", "history", "--people", "150", "--seed", "3", "--out", file});
  ASSERT_EQ(generated.exit_code, 0) << generated.out;
  const nlohmann::json made = nlohmann::json::parse(generated.out, nullptr, false);
  Installation installation;
  ASSERT_NO_FATAL_FAILURE(installation.MakeTopics());
  ASSERT_NO_FATAL_FAILURE(installation.StartAll());
  for (const auto& source : made["sources"]) {
    const std::vector<std::string> create = {"source", "create", source["source_id"], "--channel", source["channel"]};
    ASSERT_EQ(one.Cli(create).exit_code, 0);
    const Finished created = installation.Cli(create);
    ASSERT_EQ(created.exit_code, 0) << created.out;
  }
  const Finished there = one.Cli({"ingest", file, "--historical", "--wait"});
  ASSERT_EQ(there.exit_code, 0) << there.out;
  const Finished here = installation.Cli({"ingest", file, "--historical", "--wait"});
  ASSERT_EQ(here.exit_code, 0) << here.out;
  ASSERT_TRUE(WaitUntil(
      [&] {
        const auto tasks = one.Tasks();
        return tasks.ok() && std::all_of(tasks->begin(), tasks->end(), [](const auto& task) {
                 return task.lag() == 0 && task.unrelayed_outputs() == 0;
               });
      },
      one.server()));
  const auto expected = one.Sum();
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_GT(expected->entries, 1'000);
  installation.AwaitTotals(*expected);
  // Any process answers for all.
  EXPECT_EQ(installation.Cli({"totals", "--json"}).out, one.Cli({"totals", "--json"}).out);
  installation.ExpectClean();
  for (const std::string& service : kServices) EXPECT_EQ(installation.Stop(service), 0) << service;
}

TEST(ServicesTest, WhateverProcessIsKilledEachAcknowledgedEventIsFoundOnce) {
  Installation installation;
  const std::string file = (installation.folder() / "purchases.txt").string();
  const Finished generated =
      RunToEnd({TRIBUTARY_BINARY, "generate", "--kind", "purchases", "--customers", "4000", "--out", file});
  ASSERT_EQ(generated.exit_code, 0) << generated.out;
  const ExpectedHistory expected = AddUp(file);
  ASSERT_NO_FATAL_FAILURE(installation.MakeTopics());
  ASSERT_NO_FATAL_FAILURE(installation.StartAll());
  Process importing(installation.Command({"import", "csv", file, "--format", "cdnow", "--source", "shop",
                                          "--create-source", "--resume"}),
                    installation.folder() / "import.log");
  int64_t share = 0;
  for (const std::string service : {"identity", "profile", "ingestion"}) {
    share += expected.totals.orders / 5;
    ASSERT_TRUE(WaitUntil(
        [&] {
          const auto totals = SumProfiles(installation.Client("profile", "admin_secret"));
          return totals.ok() && totals->orders >= share;
        },
        importing, absl::Seconds(120)))
        << ReadAll(installation.folder() / "import.log");
    ASSERT_NO_FATAL_FAILURE(installation.Kill(service));
    installation.Start(service);
    ASSERT_NO_FATAL_FAILURE(installation.AwaitServing(service));
  }
  ASSERT_EQ(importing.WaitFor(absl::Seconds(180)), 0) << ReadAll(installation.folder() / "import.log");
  installation.AwaitTotals(expected.totals);
  installation.ExpectClean();
}

}  // namespace
}  // namespace tributary::e2e
