#include "ingestion/stream_admission.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tributary::ingestion {

StreamAdmission::StreamAdmission(const Deps& deps, const Options& options)
    : deps_(deps), options_(options), gate_(deps.lag, options.bulk) {
  if (deps.metrics != nullptr) {
    constexpr const char* kNames[] = {"lag", "memory", "quota"};
    for (size_t i = 0; i < std::size(kNames); ++i) {
      series_[i].waiting = deps.metrics->GetGauge(
          "tributary_ingest_streams_waiting", "Streams whose next batch must wait, by why", {{"reason", kNames[i]}});
      series_[i].seconds =
          deps.metrics->GetCounter("tributary_ingest_stream_wait_seconds_total",
                                   "How long batches of streams waited, by why", {{"reason", kNames[i]}});
    }
  }
  if (options_.poll_interval > absl::ZeroDuration()) poller_ = std::thread([this] { Run(); });
}

StreamAdmission::~StreamAdmission() { Stop(); }

std::optional<Ingestor::Room> StreamAdmission::Admit(const Batch& batch, Reason* reason) {
  const eventlog::Partition partition = batch.workspace->intake_partition;
  *reason = Reason::kLag;
  if (batch.bulk ? !gate_.IsOpen(partition) : deps_.ingestor->IsBehind(partition)) return std::nullopt;
  *reason = Reason::kMemory;
  std::optional<Ingestor::Room> room = deps_.ingestor->TryReserve(batch.bytes, batch.events);
  if (!room.has_value()) return std::nullopt;
  *reason = Reason::kQuota;
  // Last, because what it takes is gone.
  if (deps_.ingestor->TakeQuota(*batch.workspace, batch.events) > absl::ZeroDuration()) return std::nullopt;
  if (batch.bulk) gate_.LetIn(partition, batch.events);
  return room;
}

void StreamAdmission::Begin(Waiter& waiter, Reason reason) {
  waiter.reason = reason;
  waiter.since = deps_.clock->Monotonic();
  SeriesOf(reason).waiting.Add(1);
}

void StreamAdmission::End(const Waiter& waiter) {
  Series& series = SeriesOf(waiter.reason);
  series.waiting.Add(-1);
  series.seconds.Inc(std::max(0.0, absl::ToDoubleSeconds(deps_.clock->Monotonic() - waiter.since)));
}

StreamAdmission::Ticket StreamAdmission::Submit(Batch batch, AdmittedFn admitted) {
  std::optional<Ingestor::Room> room;
  Ticket ticket;
  {
    const MutexLock lock(mutex_);
    ticket = ++last_ticket_;
    if (stopped_) return ticket;
    Reason reason;
    room = Admit(batch, &reason);
    if (!room.has_value()) {
      waiting_.push_back({.ticket = ticket, .batch = std::move(batch), .admitted = std::move(admitted)});
      Begin(waiting_.back(), reason);
      changed_.notify_one();
      return ticket;
    }
  }
  admitted(*std::move(room));
  return ticket;
}

bool StreamAdmission::Withdraw(Ticket ticket) {
  std::list<Waiter> withdrawn;  // destroyed without the lock: it may be the last to hold a stream
  const MutexLock lock(mutex_);
  const auto at =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiter& waiter) { return waiter.ticket == ticket; });
  if (at == waiting_.end()) return false;
  End(*at);
  withdrawn.splice(withdrawn.begin(), waiting_, at);
  return true;
}

void StreamAdmission::Settled(const Batch& batch) {
  if (!batch.bulk) return;
  const MutexLock lock(mutex_);
  gate_.Settled(batch.workspace->intake_partition, batch.events);
}

void StreamAdmission::Poll() {
  std::list<Waiter> admitted;
  std::vector<Ingestor::Room> rooms;
  {
    const MutexLock lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto next = std::next(at);
      Reason reason;
      if (std::optional<Ingestor::Room> room = Admit(at->batch, &reason); room.has_value()) {
        End(*at);
        rooms.push_back(*std::move(room));
        admitted.splice(admitted.end(), waiting_, at);
      } else if (reason != at->reason) {
        End(*at);
        Begin(*at, reason);
      }
      at = next;
    }
  }
  size_t i = 0;
  for (Waiter& waiter : admitted) waiter.admitted(std::move(rooms[i++]));
}

void StreamAdmission::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      changed_.wait(lock.native(), [this] { return stopped_ || !waiting_.empty(); });
      changed_.wait_for(lock.native(), absl::ToChronoNanoseconds(options_.poll_interval), [this] { return stopped_; });
      if (stopped_) return;
    }
    Poll();
  }
}

void StreamAdmission::Stop() {
  std::list<Waiter> withdrawn;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    for (const Waiter& waiter : waiting_) End(waiter);
    withdrawn.swap(waiting_);
  }
  changed_.notify_all();
  if (poller_.joinable()) poller_.join();
}

}  // namespace tributary::ingestion
