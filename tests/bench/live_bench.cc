// What a contact centre feels: reads at half load, and live events while history is imported.
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "benches.h"
#include "in_flight.h"
#include "load.h"
#include "server_process.h"
#include "tributary/base/clock.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::bench {
namespace {

constexpr uint64_t kPeople = 100'000;
constexpr double kLiveEventsPerSecond = 500;
constexpr int kReads = 2'000;
constexpr int kBulkBatch = 1'000;  // the largest that may be

using profile::v1::ProfileService;

// Profile, traits and the last 20 entries of who calls, asked for at once by an identifier; milliseconds.
double ReadContext(const rpc::Client& client, ProfileService::Stub& stub, const events::v1::Identifier& who) {
  std::array<grpc::ClientContext, 3> contexts;
  for (grpc::ClientContext& context : contexts) client.Prepare(context);
  profile::v1::GetProfileRequest profile;
  *profile.mutable_profile()->mutable_identifier() = who;
  profile::v1::GetTraitsRequest traits;
  *traits.mutable_profile() = profile.profile();
  profile::v1::ListJourneyEntriesRequest journey;
  *journey.mutable_profile() = profile.profile();
  journey.set_page_size(20);
  profile::v1::GetProfileResponse profile_answer;
  profile::v1::GetTraitsResponse traits_answer;
  profile::v1::ListJourneyEntriesResponse journey_answer;
  InFlight reads(3);
  const auto done = [&reads](const grpc::Status& status) {
    Must(rpc::FromGrpc(status), "reading");
    reads.Give();
  };
  return 1e3 * Seconds([&] {
           for (int i = 0; i < 3; ++i) reads.Take();
           stub.async()->GetProfile(&contexts[0], &profile, &profile_answer, done);
           stub.async()->GetTraits(&contexts[1], &traits, &traits_answer, done);
           stub.async()->ListJourneyEntries(&contexts[2], &journey, &journey_answer, done);
           reads.WaitForAll();
         });
}

Latency ReadContexts(const ServerProcess& server, SharedWorkload& known) {
  const rpc::Client client = server.Client("admin_secret");
  auto stub = ProfileService::NewStub(client.channel());
  google::protobuf::RepeatedPtrField<events::v1::CustomerEvent> events;
  known.Fill(kReads, &events);  // the same people in the same order as were loaded
  std::vector<double> millis;
  for (const events::v1::CustomerEvent& event : events) {
    millis.push_back(ReadContext(client, *stub, event.identifiers(0)));
  }
  return {Percentile(millis, 0.5), Percentile(millis, 0.99)};
}

// A bulk stream that sends events until it is told to end, or `count` are sent; `done` is set then.
class BulkImport {
 public:
  BulkImport(const ServerProcess& server, const std::string& write_key, SharedWorkload& workload, int64_t count)
      : client_(OrDie(rpc::Client::Open({.target = server.address(), .bearer_secret = write_key}), "connecting")),
        stub_(ingestion::v1::IngestionService::NewStub(client_.channel())) {
    client_.Prepare(context_);
    context_.set_deadline(absl::ToChronoTime(absl::InfiniteFuture()));
    stream_ = stub_->IngestStream(&context_);
    ingestion::v1::IngestStreamRequest open;
    open.mutable_open()->set_bulk(true);
    stream_->Write(open);
    writer_ = std::thread([this, &workload, count] {
      for (int64_t sent = 0; sent < count; sent += kBulkBatch) {
        ingestion::v1::IngestStreamRequest request;
        request.mutable_batch()->set_sequence(1 + sent / kBulkBatch);
        workload.Fill(kBulkBatch, request.mutable_batch()->mutable_events());
        if (!stream_->Write(request)) break;
      }
      stream_->WritesDone();
    });
    reader_ = std::thread([this] {
      ingestion::v1::IngestStreamResponse response;
      while (stream_->Read(&response)) acknowledged_ += response.acknowledged().results_size();
      Must(rpc::FromGrpc(stream_->Finish()), "importing");
      done_.store(true);
    });
  }
  ~BulkImport() {
    writer_.join();
    reader_.join();
  }
  bool done() const { return done_.load(); }
  int64_t acknowledged() const { return acknowledged_.load(); }

 private:
  rpc::Client client_;
  std::unique_ptr<ingestion::v1::IngestionService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<ingestion::v1::IngestStreamRequest, ingestion::v1::IngestStreamResponse>>
      stream_;
  std::atomic<int64_t> acknowledged_{0};
  std::atomic<bool> done_{false};
  std::thread writer_;
  std::thread reader_;
};

void MeasureImport(const Settings& settings, const ServerProcess& server, const Sender& sender,
                   const std::string& write_key, Report& report) {
  SharedWorkload live(23, kPeople);
  SharedWorkload history(29, kPeople);
  const SteadyLoad load(sender, live, kLiveEventsPerSecond);
  const Latency alone = AcceptedToQueryable(server, sender, live, [](size_t samples) { return samples < 1'000; });
  Latency beside;
  double seconds = 0;
  int64_t imported = 0;
  {
    const BulkImport import(server, write_key, history, settings.footprint_events);
    seconds =
        Seconds([&] { beside = AcceptedToQueryable(server, sender, live, [&](size_t) { return !import.done(); }); });
    imported = import.acknowledged();
  }
  report.Add({.name = "live_during_import_p50",
              .value = beside.p50,
              .unit = "ms",
              .baseline = alone.p50,
              .baseline_name = "without the import",
              .lower_is_better = true});
  report.Add({.name = "live_during_import_p99",
              .value = beside.p99,
              .unit = "ms",
              .baseline = alone.p99,
              .baseline_name = "without the import",
              .goal = 3,
              .lower_is_better = true});
  report.Add({.name = "import_events", .value = static_cast<double>(imported) / seconds, .unit = "events/s"});
}

}  // namespace

void BenchLive(const Settings& settings, Report& report) {
  if (settings.server_binary.empty()) return;
  const ServerProcess server(settings.server_binary, settings.directory + "/live");
  const std::string write_key = MakeSource(server.Client("admin_secret"));
  const Sender sender(server.address(), write_key);
  SharedWorkload workload(17, kPeople);
  const int64_t events = 5 * static_cast<int64_t>(kPeople);
  const double rate = static_cast<double>(events) / Drive(server, sender, workload, events);
  {
    const SteadyLoad load(sender, workload, rate / 2);
    SharedWorkload known(17, kPeople);
    const Latency context = ReadContexts(server, known);
    report.Add({.name = "context_read_p50", .value = context.p50, .unit = "ms", .lower_is_better = true});
    report.Add({.name = "context_read_p99", .value = context.p99, .unit = "ms", .lower_is_better = true});
  }
  WaitUntilApplied(server);
  MeasureImport(settings, server, sender, write_key, report);
}

}  // namespace tributary::bench
