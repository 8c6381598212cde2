#include "load.h"

#include <chrono>
#include <vector>

#include "benches.h"
#include "tributary/profile/v1/profile.grpc.pb.h"

namespace tributary::bench {
namespace {

constexpr int kSenders = 4;

}  // namespace

void SharedWorkload::Fill(int count, google::protobuf::RepeatedPtrField<events::v1::CustomerEvent>* events) {
  const std::lock_guard lock(mutex_);
  for (int i = 0; i < count; ++i) *events->Add() = workload_.Next();
}

double Drive(const ServerProcess& server, const Sender& sender, SharedWorkload& workload, int64_t count) {
  return Seconds([&] {
    std::atomic<int64_t> left{count};
    std::vector<std::thread> threads;
    for (int i = 0; i < kSenders; ++i) {
      threads.emplace_back([&] {
        while (left.fetch_sub(kBatch) > 0) {
          ingestion::v1::IngestRequest request;
          workload.Fill(kBatch, request.mutable_events());
          sender.Send(request);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    WaitUntilApplied(server);
  });
}

SteadyLoad::SteadyLoad(const Sender& sender, SharedWorkload& workload, double events_per_second)
    : thread_([this, &sender, &workload, events_per_second] {
        constexpr int kSmall = 50;
        auto next = std::chrono::steady_clock::now();
        while (!stop_.load()) {
          ingestion::v1::IngestRequest request;
          workload.Fill(kSmall, request.mutable_events());
          sender.Send(request);
          next += std::chrono::nanoseconds(static_cast<int64_t>(1e9 * kSmall / events_per_second));
          std::this_thread::sleep_until(next);  // the load's pace
        }
      }) {}

SteadyLoad::~SteadyLoad() {
  stop_.store(true);
  thread_.join();
}

Latency AcceptedToQueryable(const ServerProcess& server, const Sender& sender, SharedWorkload& workload,
                            const std::function<bool(size_t)>& go_on) {
  const rpc::Client reader = server.Client("admin_secret");
  auto stub = profile::v1::ProfileService::NewStub(reader.channel());
  std::vector<double> millis;
  while (go_on(millis.size())) {
    ingestion::v1::IngestRequest request;
    workload.Fill(1, request.mutable_events());
    profile::v1::GetProfileRequest read;
    *read.mutable_profile()->mutable_identifier() = request.events(0).identifiers(0);
    read.set_token(sender.Send(request));
    millis.push_back(1e3 * Seconds([&] {
                       Must(reader.Call(*stub, &profile::v1::ProfileService::Stub::GetProfile, read).status(),
                            "reading");
                     }));
  }
  return {Percentile(millis, 0.5), Percentile(millis, 0.99)};
}

}  // namespace tributary::bench
