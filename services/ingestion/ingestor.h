// Takes batches of events into `intake`, durably.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "ingestion/directory.h"
#include "tributary/base/clock.h"
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
  };
  struct Deps {
    eventlog::EventLog* log = nullptr;
    const RegistryDirectory* directory = nullptr;
    const Clock* clock = nullptr;
    metrics::Registry* metrics = nullptr;  // null: not counted
  };
  // Deps must outlive this.
  Ingestor(const Deps& deps, const Options& options);
  // Waits until what was appended is answered.
  ~Ingestor();
  Ingestor(const Ingestor&) = delete;
  Ingestor& operator=(const Ingestor&) = delete;

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

  // Bytes that are held for events on their way.
  size_t in_flight_bytes() const { return in_flight_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Session;
  struct Batch;

  absl::StatusOr<std::shared_ptr<const WorkspaceEntry>> WorkspaceOf(const Call& call) const;
  absl::Status Reserve(size_t bytes);
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
  metrics::Gauge in_flight_gauge_;
  std::atomic<size_t> in_flight_bytes_ = 0;
  std::mutex mutex_;
  std::unique_ptr<Session> session_;
  // Sessions that failed, until the last of their callbacks has come.
  std::vector<std::unique_ptr<Session>> failed_sessions_;
};

// The workspace that a call concerns: the caller's own, or the one that an operator names. InvalidArgument, or NotFound
// for anybody else's.
absl::StatusOr<std::string> WorkspaceFor(const rpc::Principal& principal, std::string_view requested,
                                         std::string_view field);

}  // namespace tributary::ingestion
