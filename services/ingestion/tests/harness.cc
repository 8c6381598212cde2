#include "tests/harness.h"

#include <unistd.h>

#include <filesystem>

#include "gtest/gtest.h"
#include "ingestion/event_checks.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::ingestion::testing {

std::string TestPath(std::string_view name) {
  const ::testing::TestInfo* const test = ::testing::UnitTest::GetInstance()->current_test_info();
  const std::string path = fmt::format("{}/ingestion-{}-{}-{}", ::testing::TempDir(), ::getpid(), test->name(), name);
  std::filesystem::remove_all(path);
  return path;
}

class HoldingLog::Session final : public eventlog::Producer {
 public:
  Session(HoldingLog* log, std::unique_ptr<eventlog::Producer> inner) : log_(log), inner_(std::move(inner)) {}
  void Append(const eventlog::PartitionRef& target, eventlog::Record record, eventlog::AppendCallback done) override {
    {
      std::lock_guard lock(log_->mutex_);
      if (log_->hold_ && target.log == kIntakeLog) {
        log_->held_.push_back({inner_.get(), target, std::move(record), std::move(done)});
        log_->changed_.notify_all();
        return;
      }
    }
    inner_->Append(target, std::move(record), std::move(done));
  }

 private:
  HoldingLog* const log_;
  const std::unique_ptr<eventlog::Producer> inner_;
};

absl::StatusOr<std::unique_ptr<eventlog::Producer>> HoldingLog::OpenProducer(const eventlog::ProducerOptions& options) {
  TRIBUTARY_ASSIGN_OR_RETURN(auto inner, log_->OpenProducer(options));
  return std::make_unique<Session>(this, std::move(inner));
}

void HoldingLog::Hold() {
  std::lock_guard lock(mutex_);
  hold_ = true;
}

std::vector<HoldingLog::Held> HoldingLog::TakeHeld(bool still_hold) {
  std::lock_guard lock(mutex_);
  hold_ = still_hold;
  return std::exchange(held_, {});
}

void HoldingLog::Release() {
  for (Held& held : TakeHeld(false)) held.producer->Append(held.target, std::move(held.record), std::move(held.done));
}

void HoldingLog::FailHeld(size_t count) {
  size_t failed = 0;
  for (Held& held : TakeHeld(false)) {
    if (failed++ < count) {
      held.done(absl::UnavailableError("planted"));
    } else {
      held.producer->Append(held.target, std::move(held.record), std::move(held.done));
    }
  }
}

void HoldingLog::AwaitHeld(size_t count) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return held_.size() >= count; });
}

size_t HoldingLog::held() {
  std::lock_guard lock(mutex_);
  return held_.size();
}

Platform::Platform(Ingestor::Options ingest, PlatformStreams streams) {
  log = std::make_unique<HoldingLog>(
      eventlog::MakeMemoryLog({.logs = {{"registry", 1}, {"intake", 4}}, .clock = &clock}).value());
  host = std::make_unique<processor::TaskHost>(processor::TaskHost::Options{.threads = 1});
  auto decider = std::make_unique<IngestionProcessor>(IngestionProcessor::Options{.intake_partitions = 4});
  processor::TaskOptions options;
  options.partition = {"registry", eventlog::Partition(0)};
  options.empty_batch_age = absl::ZeroDuration();
  auto task = processor::Task::Open(options, {.log = log.get(),
                                              .store = projection::Store::Open({.in_memory = true}).value(),
                                              .processor = decider.get(),
                                              .clock = &clock,
                                              .random = &random})
                  .value();
  registry = host->Add(std::move(decider), std::move(task));
  host->Start();
  directory = std::make_unique<RegistryDirectory>(registry);
  read_gate_ =
      std::make_unique<processor::ReadGate>(host.get(), log.get(), std::vector<processor::ReadGate::Upstream>());
  gate_ = std::make_unique<rpc::CallGate>(*directory, rpc::CallGateOptions{});
  front = std::make_unique<IngestionFront>(IngestionFront::Deps{.gate = gate_.get(),
                                                                .host = host.get(),
                                                                .read_gate = read_gate_.get(),
                                                                .log = log.get(),
                                                                .directory = directory.get(),
                                                                .clock = &clock,
                                                                .random = &random,
                                                                .lag = std::move(streams.lag),
                                                                .ingest = ingest,
                                                                .admission = streams.admission,
                                                                .streams = streams.options});
  server_ = rpc::Server::Start({}, {front.get()}).value();
  const std::string file = TestPath("client.json");
  const absl::Status ensured = EnsureFirstWorkspace(
      {.registry = registry, .directory = directory.get(), .random = &random, .file = file, .address = "127.0.0.1:1"});
  EXPECT_TRUE(ensured.ok()) << ensured;
  access = ReadClientFile(file).value();
  std::filesystem::remove(file);
}

Platform::~Platform() {
  log->Release();
  front->StopStreams();
  server_->Shutdown(absl::Seconds(10));
  host->Stop();
  server_.reset();
  front.reset();
  directory.reset();
  host.reset();
}

std::string Platform::MakeSource(const std::string& source_id) {
  v1::CreateSourceRequest request;
  request.mutable_source()->set_source_id(source_id);
  request.mutable_source()->set_default_channel(events::v1::CHANNEL_WEB);
  request.mutable_source()->set_priority(7);
  const auto created = Call(access.admin_secret, &v1::IngestionService::Stub::CreateSource, request);
  EXPECT_TRUE(created.ok()) << created.status();
  return created.ok() ? created->write_key() : "";
}

std::vector<eventlog::RecordPtr> Platform::RecordsOf(const eventlog::PartitionRef& ref) {
  return eventlog::ReadAll(*log, ref, eventlog::Offset(1)).value();
}

events::v1::CustomerEvent GoodEvent(const std::string& event_id, absl::Time now) {
  events::v1::CustomerEvent event;
  event.set_event_id(event_id);
  SetProto(now - absl::Hours(1), event.mutable_occurred_at());
  auto& identifier = *event.add_identifiers();
  identifier.set_type("customer_id");
  identifier.set_issuer("shop");
  identifier.set_value("4711");
  event.mutable_page_viewed()->set_url("https://example.com/");
  return event;
}

}  // namespace tributary::ingestion::testing
