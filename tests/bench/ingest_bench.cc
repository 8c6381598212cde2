// Batch ingest, from a client's event to durable, against appending the same bytes to the embedded log.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "benches.h"
#include "in_flight.h"
#include "ingestion/directory.h"
#include "ingestion/ingestor.h"
#include "ingestion/processor.h"
#include "nlohmann/json.hpp"
#include "server_process.h"
#include "standalone/server.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/processor/task.h"
#include "tributary/projection/store.h"
#include "workload.h"

namespace tributary::bench {
namespace {

constexpr int kInFlight = 8;  // batches

std::vector<ingestion::v1::IngestRequest> Batches(int64_t events) {
  Workload workload(3, 50'000);
  std::vector<ingestion::v1::IngestRequest> batches;
  for (int64_t i = 0; i < events; i += kBatch) {
    auto& batch = batches.emplace_back();
    for (int n = 0; n < kBatch; ++n) *batch.add_events() = workload.Next();
  }
  return batches;
}

// Makes the first workspace and one source in `directory`, with the server itself.
void MakePlatform(const std::string& directory) {
  std::filesystem::remove_all(directory);
  SystemClock clock;
  SystemRandom random;
  auto server = OrDie(standalone::Server::Start({.data_dir = directory,
                                                 .listen = "127.0.0.1:0",
                                                 .metrics_listen = "127.0.0.1:0",
                                                 .workspace_id = kWorkspace,
                                                 .partitions = 1},
                                                clock, random),
                      "starting a server");
  const nlohmann::json file = nlohmann::json::parse(std::ifstream(server->client_file()));
  const rpc::Client admin =
      OrDie(rpc::Client::Open({.target = file["address"], .bearer_secret = file["admin_secret"]}), "connecting");
  MakeSource(admin);
  Must(server->Stop(), "stopping the server");
}

// Seconds to ingest the batches through an Ingestor, and what it appended.
double IngestSeconds(const std::string& directory, std::vector<ingestion::v1::IngestRequest> batches,
                     std::vector<eventlog::Record>* appended) {
  SystemClock clock;
  SystemRandom random;
  auto log = OrDie(eventlog::OpenEmbeddedLog({.path = directory + "/log", .clock = &clock, .random = &random}), "log");
  auto processor = std::make_unique<ingestion::IngestionProcessor>(ingestion::IngestionProcessor::Options{});
  auto store = OrDie(projection::Store::Open({.path = directory + "/projections/ingestion-registry-0"}), "store");
  processor::TaskOptions options;
  options.partition = {"registry", eventlog::Partition(0)};
  auto task =
      OrDie(processor::Task::Open(
                options,
                {.log = log.get(), .store = store, .processor = processor.get(), .clock = &clock, .random = &random}),
            "task");
  while (task->Step().kind == processor::Progress::Kind::kWorked) {
  }
  const ingestion::RegistryDirectory directory_of(task.get());
  Must(directory_of.Refresh(), "reading the registry");
  const rpc::Principal principal{
      .workspace_id = kWorkspace, .role = rpc::Role::kIngest, .credential_id = "bench", .source_id = kSource};
  const eventlog::PartitionRef intake{"intake", eventlog::Partition(0)};
  const eventlog::Offset from = OrDie(log->End(intake), "end");
  double seconds = 0;
  {
    ingestion::Ingestor ingestor({.log = log.get(), .directory = &directory_of, .clock = &clock}, {});
    seconds = Seconds([&] {
      InFlight in_flight(kInFlight);
      for (ingestion::v1::IngestRequest& batch : batches) {
        in_flight.Take();
        ingestor.Ingest({.principal = principal}, std::move(*batch.mutable_events()),
                        [&in_flight](absl::StatusOr<ingestion::v1::IngestResponse> response) {
                          Must(response.status(), "ingesting");
                          for (const auto& result : response->results()) {
                            if (result.has_error()) Must(absl::InternalError(result.error().message()), "an event");
                          }
                          in_flight.Give();
                        });
      }
      in_flight.WaitForAll();
    });
  }
  auto reader = OrDie(log->OpenReader(intake, from), "reader");
  for (bool at_end = false; !at_end;) {
    const eventlog::ReadResult result = OrDie(reader->Poll({}), "reading");
    at_end = result.at_end;
    for (const auto& record : result.records) appended->push_back(record->record);
  }
  return seconds;
}

// Seconds to append the same records, as many at a time.
double AppendSeconds(const std::string& directory, std::vector<eventlog::Record> records) {
  std::filesystem::remove_all(directory);
  SystemClock clock;
  SystemRandom random;
  auto log =
      OrDie(eventlog::OpenEmbeddedLog({.path = directory, .logs = {{"intake", 1}}, .clock = &clock, .random = &random}),
            "log");
  auto producer = OrDie(log->OpenProducer(), "producer");
  return Seconds([&] {
    InFlight in_flight(kInFlight);
    for (size_t first = 0; first < records.size(); first += kBatch) {
      in_flight.Take();
      const size_t last = std::min(first + kBatch, records.size());
      for (size_t i = first; i < last; ++i) {
        producer->Append({"intake", eventlog::Partition(0)}, std::move(records[i]),
                         [&in_flight, ends = i + 1 == last](absl::StatusOr<eventlog::Offset> offset) {
                           Must(offset.status(), "appending");
                           if (ends) in_flight.Give();
                         });
      }
    }
    in_flight.WaitForAll();
  });
}

}  // namespace

void BenchIngest(const Settings& settings, Report& report) {
  const auto batches = Batches(settings.events);
  double ours = 0;
  double raw = 0;
  for (int turn = 0; turn < 2; ++turn) {
    const std::string directory = settings.directory + "/ingest";
    MakePlatform(directory);
    std::vector<eventlog::Record> records;
    const double ingest = IngestSeconds(directory, batches, &records);
    const double append = AppendSeconds(settings.directory + "/append", std::move(records));
    ours = turn == 0 ? ingest : std::min(ours, ingest);
    raw = turn == 0 ? append : std::min(raw, append);
    std::filesystem::remove_all(directory);
    std::filesystem::remove_all(settings.directory + "/append");
  }
  const double events = static_cast<double>(batches.size() * kBatch);
  report.Add({.name = "ingest_batch",
              .value = events / ours,
              .unit = "events/s",
              .baseline = events / raw,
              .baseline_name = "raw embedded append",
              .goal = 0.5});
}

}  // namespace tributary::bench
