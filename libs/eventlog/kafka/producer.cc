#include "kafka/producer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kafka/codec.h"
#include "tributary/base/status.h"

namespace tributary::eventlog::kafka {
namespace {

// What an append takes in memory beside its record's bytes, here and in librdkafka.
constexpr size_t kAppendOverhead = 512;
// The thread is woken for all that concerns it; this is for a wake that was lost between two waits.
constexpr int kPollMs = 100;

// Set on the threads that run callbacks: they would wait for themselves.
thread_local bool runs_callbacks = false;

rd_kafka_vu_t TopicOf(const std::string& topic) {
  return {.vtype = RD_KAFKA_VTYPE_TOPIC, .u = {.cstr = topic.c_str()}};
}

rd_kafka_vu_t BytesOf(rd_kafka_vtype_t type, const std::string& bytes) {
  rd_kafka_vu_t field{.vtype = type, .u = {}};
  // librdkafka copies (RD_KAFKA_MSG_F_COPY) but its type is not const.
  field.u.mem.ptr = const_cast<char*>(bytes.data());
  field.u.mem.size = bytes.size();
  return field;
}

}  // namespace

bool Session::Begin(std::unique_ptr<PendingAppend> append, absl::Status refusal,
                    const std::function<absl::Status(PendingAppend*)>& send) {
  MutexLock lock(mutex_);  // held while it is handed on: the records land in the order of the calls
  ++pending_;
  Lane& lane = lanes_[append->partition];
  // What comes after a failure gets its error from TakeReady.
  if (refusal.ok() && lane.failure.ok()) refusal = send(append.get());
  const bool known = !refusal.ok() || !lane.failure.ok();
  if (known) append->result = refusal.ok() ? lane.failure : refusal;
  // At once: nothing may be sent to the partition after it.
  if (lane.failure.ok()) lane.failure = std::move(refusal);
  lane.waiting.push_back(std::move(append));
  return known;
}

void Session::SetResult(PendingAppend& append, absl::StatusOr<Offset> result) {
  MutexLock lock(mutex_);
  Lane& lane = lanes_[append.partition];
  if (!result.ok() && lane.failure.ok()) lane.failure = result.status();
  append.result = std::move(result);
}

std::vector<std::unique_ptr<PendingAppend>> Session::TakeReady() {
  std::vector<std::unique_ptr<PendingAppend>> ready;
  MutexLock lock(mutex_);
  for (auto& [partition, lane] : lanes_) {
    while (!lane.waiting.empty() && lane.waiting.front()->result.has_value()) {
      std::unique_ptr<PendingAppend> append = std::move(lane.waiting.front());
      lane.waiting.pop_front();
      if (lane.ended) {
        append->result =
            Annotate(absl::AbortedError(lane.failure.ToString()), "an earlier append of this session failed");
      }
      lane.ended = lane.ended || !append->result->ok();
      ready.push_back(std::move(append));
    }
  }
  return ready;
}

void Session::Finished(size_t count) {
  MutexLock lock(mutex_);
  pending_ -= count;
  if (pending_ == 0) idle_.notify_all();
}

void Session::Wait() {
  MutexLock lock(mutex_);
  idle_.wait(lock.native(), [this] { return pending_ == 0; });
}

absl::StatusOr<std::shared_ptr<ProducerConnection>> ProducerConnection::Open(const KafkaOptions& options, Waker& waker,
                                                                             std::shared_ptr<HealthState> health) {
  const int64_t delivery_ms = absl::ToInt64Milliseconds(options.delivery_timeout);
  // Its own bounds are beyond ours, which hold the caller back instead of failing the append.
  const Settings settings = {{"enable.idempotence", "true"},
                             {"acks", "all"},
                             {"message.timeout.ms", std::to_string(delivery_ms)},
                             {"request.timeout.ms", std::to_string(std::min<int64_t>(delivery_ms, 30'000))},
                             {"linger.ms", std::to_string(absl::ToInt64Milliseconds(options.linger))},
                             {"compression.type", "lz4"},
                             {"queue.buffering.max.messages", "10000000"},
                             {"queue.buffering.max.kbytes", "2097151"}};
  TRIBUTARY_ASSIGN_OR_RETURN(
      auto handle, Handle::Open(options, RD_KAFKA_PRODUCER, settings, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR));
  return std::shared_ptr<ProducerConnection>(
      new ProducerConnection(std::move(handle), waker, std::move(health), options.max_waiting_bytes));
}

ProducerConnection::ProducerConnection(std::unique_ptr<Handle> handle, Waker& waker,
                                       std::shared_ptr<HealthState> health, size_t max_waiting_bytes)
    : waker_(waker),
      health_(std::move(health)),
      max_waiting_bytes_(max_waiting_bytes),
      handle_(std::move(handle)),
      reports_(rd_kafka_queue_get_main(handle_->get())),
      thread_([this] { Run(); }) {}

ProducerConnection::~ProducerConnection() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  rd_kafka_queue_yield(reports_.get());
  thread_.join();
}

void ProducerConnection::Append(const std::shared_ptr<Session>& session, KafkaPartition* partition,
                                absl::Status refusal, Record record, AppendCallback done) {
  auto append = std::make_unique<PendingAppend>();
  append->session = session;
  append->partition = partition;
  append->done = std::move(done);
  append->bytes = kAppendOverhead + (refusal.ok() ? record.Size() : 0);
  {
    MutexLock lock(mutex_);
    if (!runs_callbacks) {
      room_.wait(lock.native(),
                 [&] { return waiting_bytes_ == 0 || waiting_bytes_ + append->bytes <= max_waiting_bytes_; });
    }
    waiting_bytes_ += append->bytes;
  }
  if (refusal.ok()) refusal = health_->Get();
  const bool known = session->Begin(std::move(append), std::move(refusal),
                                    [&](PendingAppend* pending) { return Send(*partition, record, pending); });
  if (!known) return;
  {
    MutexLock lock(mutex_);
    posted_.push_back(session);
  }
  rd_kafka_queue_yield(reports_.get());
}

absl::Status ProducerConnection::Send(const KafkaPartition& partition, const Record& record, PendingAppend* append) {
  Headers headers = EncodeHeaders(record);
  std::array<rd_kafka_vu_t, 7> fields{};
  fields[0] = TopicOf(partition.topic());
  fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  fields[1].u.i32 = partition.number();
  fields[2] = BytesOf(RD_KAFKA_VTYPE_KEY, record.key);
  fields[3] = BytesOf(RD_KAFKA_VTYPE_VALUE, record.value);
  fields[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  fields[4].u.headers = headers.get();
  fields[5].vtype = RD_KAFKA_VTYPE_OPAQUE;
  fields[5].u.ptr = append;
  fields[6].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  fields[6].u.i = RD_KAFKA_MSG_F_COPY;
  rd_kafka_error_t* const error = rd_kafka_produceva(handle_->get(), fields.data(), fields.size());
  if (error == nullptr) {
    headers.release();  // the message's now
    return absl::OkStatus();
  }
  const absl::Status status =
      absl::UnavailableError(fmt::format("{}: {}", partition.ref().ToString(), rd_kafka_error_string(error)));
  rd_kafka_error_destroy(error);
  return status;
}

void ProducerConnection::Run() {
  runs_callbacks = true;
  while (true) {
    const Event event(rd_kafka_queue_poll(reports_.get(), kPollMs));
    std::vector<std::shared_ptr<Session>> sessions;
    {
      MutexLock lock(mutex_);
      sessions.swap(posted_);
      if (event == nullptr && sessions.empty() && stopping_) return;
    }
    switch (rd_kafka_event_type(event.get())) {
      case RD_KAFKA_EVENT_DR:
        Deliver(event.get(), sessions);
        break;
      case RD_KAFKA_EVENT_ERROR:
        NoteError(event.get());
        break;
      default:
        break;
    }
    std::sort(sessions.begin(), sessions.end());
    sessions.erase(std::unique(sessions.begin(), sessions.end()), sessions.end());
    for (const std::shared_ptr<Session>& session : sessions) CallBack(*session);
  }
}

void ProducerConnection::Deliver(rd_kafka_event_t* event, std::vector<std::shared_ptr<Session>>& sessions) {
  std::vector<KafkaPartition*> grown;
  while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
    auto& append = *static_cast<PendingAppend*>(message->_private);
    if (sessions.empty() || sessions.back() != append.session) sessions.push_back(append.session);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      append.session->SetResult(append, UnavailableFrom(append.partition->ref().ToString(), message->err));
      continue;
    }
    const Offset offset(message->offset);
    append.partition->SawEnd(Next(offset));
    if (grown.empty() || grown.back() != append.partition) grown.push_back(append.partition);
    append.session->SetResult(append, offset);
  }
  for (KafkaPartition* partition : grown) waker_.Wake(*partition);
}

void ProducerConnection::NoteError(rd_kafka_event_t* event) {
  if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR__FATAL) return;  // it goes on trying by itself
  std::array<char, 512> reason{};
  const rd_kafka_resp_err_t error = rd_kafka_fatal_error(handle_->get(), reason.data(), reason.size());
  health_->Fail(absl::UnavailableError(
      fmt::format("fatal error of the producer: {}: {}", rd_kafka_err2name(error), reason.data())));
}

void ProducerConnection::CallBack(Session& session) {
  std::vector<std::unique_ptr<PendingAppend>> ready = session.TakeReady();
  size_t bytes = 0;
  for (const std::unique_ptr<PendingAppend>& append : ready) {
    bytes += append->bytes;
    if (append->done) append->done(*std::move(append->result));
    append->done = nullptr;  // before the session may end: what the callback holds goes first
  }
  {
    MutexLock lock(mutex_);
    waiting_bytes_ -= bytes;
  }
  room_.notify_all();
  session.Finished(ready.size());
}

void KafkaProducer::Append(const PartitionRef& target, Record record, AppendCallback done) {
  absl::StatusOr<KafkaPartition*> partition = FindPartition(partitions_, target);
  absl::Status refusal = partition.ok() ? Validate(record) : partition.status();
  connection_->Append(session_, partition.ok() ? *partition : nullptr, std::move(refusal), std::move(record),
                      std::move(done));
}

}  // namespace tributary::eventlog::kafka
