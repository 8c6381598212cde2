// A process of Tributary: all services on the embedded log, as `tributary serve` runs them, or some of them on a log
// that processes share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "standalone/tasks.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/eventlog/kafka/kafka_log.h"

namespace tributary::standalone {

// A service that runs in another process.
struct PeerOptions {
  std::string service;
  std::string address;  // host:port
};

struct Options {
  // Which services run here. Not all: the log is Kafka's, and `peers` names where the others are.
  ServiceSet services;
  std::vector<PeerOptions> peers;
  // A file with the secret that all processes of the installation share; empty if all services run here.
  std::string peer_secret_file;
  // Unset: the embedded log, below data_dir. The server sets its `logs` (by `partitions`), clock and random.
  std::optional<eventlog::KafkaOptions> kafka;
  // Everything is kept below it: log/, projections/, client.json. Made if missing (mode 0700).
  std::string data_dir;
  std::string listen = "127.0.0.1:7070";          // gRPC; port 0: any free one
  std::string metrics_listen = "127.0.0.1:7071";  // HTTP /metrics; port 0: any free one
  std::string workspace_id = "default";           // made on the first start
  // Partitions of intake and journey, fixed when the data directory is created.
  int32_t partitions = 8;
  // Threads that run tasks.
  int threads = 2;
  // Wait for the disk before an event is acknowledged.
  bool sync = true;
  // PEM files; both or none.
  std::string tls_certificate_file;
  std::string tls_private_key_file;
  // Unset: the wall's clock. Else the tasks' time stands there, or where the data ends if that is later, until
  // OperationsService.AdvanceClock moves it.
  std::optional<absl::Time> simulated_clock;
  // How long running calls may take when the server stops.
  absl::Duration drain = absl::Seconds(10);
};

// Thread-compatible.
class Server {
 public:
  // Returns when calls are answered. `log`: in place of the one that the options describe, one that other servers of
  // this process have open too; it must outlive the server. Errors: FailedPrecondition (the directory is in use, or was
  // made with other partitions, or ends after the wall's now with a simulated clock), InvalidArgument (a simulated
  // clock ahead of the wall's), Unavailable (an address is taken), DataLoss.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Options& options, const Clock& clock, Random& random,
                                                       eventlog::EventLog* log = nullptr);
  // Stop().
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  uint16_t port() const;
  uint16_t metrics_port() const;
  // To be called every second or so: says by the health service whether it serves, which it does when the log can be
  // written and its tasks have seen the end of the log. Returns Health().
  absl::Status Tend();
  // The tasks' time.
  absl::Time Now() const;
  // The file that the command line finds the address and the credentials in.
  std::string client_file() const;
  // Not OK once a task has halted: the process should end with that error, for the log decides what next.
  absl::Status Health() const;
  // Not ready, drain, commit, close (DESIGN section 11). Idempotent.
  absl::Status Stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::standalone
