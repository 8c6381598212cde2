// Load on a server, and what single events and reads take beside it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "server_process.h"
#include "workload.h"

namespace tributary::bench {

// A workload that several threads take from.
class SharedWorkload {
 public:
  SharedWorkload(uint64_t seed, uint64_t customers) : workload_(seed, customers) {}
  // Adds `count` events.
  void Fill(int count, google::protobuf::RepeatedPtrField<events::v1::CustomerEvent>* events);

 private:
  std::mutex mutex_;
  Workload workload_;
};

// Sends `count` events as fast as the server takes them, from four threads; seconds until all are applied.
double Drive(const ServerProcess& server, const Sender& sender, SharedWorkload& workload, int64_t count);

// Sends so many events a second while it lives, in batches of 50.
class SteadyLoad {
 public:
  SteadyLoad(const Sender& sender, SharedWorkload& workload, double events_per_second);
  ~SteadyLoad();
  SteadyLoad(const SteadyLoad&) = delete;
  SteadyLoad& operator=(const SteadyLoad&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Milliseconds.
struct Latency {
  double p50 = 0;
  double p99 = 0;
};

// From the acknowledgement of one event to the read that sees it; again and again while `go_on(number of samples)`.
Latency AcceptedToQueryable(const ServerProcess& server, const Sender& sender, SharedWorkload& workload,
                            const std::function<bool(size_t)>& go_on);

}  // namespace tributary::bench
