// A log whose appends to `intake` can be held back, and a platform in one process: registry task, directory and front
// on a real gRPC port.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ingestion/directory.h"
#include "ingestion/first_workspace.h"
#include "ingestion/front.h"
#include "ingestion/processor.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"
#include "tributary/processor/task_host.h"
#include "tributary/rpc/call.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/server.h"

namespace tributary::ingestion::testing {

// A path of this process and this test alone; nothing is there.
std::string TestPath(std::string_view name);

class HoldingLog final : public eventlog::EventLog {
 public:
  explicit HoldingLog(std::unique_ptr<eventlog::MemoryLog> log) : log_(std::move(log)) {}

  // From now on appends to `intake` wait.
  void Hold();
  // Lets them, and all later ones, through; or lets the first of those that wait fail, and the others through.
  void Release();
  void FailHeld(size_t count = SIZE_MAX);
  // Returns when so many wait.
  void AwaitHeld(size_t count);
  size_t held();

  const std::string& id() const override { return log_->id(); }
  const std::vector<eventlog::LogSpec>& logs() const override { return log_->logs(); }
  absl::StatusOr<std::unique_ptr<eventlog::PartitionReader>> OpenReader(const eventlog::PartitionRef& ref,
                                                                        eventlog::Offset from) override {
    return log_->OpenReader(ref, from);
  }
  absl::StatusOr<std::unique_ptr<eventlog::Producer>> OpenProducer(const eventlog::ProducerOptions& options) override;
  absl::StatusOr<eventlog::Offset> End(const eventlog::PartitionRef& ref) override { return log_->End(ref); }
  std::shared_ptr<void> Watch(const eventlog::PartitionRef& ref, std::function<void()> wake) override {
    return log_->Watch(ref, std::move(wake));
  }
  absl::Status Health() const override { return log_->Health(); }

 private:
  class Session;
  struct Held {
    eventlog::Producer* producer;
    eventlog::PartitionRef target;
    eventlog::Record record;
    eventlog::AppendCallback done;
  };
  std::vector<Held> TakeHeld(bool still_hold);

  const std::unique_ptr<eventlog::MemoryLog> log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool hold_ = false;
  std::vector<Held> held_;
};

struct PlatformStreams {
  IngestStreams::Options options = {};
  StreamAdmission::Options admission = {};
  LagFn lag = nullptr;
};

// With the workspace "default", an admin and an operator of it.
class Platform {
 public:
  explicit Platform(Ingestor::Options ingest = {}, PlatformStreams streams = {});
  ~Platform();

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(std::string_view secret,
                                grpc::Status (v1::IngestionService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                                   Response*),
                                const std::type_identity_t<Request>& request) const {
    const rpc::Client client = Connect(secret);
    v1::IngestionService::Stub stub(client.channel());
    return client.Call(stub, method, request);
  }

  rpc::Client Connect(std::string_view secret) const {
    return rpc::Client::Open(
               {.target = fmt::format("127.0.0.1:{}", server_->port()), .bearer_secret = std::string(secret)})
        .value();
  }
  // A source of the workspace "default"; its write key.
  std::string MakeSource(const std::string& source_id);
  // All records of a partition, without the genesis.
  std::vector<eventlog::RecordPtr> RecordsOf(const eventlog::PartitionRef& ref);
  eventlog::PartitionRef intake() const { return {"intake", *directory->IntakePartitionOf("default")}; }

  FakeClock clock;
  SystemRandom random;
  std::unique_ptr<HoldingLog> log;
  std::unique_ptr<processor::TaskHost> host;
  processor::Task* registry = nullptr;
  std::unique_ptr<RegistryDirectory> directory;
  std::unique_ptr<IngestionFront> front;
  ClientFile access;

 private:
  std::unique_ptr<processor::ReadGate> read_gate_;
  std::unique_ptr<rpc::CallGate> gate_;
  std::unique_ptr<rpc::Server> server_;
};

// An event that is accepted: a page view of one hour ago by a customer of the shop.
events::v1::CustomerEvent GoodEvent(const std::string& event_id, absl::Time now);

}  // namespace tributary::ingestion::testing
