#include "src/relay.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "src/feed.h"
#include "tributary/base/status.h"

namespace tributary::processor {

Relay::Relay(const TaskOptions& options, eventlog::EventLog* log, std::string_view processor, const Clock* clock,
             OutputPlace relayed, Offset committed, std::function<void()> wake)
    : options_(options),
      log_(log),
      processor_(processor),
      source_(SourceName(processor, options.partition)),
      clock_(clock),
      wake_(std::move(wake)),
      relayed_(relayed),
      committed_(committed) {
  if (relayed_.batch >= 0) first_ = Offset(relayed_.batch);
}

Relay::~Relay() = default;

void Relay::Committed(Offset offset, Offset previous, std::shared_ptr<const events::v1::DecisionBatch> batch,
                      FactRecords facts, bool own) {
  committed_ = offset;
  if (options_.faults.relay_only_own && !own) {
    enqueued_ = offset;
    first_.reset();
    return;
  }
  // What does not follow at once, or finds no room, is read from the log when its turn comes.
  if (first_.has_value() || enqueued_ != previous || Congested()) return;
  if (Enqueue(offset, *batch, std::move(facts)).ok()) enqueued_ = offset;
}

bool Relay::Idle() const { return enqueued_ == committed_ && queue_.empty() && in_flight_.empty(); }

bool Relay::RelayedThrough(Offset batch) const {
  const Waiting* first = !in_flight_.empty() ? &in_flight_.front() : !queue_.empty() ? &queue_.front() : nullptr;
  return first != nullptr ? first->place.batch > batch.value() : enqueued_ >= std::min(batch, committed_);
}

std::optional<absl::Duration> Relay::RetryAt() const {
  if (unreachable_) return clock_->Monotonic() + kUnreachablePause;
  if (failures_ == 0 || queue_.empty()) return std::nullopt;
  return retry_at_;
}

absl::StatusOr<bool> Relay::Step() {
  unreachable_ = false;
  bool worked = TakeCompletions();
  if (!refused_.ok()) return Annotate(refused_, "an output was refused by the log");
  if (enqueued_ < committed_ && !Congested()) {
    const absl::StatusOr<bool> scanned = ScanLog();
    unreachable_ = absl::IsUnavailable(scanned.status());
    if (unreachable_) {
      scan_reader_.reset();  // it may have passed what was not taken
      return worked;
    }
    TRIBUTARY_RETURN_IF_ERROR(scanned.status());
    worked = worked || *scanned;
  }
  if (Idle()) {
    // Batches without outputs move the position too, or every start would read them again.
    first_.reset();
    relayed_ = std::max(relayed_, OutputPlace{enqueued_.value(), std::numeric_limits<int32_t>::max()});
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const bool sent, Send());
  return worked || sent;
}

absl::StatusOr<bool> Relay::ScanLog() {
  const Offset from = first_.value_or(Next(enqueued_));
  if (scan_reader_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(scan_reader_, log_->OpenReader(options_.partition, from));
  }
  if (scan_reader_->position() < from) scan_reader_->Seek(from);
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, scan_reader_->Poll({.max_records = 256}));
  for (const eventlog::RecordPtr& record : result.records) {
    if (record->offset > committed_) break;
    TRIBUTARY_ASSIGN_OR_RETURN(const RecordInfo info, ReadHeaders(record->record));
    if (!info.batch.has_value() || info.batch->processor != processor_) continue;
    // From the batch at the relay position, which is valid, the chain tells (rule 1).
    if (first_.has_value() ? record->offset != *first_ : info.batch->previous != enqueued_) continue;
    events::v1::DecisionBatch batch;
    if (!batch.ParseFromString(record->record.value)) return absl::DataLossError("a decision batch does not parse");
    TRIBUTARY_RETURN_IF_ERROR(Enqueue(record->offset, batch, {}));
    enqueued_ = record->offset;
    first_.reset();
    if (Congested()) break;
  }
  if (enqueued_ == committed_ || Congested()) scan_reader_->Seek(Next(enqueued_));
  return !result.records.empty();
}

absl::Status Relay::Enqueue(Offset offset, const events::v1::DecisionBatch& batch, FactRecords facts) {
  std::deque<Waiting> outputs;
  size_t bytes = 0;
  for (int32_t i = 0; i < batch.outputs_size(); ++i) {
    const OutputPlace place{offset.value(), i};
    if (place <= relayed_) continue;
    const events::v1::Output& output = batch.outputs(i);
    std::string_view fact_value;
    eventlog::RecordPtr fact;
    if (output.has_fact()) {
      auto known = facts.find(output.fact());
      if (known != facts.end()) {
        fact = known->second;
      } else {
        TRIBUTARY_ASSIGN_OR_RETURN(fact, ReadFact(Offset(output.fact())));
      }
      fact_value = fact->record.value;
    }
    Waiting waiting;
    waiting.place = place;
    waiting.target = {output.log(), Partition(output.partition())};
    waiting.record = RelayRecord(output, source_, place, fact_value);
    waiting.bytes = waiting.record.Size();
    bytes += waiting.bytes;
    outputs.push_back(std::move(waiting));
  }
  queued_bytes_ += bytes;
  std::move(outputs.begin(), outputs.end(), std::back_inserter(queue_));
  return absl::OkStatus();
}

absl::StatusOr<eventlog::RecordPtr> Relay::ReadFact(Offset offset) {
  if (fact_reader_ == nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(fact_reader_, log_->OpenReader(options_.partition, offset));
  }
  if (fact_reader_->position() != offset) fact_reader_->Seek(offset);
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, fact_reader_->Poll({.max_records = 1}));
  if (result.records.empty() || result.records[0]->offset != offset) {
    return absl::DataLossError(fmt::format("the fact at {} that an output names is not in the log", offset));
  }
  return result.records[0];
}

bool Relay::TakeCompletions() {
  std::vector<Completion> completions;
  {
    std::lock_guard lock(inbox_->mutex);
    completions.swap(inbox_->completions);
  }
  bool failed = false;
  for (const Completion& completion : completions) {
    if (completion.session != session_ || completion.sequence < first_sequence_)
      continue;  // an older session (rule 19)
    if (!completion.status.ok()) {
      failed = true;
      if (absl::IsInvalidArgument(completion.status) || absl::IsNotFound(completion.status))
        refused_ = completion.status;
    } else {
      in_flight_[completion.sequence - first_sequence_].acknowledged = true;
    }
    if (options_.faults.position_as_highest_ack && completion.status.ok()) {
      for (uint64_t i = first_sequence_; i <= completion.sequence; ++i)
        in_flight_[i - first_sequence_].acknowledged = true;
    }
    while (!in_flight_.empty() && in_flight_.front().acknowledged) {
      relayed_ = std::max(relayed_, in_flight_.front().place);
      queued_bytes_ -= in_flight_.front().bytes;
      in_flight_.pop_front();
      ++first_sequence_;
      ++acknowledged_;
      failures_ = 0;
    }
  }
  if (failed) NewSession();
  return !completions.empty();
}

void Relay::NewSession() {
  // Everything from the first that was not acknowledged, acknowledged or not (rule 19).
  while (!in_flight_.empty()) {
    in_flight_.back().acknowledged = false;
    queue_.push_front(std::move(in_flight_.back()));
    in_flight_.pop_back();
  }
  producer_.reset();
  ++session_;
  first_sequence_ = next_sequence_ = 0;
  failures_ = std::min(failures_ + 1, 10);
  retry_at_ = clock_->Monotonic() + std::min(absl::Milliseconds(5) * (1 << failures_), absl::Seconds(2));
}

absl::StatusOr<bool> Relay::Send() {
  if (queue_.empty()) return false;
  if (producer_ == nullptr) {
    if (failures_ > 0 && clock_->Monotonic() < retry_at_) return false;
    TRIBUTARY_ASSIGN_OR_RETURN(producer_, log_->OpenProducer());
  }
  bool sent = false;
  while (!queue_.empty() && in_flight_.size() < kMaxInFlight) {
    in_flight_.push_back(std::move(queue_.front()));
    queue_.pop_front();
    const uint64_t sequence = next_sequence_++;
    const Waiting& waiting = in_flight_.back();
    producer_->Append(waiting.target, waiting.record,
                      [inbox = inbox_, session = session_, sequence, wake = wake_](absl::StatusOr<Offset> result) {
                        {
                          std::lock_guard lock(inbox->mutex);
                          inbox->completions.push_back({session, sequence, result.status()});
                        }
                        wake();
                      });
    sent = true;
  }
  return sent;
}

}  // namespace tributary::processor
