#include "ingestion/ingest_stream.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "tributary/base/status.h"
#include "tributary/rpc/bidi_stream.h"

namespace tributary::ingestion {
namespace {

absl::Status Stopping() {
  return FieldError(absl::StatusCode::kUnavailable, "SERVER_STOPPING", "", "the server is stopping",
                    "Open another stream, and send again what was not acknowledged");
}

absl::Status TooManyStreams(size_t streams) {
  return FieldError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS", "",
                    fmt::format("{} streams are open already", streams), "Try again later, or use Ingest");
}

}  // namespace

class IngestStreams::Stream final : public rpc::BidiStream<v1::IngestStreamRequest, v1::IngestStreamResponse> {
 public:
  // `refusal`: not OK if the stream is to end at once.
  Stream(IngestStreams* streams, grpc::CallbackServerContext* context, rpc::AccessRule rule, absl::Status refusal)
      : streams_(*streams), deps_(streams->deps_), context_(context), rule_(rule), refusal_(std::move(refusal)) {}
  ~Stream() override {
    if (opened_) OpenGauge().Add(-1);
    const MutexLock lock(streams_.mutex_);
    streams_.streams_.erase(this);
  }

  // Takes no more; ends with `status` when what is on its way is acknowledged. The first counts.
  void Drain(absl::Status status);

 private:
  // A batch that is not acknowledged.
  struct Pending {
    int64_t sequence = 0;
    int64_t bytes = 0;
    int unsettled = 0;  // events
    v1::IngestStreamAcknowledgement acknowledgement;
    int token_of = -1;    // the first event of the slice that the token is of
    absl::Status status;  // why a slice failed
  };
  // A batch that was read, taken in by slices.
  struct Incoming {
    rpc::Received<v1::IngestStreamRequest> message;
    std::shared_ptr<const WorkspaceEntry> workspace;
    int64_t bytes = 0;
    v1::IngestStreamBatch& batch() const { return *message->mutable_batch(); }
  };

  void OnOpened() override {
    if (!refusal_.ok()) return End(refusal_);
    ReadOn();
  }
  void OnMessage(rpc::Received<v1::IngestStreamRequest> message) override {
    absl::Status status = opened_ ? TakeBatch(std::move(message)) : TakeOpen(*message);
    if (!status.ok()) return Drain(std::move(status));
    ReadOn();
  }
  void OnHalfClosed() override {
    {
      const MutexLock lock(mutex_);
      half_closed_ = true;
    }
    EndIfDrained();
  }
  void OnSent() override {
    {
      const MutexLock lock(mutex_);
      held_bytes_ -= leaving_.front();
      leaving_.pop_front();
    }
    ReadOn();
  }
  void OnGone() override { Drain(absl::CancelledError("the client has gone")); }

  absl::Status TakeOpen(const v1::IngestStreamRequest& message);
  absl::Status TakeBatch(rpc::Received<v1::IngestStreamRequest> message);
  absl::Status CheckBatch(const v1::IngestStreamRequest& message, int64_t bytes) const;
  // The next slice of a batch, from its event `first` on: all of it, but for bulk streams.
  void Submit(std::shared_ptr<const Incoming> incoming, int first);
  void TakeSlice(const std::shared_ptr<const Incoming>& incoming, const StreamAdmission::Batch& slice, int first,
                 Ingestor::Room room);
  void Withdraw(StreamAdmission::Ticket ticket);
  // The last in flight will not be taken to its end.
  void Abandon();
  void Settle(int64_t sequence, int first, int events, absl::StatusOr<v1::IngestResponse> result);
  // Enqueues what can be acknowledged. False: the first in flight failed, and the stream is to end with that.
  bool Acknowledge() TRIBUTARY_REQUIRES(mutex_);
  void ReadOn();
  void EndIfDrained();

  metrics::Gauge& OpenGauge() { return bulk_ ? streams_.bulk_ : streams_.live_; }
  std::shared_ptr<Stream> Self() { return std::static_pointer_cast<Stream>(shared_from_this()); }

  IngestStreams& streams_;
  const Deps& deps_;
  grpc::CallbackServerContext* const context_;  // valid in OnMessage()
  const rpc::AccessRule rule_;
  const absl::Status refusal_;
  // Of OnMessage() alone.
  bool opened_ = false;
  bool bulk_ = false;
  std::string workspace_id_;
  int64_t last_sequence_ = 0;

  Mutex mutex_;
  std::deque<Pending> in_flight_ TRIBUTARY_GUARDED_BY(mutex_);  // as sent
  std::deque<int64_t> leaving_ TRIBUTARY_GUARDED_BY(mutex_);    // bytes of the batches whose answers are being sent
  int64_t held_bytes_ TRIBUTARY_GUARDED_BY(mutex_) = 0;         // of both
  bool reading_ TRIBUTARY_GUARDED_BY(mutex_) = false;           // a message was asked for and is not counted yet
  bool waiting_ TRIBUTARY_GUARDED_BY(mutex_) = false;           // the last in flight is not on its way to the log yet
  StreamAdmission::Ticket ticket_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  bool half_closed_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> draining_ TRIBUTARY_GUARDED_BY(mutex_);
};

absl::Status IngestStreams::Stream::TakeOpen(const v1::IngestStreamRequest& message) {
  if (!message.has_open()) {
    return InvalidField("REQUIRED", "open", "is missing: the first message opens the stream", "Send `open` first");
  }
  TRIBUTARY_ASSIGN_OR_RETURN(workspace_id_,
                             WorkspaceFor(call().principal, message.open().workspace_id(), "open.workspace_id"));
  if (deps_.directory->FindWorkspace(workspace_id_) == nullptr) {
    return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "open.workspace_id",
                      "there is no such workspace", "Leave it empty for the credential's own");
  }
  bulk_ = message.open().bulk();
  opened_ = true;
  OpenGauge().Add(1);
  v1::IngestStreamResponse answer;
  answer.mutable_opened()->set_batches(streams_.options_.window_batches);
  answer.mutable_opened()->set_bytes(streams_.options_.window_bytes);
  {
    const MutexLock lock(mutex_);
    reading_ = false;
    leaving_.push_back(0);
    Enqueue(std::move(answer));
  }
  Flush();
  return absl::OkStatus();
}

absl::Status IngestStreams::Stream::CheckBatch(const v1::IngestStreamRequest& message, int64_t bytes) const {
  if (!message.has_batch()) {
    return InvalidField("REQUIRED", "batch", "is missing: the stream is open", "Send batches, or open another stream");
  }
  if (message.batch().sequence() <= last_sequence_) {
    return InvalidField("OUT_OF_SEQUENCE", "batch.sequence", "is not higher than that of the batch before",
                        "Count the batches of a stream from 1");
  }
  TRIBUTARY_RETURN_IF_ERROR(CheckBounds(message.batch().events(), static_cast<size_t>(bytes)));
  // A stream may outlive the credential that it was opened with. A busy gate is no reason to end it.
  const absl::Status still = deps_.gate->Admit(*context_, rule_).status();
  return absl::IsResourceExhausted(still) || absl::IsUnavailable(still) ? absl::OkStatus() : still;
}

absl::Status IngestStreams::Stream::TakeBatch(rpc::Received<v1::IngestStreamRequest> message) {
  const auto bytes = static_cast<int64_t>(BytesOf(message->batch().events()));
  TRIBUTARY_RETURN_IF_ERROR(CheckBatch(*message, bytes));
  last_sequence_ = message->batch().sequence();
  {
    const MutexLock lock(mutex_);
    reading_ = false;
    if (draining_.has_value()) return absl::OkStatus();
    Pending& pending = in_flight_.emplace_back();
    pending.sequence = last_sequence_;
    pending.bytes = bytes;
    pending.unsettled = message->batch().events_size();
    pending.acknowledgement.mutable_results()->Reserve(pending.unsettled);
    for (int i = 0; i < pending.unsettled; ++i) pending.acknowledgement.add_results();
    held_bytes_ += bytes;
    waiting_ = true;
    ticket_ = 0;
  }
  auto incoming = std::make_shared<const Incoming>(
      Incoming{std::move(message), deps_.directory->FindWorkspace(workspace_id_), bytes});
  Submit(std::move(incoming), 0);
  return absl::OkStatus();
}

void IngestStreams::Stream::Submit(std::shared_ptr<const Incoming> incoming, int first) {
  const int size = incoming->batch().events_size();
  StreamAdmission::Batch slice{.workspace = incoming->workspace, .events = size - first, .bulk = bulk_};
  if (bulk_) slice.events = std::min<int64_t>(slice.events, streams_.options_.bulk_slice_events);
  slice.bytes = static_cast<size_t>(incoming->bytes * slice.events / size);
  const auto ticket = deps_.admission->Submit(slice, [self = Self(), incoming, slice, first](Ingestor::Room room) {
    self->TakeSlice(incoming, slice, first, std::move(room));
  });
  bool withdraw;
  {
    const MutexLock lock(mutex_);
    ticket_ = std::max(ticket_, ticket);           // the slices after it may have theirs already
    withdraw = waiting_ && draining_.has_value();  // Drain() did not know the ticket
  }
  if (withdraw) Withdraw(ticket);
}

void IngestStreams::Stream::TakeSlice(const std::shared_ptr<const Incoming>& incoming,
                                      const StreamAdmission::Batch& slice, int first, Ingestor::Room room) {
  v1::IngestStreamBatch& batch = incoming->batch();
  const auto events = static_cast<int>(slice.events);
  const auto begin = batch.mutable_events()->pointer_begin() + first;
  deps_.ingestor->IngestAdmitted(
      {std::move(room), incoming->workspace, call().principal.source_id, call().traceparent},
      std::vector(begin, begin + events),
      [self = Self(), slice, first, events, sequence = batch.sequence()](absl::StatusOr<v1::IngestResponse> result) {
        self->deps_.admission->Settled(slice);
        self->Settle(sequence, first, events, std::move(result));
      });
  const bool last = first + events == batch.events_size();
  bool draining;
  {
    // Only now, so that the next batch comes behind this one in the log.
    const MutexLock lock(mutex_);
    if (last) waiting_ = false;
    draining = draining_.has_value();
  }
  if (last) return ReadOn();
  if (draining) return Abandon();
  Submit(incoming, first + events);
}

void IngestStreams::Stream::Withdraw(StreamAdmission::Ticket ticket) {
  // If not, it is being admitted, and goes on from there.
  if (deps_.admission->Withdraw(ticket)) Abandon();
}

void IngestStreams::Stream::Abandon() {
  {
    const MutexLock lock(mutex_);
    waiting_ = false;
    if (!in_flight_.empty()) in_flight_.pop_back();
  }
  EndIfDrained();
}

void IngestStreams::Stream::Settle(int64_t sequence, int first, int events, absl::StatusOr<v1::IngestResponse> result) {
  bool whole;
  {
    const MutexLock lock(mutex_);
    for (Pending& pending : in_flight_) {
      if (pending.sequence != sequence) continue;
      pending.unsettled -= events;
      if (!result.ok()) {
        pending.status.Update(result.status());
        break;
      }
      for (int i = 0; i < events; ++i) {
        v1::IngestResult& one = *pending.acknowledgement.mutable_results(first + i);
        one.Swap(result->mutable_results(i));
        one.set_index(first + i);
      }
      if (first > pending.token_of && !result->token().empty()) {
        pending.token_of = first;
        pending.acknowledgement.set_token(std::move(*result->mutable_token()));
      }
      break;
    }
    whole = Acknowledge();
  }
  Flush();
  if (whole) return EndIfDrained();
  // One failed: those behind it are not acknowledged, though they may be durable.
  StreamAdmission::Ticket ticket = 0;
  {
    const MutexLock lock(mutex_);
    if (waiting_) ticket = ticket_;
  }
  if (ticket != 0) Withdraw(ticket);
  EndIfDrained();
}

bool IngestStreams::Stream::Acknowledge() {
  while (!in_flight_.empty()) {
    Pending& first = in_flight_.front();
    if (!first.status.ok()) {
      draining_ = first.status;
      in_flight_.clear();
      return false;
    }
    if (first.unsettled > 0) break;
    v1::IngestStreamResponse answer;
    first.acknowledgement.set_sequence(first.sequence);
    answer.mutable_acknowledged()->Swap(&first.acknowledgement);
    leaving_.push_back(first.bytes);
    Enqueue(std::move(answer));
    in_flight_.pop_front();
  }
  return true;
}

void IngestStreams::Stream::ReadOn() {
  {
    const MutexLock lock(mutex_);
    if (draining_.has_value() || half_closed_ || reading_ || waiting_) return;
    if (in_flight_.size() + leaving_.size() >= static_cast<size_t>(streams_.options_.window_batches)) return;
    if (held_bytes_ >= streams_.options_.window_bytes) return;
    reading_ = true;
  }
  Read();
}

void IngestStreams::Stream::Drain(absl::Status status) {
  StreamAdmission::Ticket ticket = 0;
  {
    const MutexLock lock(mutex_);
    if (draining_.has_value()) return;
    draining_ = std::move(status);
    if (waiting_) ticket = ticket_;
  }
  if (ticket != 0) Withdraw(ticket);
  EndIfDrained();
}

void IngestStreams::Stream::EndIfDrained() {
  absl::Status status;
  {
    const MutexLock lock(mutex_);
    if (!in_flight_.empty()) return;
    if (!draining_.has_value() && !half_closed_) return;
    status = draining_.value_or(absl::OkStatus());
  }
  End(std::move(status));
}

IngestStreams::IngestStreams(const Deps& deps, const Options& options) : deps_(deps), options_(options) {
  if (deps.metrics == nullptr) return;
  const std::string help = "Streams of events that are open";
  live_ = deps.metrics->GetGauge("tributary_ingest_streams", help, {{"mode", "live"}});
  bulk_ = deps.metrics->GetGauge("tributary_ingest_streams", help, {{"mode", "bulk"}});
}

IngestStreams::Reactor* IngestStreams::Open(grpc::CallbackServerContext* context, rpc::AccessRule rule) {
  std::shared_ptr<Stream> stream;
  {
    const MutexLock lock(mutex_);
    absl::Status refusal = stopping_                                 ? Stopping()
                           : streams_.size() >= options_.max_streams ? TooManyStreams(options_.max_streams)
                                                                     : absl::OkStatus();
    stream = std::make_shared<Stream>(this, context, rule, std::move(refusal));
    streams_.emplace(stream.get(), stream);
  }
  const std::shared_ptr<rpc::BidiStream<v1::IngestStreamRequest, v1::IngestStreamResponse>> base = stream;
  return rpc::Serve(*deps_.gate, context, rule, base);
}

void IngestStreams::Stop() {
  std::vector<std::shared_ptr<Stream>> open;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [key, weak] : streams_) {
      if (std::shared_ptr<Stream> stream = weak.lock()) open.push_back(std::move(stream));
    }
  }
  for (const std::shared_ptr<Stream>& stream : open) stream->Drain(Stopping());
}

}  // namespace tributary::ingestion
