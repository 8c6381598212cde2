#include "ingestion/ingestor.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "ingestion/event_preparation.h"
#include "ingestion/processor.h"
#include "tributary/base/status.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/status.h"

namespace tributary::ingestion {
namespace {

using events::v1::CustomerEvent;
using google::protobuf::RepeatedPtrField;

// What an event costs besides its bytes: the record around it and what the server adds.
constexpr size_t kOverheadBytes = 512;

// Looking asks every task behind the partition; more often than this would cost more than it tells.
constexpr absl::Duration kLagAge = absl::Milliseconds(10);

absl::Status NoSuchWorkspace(std::string_view field) {
  return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", field, "there is no such workspace",
                    "Leave it empty for the credential's own");
}

absl::Status Overloaded(absl::Duration retry_after) {
  return rpc::WithRetryAfter(FieldError(absl::StatusCode::kResourceExhausted, "INGEST_OVERLOADED", "",
                                        "too many events are on their way to the log; nothing was taken",
                                        "Send the same again after the delay"),
                             retry_after);
}

absl::Status Behind(absl::Duration retry_after) {
  return rpc::WithRetryAfter(FieldError(absl::StatusCode::kResourceExhausted, "INGEST_OVERLOADED", "",
                                        "events come faster than they can be worked off; nothing was taken",
                                        "Send the same again after the delay"),
                             retry_after);
}

absl::Status QuotaExceeded(absl::Duration wait) {
  return rpc::WithRetryAfter(FieldError(absl::StatusCode::kResourceExhausted, "QUOTA_EXCEEDED", "",
                                        "the workspace sends more events than its quota; nothing was taken",
                                        "Send the same again after the delay, or ask for a higher quota"),
                             wait);
}

}  // namespace

size_t BytesOf(const RepeatedPtrField<CustomerEvent>& events) {
  size_t bytes = 0;
  for (const CustomerEvent& event : events) bytes += event.ByteSizeLong();
  return bytes;
}

absl::Status CheckBounds(const RepeatedPtrField<CustomerEvent>& events, size_t bytes) {
  if (events.empty()) return InvalidField("REQUIRED", "events", "is empty", "Send at least one event");
  if (events.size() > kMaxEventsPerCall) {
    return InvalidField("TOO_MANY", "events", fmt::format("has {} elements", events.size()),
                        fmt::format("Send at most {} in one call", kMaxEventsPerCall));
  }
  if (bytes > kMaxBytesPerCall) {
    return InvalidField("TOO_LARGE", "events", fmt::format("has {} bytes in all", bytes),
                        fmt::format("Send at most {} in one call", kMaxBytesPerCall));
  }
  return absl::OkStatus();
}

// One producer. It must not be destroyed by a callback of its own, so the ingestor does that, once `users` is 0.
struct Ingestor::Session {
  std::atomic<int64_t> users = 0;
  std::atomic<bool> failed = false;
  std::unique_ptr<eventlog::Producer> producer;  // last: its end waits for callbacks, which use the others
};

// One call whose records are on their way.
struct Ingestor::Batch {
  Batch(Room held, Done then) : done(std::move(then)), room(std::move(held)) {}

  Session* session = nullptr;
  eventlog::PartitionRef target;
  v1::IngestResponse response;
  Done done;
  Room room;
  int accepted = 0;
  std::atomic<int> waiting = 0;
  std::atomic<bool> failed = false;
  std::atomic<int64_t> last_offset = -1;
};

absl::StatusOr<std::string> WorkspaceFor(const rpc::Principal& principal, std::string_view requested,
                                         std::string_view field) {
  if (IsOperator(principal)) {
    if (requested.empty()) {
      return InvalidField("REQUIRED", field, "an operator is bound to no workspace", "Name the workspace");
    }
    return std::string(requested);
  }
  if (!requested.empty() && requested != principal.workspace_id) return NoSuchWorkspace(field);
  return principal.workspace_id;
}

void Ingestor::Room::GrowTo(size_t bytes) {
  if (bytes <= bytes_) return;
  ingestor_->in_flight_bytes_.fetch_add(bytes - bytes_);
  bytes_ = bytes;
}

void Ingestor::Room::Release() {
  if (ingestor_ == nullptr) return;
  ingestor_->in_flight_bytes_.fetch_sub(bytes_);
  ingestor_->in_flight_gauge_.Set(static_cast<double>(ingestor_->in_flight_bytes()));
  ingestor_ = nullptr;
}

Ingestor::Ingestor(const Deps& deps, const Options& options) : deps_(deps), options_(options), quotas_(deps.clock) {
  if (deps.metrics == nullptr) return;
  const std::string help = "Events that were sent, by what became of them";
  accepted_ = deps.metrics->GetCounter("tributary_ingest_events_total", help, {{"result", "accepted"}});
  rejected_ = deps.metrics->GetCounter("tributary_ingest_events_total", help, {{"result", "rejected"}});
  refused_calls_ = deps.metrics->GetCounter("tributary_ingest_overload_total",
                                            "Calls that were refused because too much was on its way");
  over_quota_ = deps.metrics->GetCounter("tributary_ingest_over_quota_total",
                                         "Calls that were refused because of their workspace's quota");
  in_flight_gauge_ = deps.metrics->GetGauge("tributary_ingest_in_flight_bytes", "Events that are not durable yet");
}

Ingestor::~Ingestor() {
  // Their destructors wait for the callbacks, which use what is declared before them.
  session_.reset();
  failed_sessions_.clear();
}

absl::StatusOr<std::shared_ptr<const WorkspaceEntry>> Ingestor::WorkspaceOf(const Call& call) const {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string id, WorkspaceFor(call.principal, call.workspace_id, "workspace_id"));
  std::shared_ptr<const WorkspaceEntry> workspace = deps_.directory->FindWorkspace(id);
  if (workspace == nullptr) return NoSuchWorkspace("workspace_id");
  return workspace;
}

bool Ingestor::IsBehind(eventlog::Partition partition) {
  if (!deps_.lag) return false;
  const absl::Duration now = deps_.clock->Monotonic();
  {
    const MutexLock lock(lag_mutex_);
    SeenLag& seen = lags_[partition.value()];
    if (now - seen.at < kLagAge) return seen.records >= options_.max_lag_records;
    seen.at = now;  // the others go on with what was seen before
  }
  const int64_t records = deps_.lag(partition);
  const MutexLock lock(lag_mutex_);
  lags_[partition.value()].records = records;
  return records >= options_.max_lag_records;
}

std::optional<Ingestor::Room> Ingestor::TryReserve(size_t event_bytes, int64_t events) {
  const size_t bytes = event_bytes + kOverheadBytes * static_cast<size_t>(events);
  const size_t before = in_flight_bytes_.fetch_add(bytes);
  Room room(this, bytes);
  // One batch is always taken: a bound that is smaller than it would keep it out for ever.
  if (before == 0 || before + bytes <= options_.max_in_flight_bytes) return room;
  return std::nullopt;
}

absl::StatusOr<Ingestor::Session*> Ingestor::AcquireSession() {
  std::vector<std::unique_ptr<Session>> over;  // destroyed after the lock is let go
  std::lock_guard lock(mutex_);
  for (std::unique_ptr<Session>& failed : failed_sessions_) {
    if (failed->users == 0) over.push_back(std::move(failed));
  }
  std::erase(failed_sessions_, nullptr);
  if (session_ != nullptr && session_->failed) failed_sessions_.push_back(std::move(session_));
  if (session_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(auto producer, deps_.log->OpenProducer({.own_connection = true}));
    session_ = std::make_unique<Session>();
    session_->producer = std::move(producer);
  }
  ++session_->users;
  return session_.get();
}

void Ingestor::Ingest(const Call& call, RepeatedPtrField<CustomerEvent> events, Done done) {
  const size_t bytes = BytesOf(events);
  if (absl::Status status = CheckBounds(events, bytes); !status.ok()) return done(status);
  absl::StatusOr<std::shared_ptr<const WorkspaceEntry>> workspace = WorkspaceOf(call);
  if (!workspace.ok()) return done(workspace.status());
  if (IsBehind((*workspace)->intake_partition)) {
    refused_calls_.Inc();
    return done(Behind(options_.retry_after));
  }
  std::optional<Room> room = TryReserve(bytes, events.size());
  if (!room.has_value()) {
    refused_calls_.Inc();
    return done(Overloaded(options_.retry_after));
  }
  if (const absl::Duration wait = TakeQuota(**workspace, events.size()); wait > absl::ZeroDuration()) {
    over_quota_.Inc();
    return done(QuotaExceeded(wait));
  }
  IngestAdmitted({*std::move(room), *std::move(workspace), call.principal.source_id, std::string(call.traceparent)},
                 std::vector(events.pointer_begin(), events.pointer_end()), std::move(done));
}

void Ingestor::IngestAdmitted(Admitted admitted, const std::vector<CustomerEvent*>& events, Done done) {
  auto batch = std::make_unique<Batch>(std::move(admitted.room), std::move(done));
  batch->target = {std::string(kIntakeLog), admitted.workspace->intake_partition};
  EventPreparation preparation(std::move(admitted.workspace), std::move(admitted.source_id), deps_.clock->Now(),
                               std::move(admitted.traceparent));
  std::vector<eventlog::Record> records;
  records.reserve(events.size());
  batch->response.mutable_results()->Reserve(static_cast<int>(events.size()));
  for (CustomerEvent* const event : events) {
    v1::IngestResult& result = *batch->response.add_results();
    result.set_index(batch->response.results_size() - 1);
    eventlog::Record record;
    v1::IngestError error;
    if (preparation.Prepare(*event, &record, &error)) {
      result.set_status(v1::IngestResult::STATUS_ACCEPTED);
      records.push_back(std::move(record));
    } else {
      result.set_status(v1::IngestResult::STATUS_REJECTED);
      *result.mutable_error() = std::move(error);
    }
  }
  // What defaults added is counted from here on, so that many of them cannot pass the bound unseen.
  size_t used = 0;
  for (const eventlog::Record& record : records) used += record.Size() + kOverheadBytes / 2;
  batch->room.GrowTo(used);
  rejected_.Inc(static_cast<double>(events.size()) - static_cast<double>(records.size()));
  Append(std::move(batch), std::move(records));
}

void Ingestor::Append(std::unique_ptr<Batch> batch, std::vector<eventlog::Record> records) {
  in_flight_gauge_.Set(static_cast<double>(in_flight_bytes()));
  batch->accepted = static_cast<int>(records.size());
  absl::StatusOr<Session*> session = nullptr;
  if (!records.empty()) session = AcquireSession();
  if (records.empty() || !session.ok()) {
    batch->room.Release();
    if (!session.ok()) return batch->done(absl::UnavailableError("the log cannot be written now"));
    return batch->done(std::move(batch->response));
  }
  batch->session = *session;
  batch->waiting = batch->accepted;
  // One pointer, so that no callback needs memory of its own. The last one frees the batch.
  Batch* const shared = batch.release();
  const eventlog::PartitionRef target = shared->target;
  eventlog::Producer& producer = *(*session)->producer;
  for (eventlog::Record& record : records) {
    producer.Append(target, std::move(record),
                    [this, shared](absl::StatusOr<eventlog::Offset> result) { Settle(shared, result); });
  }
}

void Ingestor::Settle(Batch* batch, const absl::StatusOr<eventlog::Offset>& result) {
  if (!result.ok()) {
    batch->failed = true;
    batch->session->failed = true;
  } else {
    batch->last_offset = std::max(batch->last_offset.load(), result->value());
  }
  if (batch->waiting.fetch_sub(1) != 1) return;
  const std::unique_ptr<Batch> owned(batch);
  batch->room.Release();
  Session* const session = batch->session;
  if (batch->failed) {
    batch->done(FieldError(absl::StatusCode::kUnavailable, "LOG_UNAVAILABLE", "",
                           "it is unknown whether the events were taken", "Send the same again"));
  } else {
    accepted_.Inc(batch->accepted);
    batch->response.set_token(processor::EncodeToken({{batch->target, eventlog::Offset(batch->last_offset.load())}}));
    batch->done(std::move(batch->response));
  }
  --session->users;
}

}  // namespace tributary::ingestion
