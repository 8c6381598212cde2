// Takes batches of events into `intake`, durably.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "ingestion/bulk_gate.h"
#include "ingestion/directory.h"
#include "ingestion/quotas.h"
#include "tributary/base/clock.h"
#include "tributary/base/mutex.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/ingestion/v1/ingestion.pb.h"
#include "tributary/metrics/registry.h"
#include "tributary/rpc/credentials.h"

namespace tributary::ingestion {

// Bounds of one call.
inline constexpr int kMaxEventsPerCall = 1'000;
inline constexpr size_t kMaxBytesPerCall = 4 << 20;

// Thread-safe.
class Ingestor {
 public:
  struct Options {
    // Of events that are not durable yet. Must stay well below what the log lets wait (embedded: 64 MiB), so that an
    // append never blocks the thread of a call.
    size_t max_in_flight_bytes = 48 << 20;
    // What a caller is told to wait when that is reached.
    absl::Duration retry_after = absl::Milliseconds(200);
    // Behind how many records an event may have to wait; beyond, none are taken, live or not: they would be accepted
    // ever faster than they can be seen. About two seconds' work.
    int64_t max_lag_records = 50'000;
  };
  struct Deps {
    eventlog::EventLog* log = nullptr;
    const RegistryDirectory* directory = nullptr;
    const Clock* clock = nullptr;
    metrics::Registry* metrics = nullptr;  // null: not counted
    LagFn lag = nullptr;                   // null: never behind
  };
  // Deps must outlive this.
  Ingestor(const Deps& deps, const Options& options);
  // Waits until what was appended is answered.
  ~Ingestor();
  Ingestor(const Ingestor&) = delete;
  Ingestor& operator=(const Ingestor&) = delete;

  // Memory that a batch holds until it is durable; given back with this.
  class Room {
   public:
    Room(Room&& other) noexcept : ingestor_(std::exchange(other.ingestor_, nullptr)), bytes_(other.bytes_) {}
    Room& operator=(Room&& other) noexcept {
      Release();
      ingestor_ = std::exchange(other.ingestor_, nullptr);
      bytes_ = other.bytes_;
      return *this;
    }
    ~Room() { Release(); }

   private:
    friend class Ingestor;
    Room(Ingestor* ingestor, size_t bytes) : ingestor_(ingestor), bytes_(bytes) {}
    void GrowTo(size_t bytes);
    void Release();

    Ingestor* ingestor_;
    size_t bytes_;
  };

  // One result for each event, in order; or: InvalidArgument (bounds of a call), NotFound (workspace),
  // ResourceExhausted (nothing was taken; retry delay), Unavailable (unknown what was taken: send the same again).
  using Done = std::function<void(absl::StatusOr<v1::IngestResponse>)>;

  // What comes with a call besides its events.
  struct Call {
    const rpc::Principal& principal;
    std::string_view workspace_id = "";  // as in IngestRequest
    std::string_view traceparent = "";
  };

  // Calls `done` once, when all accepted events are durable, on this thread or on one of the log's; it must not block.
  // Does not block.
  void Ingest(const Call& call, google::protobuf::RepeatedPtrField<events::v1::CustomerEvent> events, Done done);

  // For streams, which wait where a call is refused: whether what reads the partition is too far behind, as seen in the
  // last 10 ms; room for a batch of so many events with so many bytes, or nothing if too much is on its way; the
  // workspace's quota, as Quotas::Take(); and Ingest() for a batch that has both. Its bounds must have been checked;
  // its events are changed in place and not used after it returns.
  bool IsBehind(eventlog::Partition partition);
  std::optional<Room> TryReserve(size_t event_bytes, int64_t events);
  absl::Duration TakeQuota(const WorkspaceEntry& workspace, int64_t events) { return quotas_.Take(workspace, events); }
  struct Admitted {
    Room room;
    std::shared_ptr<const WorkspaceEntry> workspace;
    std::string source_id;  // of the write key
    std::string traceparent;
  };
  void IngestAdmitted(Admitted admitted, const std::vector<events::v1::CustomerEvent*>& events, Done done);

  // Bytes that are held for events on their way.
  size_t in_flight_bytes() const { return in_flight_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Session;
  struct Batch;

  absl::StatusOr<std::shared_ptr<const WorkspaceEntry>> WorkspaceOf(const Call& call) const;
  // The producer to append with, its use counted; a failed one is replaced.
  absl::StatusOr<Session*> AcquireSession();
  void Append(std::unique_ptr<Batch> batch, std::vector<eventlog::Record> records);
  // One record of the batch is settled; the last one answers the call.
  void Settle(Batch* batch, const absl::StatusOr<eventlog::Offset>& result);

  const Deps deps_;
  const Options options_;
  metrics::Counter accepted_;
  metrics::Counter rejected_;
  metrics::Counter refused_calls_;
  metrics::Counter over_quota_;
  metrics::Gauge in_flight_gauge_;
  std::atomic<size_t> in_flight_bytes_ = 0;
  Quotas quotas_;
  struct SeenLag {
    int64_t records = 0;
    absl::Duration at = -absl::InfiniteDuration();
  };
  Mutex lag_mutex_;
  absl::flat_hash_map<int32_t, SeenLag> lags_ TRIBUTARY_GUARDED_BY(lag_mutex_);
  std::mutex mutex_;
  std::unique_ptr<Session> session_;
  // Sessions that failed, until the last of their callbacks has come.
  std::vector<std::unique_ptr<Session>> failed_sessions_;
};

size_t BytesOf(const google::protobuf::RepeatedPtrField<events::v1::CustomerEvent>& events);
// InvalidArgument naming `events` if there are none, too many or too large ones; `bytes` as BytesOf().
absl::Status CheckBounds(const google::protobuf::RepeatedPtrField<events::v1::CustomerEvent>& events, size_t bytes);

// The workspace that a call concerns: the caller's own, or the one that an operator names. InvalidArgument, or NotFound
// for anybody else's.
absl::StatusOr<std::string> WorkspaceFor(const rpc::Principal& principal, std::string_view requested,
                                         std::string_view field);

}  // namespace tributary::ingestion
