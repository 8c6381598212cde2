// `tributary serve` as a process of its own, and clients of it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "nlohmann/json.hpp"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/rpc/client.h"

namespace tributary::bench {

// Events of one batch.
inline constexpr int kBatch = 500;

// Killed with this object. What fails ends the benchmark.
class ServerProcess {
 public:
  // Removes `data_dir` first; returns when calls are answered.
  ServerProcess(const std::string& binary, std::string data_dir);
  ~ServerProcess() { Stop(); }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // In good order.
  void Stop();
  // `secret`: a field of the client file.
  rpc::Client Client(const char* secret) const;
  std::string address() const { return file_["address"]; }
  const std::string& data_dir() const { return data_dir_; }
  double ResidentMiB() const;

 private:
  void WaitUntilServing();

  const std::string data_dir_;
  pid_t pid_ = -1;
  nlohmann::json file_;
};

// Makes the source `kSource`; its write key.
std::string MakeSource(const rpc::Client& admin);

// Until no task has anything left to read or to relay.
void WaitUntilApplied(const ServerProcess& server);

// Sends batches by calls of their own, again when told to. Thread-safe.
class Sender {
 public:
  Sender(const std::string& address, const std::string& write_key);
  // The token.
  std::string Send(const ingestion::v1::IngestRequest& request) const;

 private:
  const rpc::Client client_;
  const std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
};

}  // namespace tributary::bench
