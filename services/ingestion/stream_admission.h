// When the batches of streams may go to the log: they wait where a call would be refused.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <thread>

#include "absl/time/time.h"
#include "ingestion/bulk_gate.h"
#include "ingestion/directory.h"
#include "ingestion/ingestor.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/metrics/registry.h"

namespace tributary::ingestion {

// A batch is admitted once the lag lets it pass (bulk waits early, live batches where calls are refused), the ingestor
// has room for it and its workspace's quota covers it. Those that wait are looked at in the order in which they came,
// each for itself: a bulk batch that waits holds up no live one. Thread-safe.
class StreamAdmission {
 public:
  struct Options {
    BulkGate::Options bulk = {};
    // How often what waits is looked at. Zero: only by Poll(), for tests.
    absl::Duration poll_interval = absl::Milliseconds(5);
  };
  struct Deps {
    const Clock* clock = nullptr;  // of waiting times
    Ingestor* ingestor = nullptr;
    LagFn lag;
    metrics::Registry* metrics = nullptr;  // null: not counted
  };
  // Deps must outlive this.
  StreamAdmission(const Deps& deps, const Options& options);
  // Stop().
  ~StreamAdmission();
  StreamAdmission(const StreamAdmission&) = delete;
  StreamAdmission& operator=(const StreamAdmission&) = delete;

  struct Batch {
    std::shared_ptr<const WorkspaceEntry> workspace;
    int64_t events = 0;
    size_t bytes = 0;  // of the events
    bool bulk = false;
  };
  using AdmittedFn = std::function<void(Ingestor::Room)>;
  using Ticket = int64_t;

  // Calls `admitted` once: at once on this thread, or later on another. It may call back into this.
  Ticket Submit(Batch batch, AdmittedFn admitted);
  // True: it waited, and will never be admitted. False: it was, or is at this moment.
  bool Withdraw(Ticket ticket);
  // What became of a batch that was admitted is known.
  void Settled(const Batch& batch);

  // Admits what can be.
  void Poll();
  // Withdraws all. Nothing is admitted any more when it returns.
  void Stop();

 private:
  enum class Reason : uint8_t { kLag, kMemory, kQuota };
  struct Waiter {
    Ticket ticket = 0;
    Batch batch;
    AdmittedFn admitted;
    Reason reason = Reason::kLag;
    absl::Duration since;
  };
  struct Series {
    metrics::Gauge waiting;
    metrics::Counter seconds;
  };

  // Room for it, or why it must wait.
  std::optional<Ingestor::Room> Admit(const Batch& batch, Reason* reason) TRIBUTARY_REQUIRES(mutex_);
  Series& SeriesOf(Reason reason) { return series_[static_cast<size_t>(reason)]; }
  void Begin(Waiter& waiter, Reason reason) TRIBUTARY_REQUIRES(mutex_);
  void End(const Waiter& waiter) TRIBUTARY_REQUIRES(mutex_);
  void Run();

  const Deps deps_;
  const Options options_;
  Series series_[3];
  Mutex mutex_;
  std::condition_variable changed_;
  BulkGate gate_ TRIBUTARY_GUARDED_BY(mutex_);
  std::list<Waiter> waiting_ TRIBUTARY_GUARDED_BY(mutex_);
  Ticket last_ticket_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  bool stopped_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::thread poller_;
};

}  // namespace tributary::ingestion
