// The real `tributary` as its users meet it: a server in a process of its own, its command line, its API.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "process.h"
#include "tributary/base/money.h"
#include "tributary/operations/v1/operations.grpc.pb.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/rpc/client.h"

namespace tributary::e2e {

// What is in a platform's profiles, all together.
struct Totals {
  int64_t profiles = 0;
  int64_t entries = 0;
  int64_t orders = 0;
  std::map<std::string, std::string> gross;  // by currency, as decimal text
  friend bool operator==(const Totals&, const Totals&) = default;
};
std::ostream& operator<<(std::ostream& out, const Totals& totals);
// Sums up all profiles that the client's credential sees; a token: of a write that must be seen.
absl::StatusOr<Totals> SumProfiles(const rpc::Client& client, const std::string& token = "");

struct CustomerSum {
  int64_t orders = 0;
  Amount gross;
  friend bool operator==(const CustomerSum&, const CustomerSum&) = default;
};

// A data directory and, most of the time, a server on it. Not thread-safe, but for what clients do.
class Platform {
 public:
  // Fresh, and stopped. The port stays the same over restarts, as it does in life. `serve_flags`: more of `serve`.
  explicit Platform(std::vector<std::string> serve_flags = {});
  ~Platform();

  // Starts the server and waits until it serves; fails the test if it does not.
  void Start();
  // SIGKILL, as if the machine had lost the process.
  void Kill();
  // SIGTERM; the exit code.
  int Stop();
  Process& server() { return *server_; }

  // With the admin's or the operator's secret of client.json.
  rpc::Client Client(std::string_view secret = "admin_secret") const;
  // With a secret of its own.
  rpc::Client ClientOf(const std::string& secret) const;
  // `tributary <arguments> --data-dir <ours>`, as a command line for RunToEnd() and Process.
  std::vector<std::string> Command(std::vector<std::string> arguments) const;
  Finished Cli(std::vector<std::string> arguments) const { return RunToEnd(Command(std::move(arguments))); }
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path data_dir() const { return folder_.path() / "data"; }
  // What all servers here have printed.
  std::string ServerOutput() const;

  absl::StatusOr<Totals> Sum(const std::string& token = "") const;
  // Of one customer's profile, in `currency`.
  absl::StatusOr<CustomerSum> SumOf(profile::v1::ProfileService::Stub& stub, const rpc::Client& client,
                                    const std::string& issuer, const std::string& customer_id,
                                    const std::string& currency) const;
  absl::StatusOr<std::vector<operations::v1::Task>> Tasks() const;
  // How many records there are in `intake`: events that were accepted, and identity's batches. 0 while nobody answers.
  int64_t IntakeRecords() const;
  // All records of all logs, in order of each partition.
  void ForEachRecord(
      const std::function<void(const operations::v1::LogRecord& record, const std::string& partition)>& visit) const;
  // What the metrics port of the server that runs says.
  std::string Metrics() const;

 private:
  bool Serves() const;

  ScratchFolder folder_;
  const std::vector<std::string> serve_flags_;
  std::string address_;
  std::unique_ptr<Process> server_;
};

}  // namespace tributary::e2e
