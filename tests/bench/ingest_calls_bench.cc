// Ingest over gRPC, by a stream and by calls of one event, with nothing behind it that reads the events.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <future>
#include <vector>

#include "benches.h"
#include "grpcpp/generic/generic_stub.h"
#include "in_flight.h"
#include "ingestion/directory.h"
#include "ingestion/first_workspace.h"
#include "ingestion/front.h"
#include "ingestion/processor.h"
#include "server_process.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/projection/store.h"
#include "tributary/rpc/server.h"
#include "workload.h"

namespace tributary::bench {
namespace {

using ingestion::v1::IngestionService;

constexpr int kBatchesInFlight = 16;  // a stream's window
constexpr int kCallsInFlight = 256;

// gRPC 1.51 may crash when a channel ends while its server, of the same process, does: they are closed at the very end.
const rpc::Client& KeepOpen(rpc::Client client) {
  static std::deque<rpc::Client> clients;
  return clients.emplace_back(std::move(client));
}

// Ingestion alone, as a server on a synced log.
class IngestServer {
 public:
  explicit IngestServer(const std::string& directory) {
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    log_ = OrDie(eventlog::OpenEmbeddedLog({.path = directory + "/log",
                                            .logs = {{"registry", 1}, {"intake", 1}},
                                            .clock = &clock_,
                                            .random = &random_}),
                 "log");
    auto processor = std::make_unique<ingestion::IngestionProcessor>(ingestion::IngestionProcessor::Options{});
    processor::TaskOptions options;
    options.partition = {"registry", eventlog::Partition(0)};
    auto task =
        OrDie(processor::Task::Open(options, {.log = log_.get(),
                                              .store = OrDie(projection::Store::Open({.in_memory = true}), "store"),
                                              .processor = processor.get(),
                                              .clock = &clock_,
                                              .random = &random_}),
              "task");
    processor::Task* const registry = host_.Add(std::move(processor), std::move(task));
    host_.Start();
    directory_ = std::make_unique<ingestion::RegistryDirectory>(registry);
    read_gate_ =
        std::make_unique<processor::ReadGate>(&host_, log_.get(), std::vector<processor::ReadGate::Upstream>());
    gate_ = std::make_unique<rpc::CallGate>(*directory_, rpc::CallGateOptions{});
    front_ = std::make_unique<ingestion::IngestionFront>(ingestion::IngestionFront::Deps{.gate = gate_.get(),
                                                                                         .host = &host_,
                                                                                         .read_gate = read_gate_.get(),
                                                                                         .log = log_.get(),
                                                                                         .directory = directory_.get(),
                                                                                         .clock = &clock_,
                                                                                         .random = &random_});
    server_ = OrDie(rpc::Server::Start({}, {front_.get()}), "server");
    const std::string file = directory + "/client.json";
    Must(ingestion::EnsureFirstWorkspace({.registry = registry,
                                          .directory = directory_.get(),
                                          .random = &random_,
                                          .workspace_id = kWorkspace,
                                          .file = file,
                                          .address = fmt::format("127.0.0.1:{}", server_->port())}),
         "making a workspace");
    const ingestion::ClientFile access = OrDie(ingestion::ReadClientFile(file), "client file");
    const rpc::Client& admin = KeepOpen(
        OrDie(rpc::Client::Open({.target = access.address, .bearer_secret = access.admin_secret}), "connecting"));
    client_ = &KeepOpen(
        OrDie(rpc::Client::Open({.target = access.address, .bearer_secret = MakeSource(admin)}), "connecting"));
  }
  ~IngestServer() {
    front_->StopStreams();
    server_->Shutdown(absl::Seconds(10));
    host_.Stop();
    server_.reset();
    front_.reset();
    directory_.reset();
  }
  const rpc::Client& client() const { return *client_; }

  std::vector<eventlog::Record> Appended() const {
    std::vector<eventlog::Record> records;
    auto reader = OrDie(log_->OpenReader({"intake", eventlog::Partition(0)}, eventlog::Offset(1)), "reader");
    for (bool at_end = false; !at_end;) {
      const eventlog::ReadResult result = OrDie(reader->Poll({}), "reading");
      at_end = result.at_end;
      for (const auto& record : result.records) records.push_back(record->record);
    }
    return records;
  }

 private:
  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<eventlog::EventLog> log_;
  processor::TaskHost host_{{.threads = 1}};
  std::unique_ptr<ingestion::RegistryDirectory> directory_;
  std::unique_ptr<processor::ReadGate> read_gate_;
  std::unique_ptr<rpc::CallGate> gate_;
  std::unique_ptr<ingestion::IngestionFront> front_;
  std::unique_ptr<rpc::Server> server_;
  const rpc::Client* client_ = nullptr;
};

// Sends batches that were serialised before, as the raw append's records were: the clock is the server's, not the
// client's protobuf's.
class BatchSender final : public grpc::ClientBidiReactor<grpc::ByteBuffer, ingestion::v1::IngestStreamResponse> {
 public:
  BatchSender(const rpc::Client& client, const std::vector<grpc::ByteBuffer>& messages)
      : messages_(messages), stub_(client.channel()) {
    client.Prepare(context_);
    context_.set_deadline(absl::ToChronoTime(absl::InfiniteFuture()));
    stub_.PrepareBidiStreamingCall(
        &context_, std::string("/") + IngestionService::service_full_name() + "/IngestStream", {}, this);
    StartWrite(&messages_.front());
    StartCall();
    opened_.get_future().wait();
  }
  // Until the last is acknowledged.
  void SendAll() {
    StartWrite(&messages_[next_++]);
    Must(rpc::FromGrpc(done_.get_future().get()), "streaming");
  }

 private:
  void OnWriteDone(bool ok) override {
    if (!ok) return;
    if (!opened_written_) {
      opened_written_ = true;
      return StartRead(&response_);
    }
    if (next_ < messages_.size()) return StartWrite(&messages_[next_++]);
    StartWritesDone();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_opened()) opened_.set_value();
    for (const auto& result : response_.acknowledged().results()) {
      if (result.has_error()) Must(absl::InternalError(result.error().message()), "an event");
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { done_.set_value(status); }

  const std::vector<grpc::ByteBuffer>& messages_;
  size_t next_ = 1;
  bool opened_written_ = false;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, ingestion::v1::IngestStreamResponse> stub_;
  grpc::ClientContext context_;
  ingestion::v1::IngestStreamResponse response_;
  std::promise<void> opened_;
  std::promise<grpc::Status> done_;
};

grpc::ByteBuffer Serialized(const ingestion::v1::IngestStreamRequest& request) {
  const grpc::Slice slice(request.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

// Seconds until the last batch is acknowledged.
double StreamSeconds(const rpc::Client& client, const std::vector<grpc::ByteBuffer>& messages) {
  BatchSender sender(client, messages);
  return Seconds([&] { sender.SendAll(); });
}

// Seconds to append the same records, as many at a time as the stream's window lets.
double AppendSeconds(const std::string& directory, std::vector<eventlog::Record> records) {
  std::filesystem::remove_all(directory);
  SystemClock clock;
  SystemRandom random;
  auto log =
      OrDie(eventlog::OpenEmbeddedLog({.path = directory, .logs = {{"intake", 1}}, .clock = &clock, .random = &random}),
            "log");
  auto producer = OrDie(log->OpenProducer(), "producer");
  InFlight in_flight(kBatchesInFlight);
  return Seconds([&] {
    for (size_t first = 0; first < records.size(); first += kBatch) {
      in_flight.Take();
      const size_t last = std::min(first + kBatch, records.size());
      for (size_t i = first; i < last; ++i) {
        producer->Append({"intake", eventlog::Partition(0)}, std::move(records[i]),
                         [&in_flight, ends = i + 1 == last](const absl::StatusOr<eventlog::Offset>& offset) {
                           Must(offset.status(), "appending");
                           if (ends) in_flight.Give();
                         });
      }
    }
    in_flight.WaitForAll();
  });
}

// Takes the same requests and gives answers of the same shape, and does nothing.
class EchoService final : public IngestionService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Ingest(grpc::CallbackServerContext* context, const ingestion::v1::IngestRequest* request,
                                   ingestion::v1::IngestResponse* response) override {
    for (int i = 0; i < request->events_size(); ++i) response->add_results();
    response->set_token(std::string(24, 't'));
    auto* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

struct Call {
  grpc::ClientContext context;
  ingestion::v1::IngestRequest request;
  ingestion::v1::IngestResponse response;
};

// Seconds for one call for each event, kCallsInFlight at a time.
double CallSeconds(const rpc::Client& client, const std::vector<events::v1::CustomerEvent>& events) {
  auto stub = IngestionService::NewStub(client.channel());
  InFlight in_flight(kCallsInFlight);
  return Seconds([&] {
    for (const events::v1::CustomerEvent& event : events) {
      in_flight.Take();
      auto call = std::make_shared<Call>();
      client.Prepare(call->context);
      *call->request.add_events() = event;
      stub->async()->Ingest(&call->context, &call->request, &call->response,
                            [call, &in_flight](const grpc::Status& status) {
                              Must(rpc::FromGrpc(status), "ingesting");
                              in_flight.Give();
                            });
    }
    in_flight.WaitForAll();
  });
}

double EchoSeconds(const std::vector<events::v1::CustomerEvent>& events) {
  EchoService service;
  auto server = OrDie(rpc::Server::Start({}, {&service}), "echo server");
  const rpc::Client& client = KeepOpen(OrDie(
      rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", server->port()), .bearer_secret = "s"}), "connecting"));
  const double seconds = CallSeconds(client, events);
  server->Shutdown(absl::Seconds(10));
  return seconds;
}

}  // namespace

void BenchIngestCalls(const Settings& settings, Report& report) {
  const std::string directory = settings.directory + "/calls";
  Workload workload(5, 50'000);
  ingestion::v1::IngestStreamRequest open;
  open.mutable_open();
  std::vector<grpc::ByteBuffer> messages = {Serialized(open)};
  for (int64_t i = 0; i < settings.events; i += kBatch) {
    ingestion::v1::IngestStreamRequest request;
    request.mutable_batch()->set_sequence(static_cast<int64_t>(messages.size()));
    for (int n = 0; n < kBatch; ++n) *request.mutable_batch()->add_events() = workload.Next();
    messages.push_back(Serialized(request));
  }
  std::vector<events::v1::CustomerEvent> singles;
  for (int64_t i = 0; i < settings.events / 10; ++i) singles.push_back(workload.Next());
  // The best of five turns, each taken in turn with its baseline.
  double stream = 1e9;
  double append = 1e9;
  double unary = 1e9;
  double echo = 1e9;
  for (int turn = 0; turn < 5; ++turn) {
    std::vector<eventlog::Record> records;
    {
      const IngestServer server(directory);
      stream = std::min(stream, StreamSeconds(server.client(), messages));
      records = server.Appended();
    }
    append = std::min(append, AppendSeconds(settings.directory + "/append", std::move(records)));
    {
      const IngestServer server(directory);
      unary = std::min(unary, CallSeconds(server.client(), singles));
    }
    echo = std::min(echo, EchoSeconds(singles));
  }
  std::filesystem::remove_all(directory);
  std::filesystem::remove_all(settings.directory + "/append");
  const double streamed = static_cast<double>((messages.size() - 1) * kBatch);
  report.Add({.name = "ingest_stream",
              .value = streamed / stream,
              .unit = "events/s",
              .baseline = streamed / append,
              .baseline_name = "raw embedded append",
              .goal = 0.6});
  const double called = static_cast<double>(singles.size());
  report.Add({.name = "ingest_unary",
              .value = called / unary,
              .unit = "calls/s",
              .baseline = called / echo,
              .baseline_name = "echo of the same build",
              .goal = 0.6});
}

}  // namespace tributary::bench
