// Deciding: facts into segments, segments into batches, batches into the log (rules 2 to 10).
#include <algorithm>

#include "src/task_impl.h"
#include "tributary/base/status.h"

namespace tributary::processor {
namespace {

constexpr size_t kPrefetchItems = 256;
constexpr size_t kMaxDecidedItems = 10'000;

events::v1::Cause FactCause(const Fact& fact) {
  events::v1::Cause cause;
  cause.set_fact(fact.offset.value());
  cause.set_index(fact.index);
  return cause;
}

}  // namespace

bool Task::Impl::CaughtUp() const { return feed_->AtEnd() && feed_->covering() == taken_covering_; }

absl::StatusOr<bool> Task::Impl::DecideSome() {
  if (feed_->end_seen() < Offset(0)) return false;
  bool worked = false;
  if (state_ != TaskState::kDeciding) {
    // The end of the log was seen and no recorded batch is left to follow.
    if (!feed_->AtEnd() && !feed_->Full()) return false;
    state_ = TaskState::kDeciding;
    relay_ = std::make_unique<Relay>(options_, deps_.log, deps_.processor->name(), deps_.clock, relayed_, last_batch_,
                                     [wake = wake_] { wake->Call(); });
    timers_changed_ = true;
    worked = true;  // the relay's first step is the next one
  }
  TRIBUTARY_RETURN_IF_ERROR(NoteDue());
  const bool room = static_cast<int32_t>(pending_.size()) < options_.max_pending_segments || HasOpen();
  if (room && !relay_->Congested()) {
    if (last_batch_.value() < 0 && pending_.empty()) OpenSegment();  // states the birth offset
    TRIBUTARY_ASSIGN_OR_RETURN(const bool commands, DecideCommands());
    TRIBUTARY_ASSIGN_OR_RETURN(const bool facts, DecideFacts());
    worked = worked || commands || facts;
    if (due_.has_value() && TakenBefore(due_->end)) {
      TRIBUTARY_ASSIGN_OR_RETURN(const bool timers, FireTimers(due_->as_of));
      TRIBUTARY_ASSIGN_OR_RETURN(const bool effects, DecideEffects());
      // What found no room waits for the next segment, not for later facts.
      if (!HasOpen() || !Full(open())) due_.reset();
      worked = worked || timers || effects;
    }
  }
  if (options_.faults.facts_committed_ahead && last_batch_.value() >= 0 && HasOpen() && pending_.size() == 1 &&
      open().covering > 0 && !open().HasContent()) {
    return CommitAhead();
  }
  // A full buffer whose facts are all taken gets room only by a commit.
  const bool stuck = feed_->Full() && feed_->covering() == taken_covering_;
  if (HasOpen() && (ShouldClose(open(), CaughtUp()) || (stuck && open().covering > 0))) {
    TRIBUTARY_RETURN_IF_ERROR(CloseOpen());
    worked = true;
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const bool sent, SendNext());
  return worked || sent;
}

absl::Status Task::Impl::NoteDue() {
  if (due_.has_value()) return absl::OkStatus();
  RefreshNextTimer();
  const absl::Time as_of = deps_.clock->Now();
  const bool effects = deps_.effects != nullptr && (effects_open_ || !ended_effects_.empty());
  if (next_timer_ > as_of && !effects) return absl::OkStatus();
  const absl::StatusOr<Offset> end = deps_.log->End(options_.partition);
  if (absl::IsUnavailable(end.status())) return absl::OkStatus();  // asked again at the next step
  TRIBUTARY_RETURN_IF_ERROR(end.status());
  due_ = {*end, as_of};
  return absl::OkStatus();
}

bool Task::Impl::TakenBefore(Offset end) const {
  if (feed_->read_position() < end) return false;
  const auto& items = feed_->items();
  for (size_t i = taken_; i < items.size() && items[i].offset < end; ++i) {
    if (items[i].fact || items[i].checkpoint) return false;
  }
  return true;
}

void Task::Impl::OpenSegment() {
  if (HasOpen()) {
    // Nothing was decided in it yet: its time is still open.
    if (!open().HasContent()) open().now = std::max(open().now, deps_.clock->Now());
    return;
  }
  PendingSegment segment;
  segment.counter = next_counter_++;
  // Rule 5.
  segment.now = std::max(deps_.clock->Now(), pending_.empty() ? decided_at_ : pending_.back().now);
  segment.through = pending_.empty() ? through_ : pending_.back().through;
  if (last_batch_.value() < 0 && pending_.empty()) birth_ = feed_->end_seen().value();
  pending_.push_back(std::move(segment));
  overlay_->Push();
}

bool Task::Impl::Full(const PendingSegment& segment) const {
  return segment.facts >= options_.max_facts_per_batch || segment.bytes >= options_.max_batch_bytes;
}

bool Task::Impl::ShouldClose(const PendingSegment& segment, bool caught_up) const {
  if (Full(segment) || segment.checkpoint) return true;
  if (last_batch_.value() < 0 && pending_.size() == 1) return caught_up;
  if (segment.HasContent()) return caught_up;
  // Rule 3: an empty batch when caught up and the last one is old enough. Without a covered fact there
  // is nothing to say.
  return segment.covering > 0 && caught_up && deps_.clock->Monotonic() - last_append_ >= options_.empty_batch_age;
}

absl::StatusOr<bool> Task::Impl::DecideFacts() {
  if (feed_->covering() == taken_covering_) return false;
  auto& items = feed_->items();
  // Items without a fact are processed when a later fact is, so that tips are stored as of T (rule 11).
  size_t last = taken_;
  for (size_t i = taken_; i < items.size() && items[i].offset < feed_->end_seen(); ++i) {
    if (i >= taken_ + kPrefetchItems && last > taken_) break;
    if (items[i].fact || items[i].checkpoint) last = i + 1;
  }
  if (last == taken_) return false;
  OpenSegment();
  PrefetchFrom(taken_);
  while (taken_ < last && !Full(open())) {
    Item& item = items[taken_];
    TRIBUTARY_RETURN_IF_ERROR(DecideItem(item));
    PendingSegment& segment = open();
    segment.through = item.offset;
    ++segment.items;
    ++taken_;
    if (item.fact || item.checkpoint) {
      ++segment.covering;
      ++taken_covering_;
    }
    if (item.checkpoint) segment.checkpoint = true;
  }
  return true;
}

void Task::Impl::PrefetchFrom(size_t first) {
  KeySet keys;
  auto& items = feed_->items();
  for (size_t i = first; i < items.size() && i < first + kPrefetchItems; ++i) {
    if (!items[i].fact) continue;
    for (const Fact& fact : FactsOf(items[i])) deps_.processor->Prefetch(fact, keys);
  }
  if (!keys.items().empty()) overlay_->Prefetch(keys);
}

absl::Status Task::Impl::DecideItem(Item& item) {
  StoreTips(item);
  if (!item.fact) return absl::OkStatus();
  PendingSegment& segment = open();
  ++segment.facts;
  ++counters_.facts;
  if (item.record != nullptr) segment.last_fact_appended_at = item.record->appended_at;
  for (const Fact& fact : FactsOf(item)) TRIBUTARY_RETURN_IF_ERROR(DecideFact(fact, item));
  item.facts.clear();  // decided; made anew if the segment is dropped
  return absl::OkStatus();
}

absl::Status Task::Impl::DecideFact(const Fact& fact, const Item& item) {
  const bool external = !fact.relayed || fact.redrive_of.has_value();
  if (fact.depth >= options_.max_depth) {
    return DeadLetter(fact, item, "DEPTH_EXCEEDED",
                      fmt::format("{} decisions led to this one: rules feed each other", fact.depth));
  }
  overlay_->Savepoint();
  const absl::Status applied = ApplyFact(fact);
  if (!applied.ok()) {
    if (!external || fact.index >= 0 || applied.code() != absl::StatusCode::kInvalidArgument) {
      return Annotate(applied, fmt::format("{} at {}", fact.type, fact.offset));
    }
    overlay_->Rollback();
    const auto detail = DetailOf(applied);
    return DeadLetter(fact, item, detail ? detail->reason : "MALFORMED", std::string(FromAbsl(applied.message())));
  }
  Decided decided = deps_.processor->Decide(fact, view(), open().now);
  return Record(std::move(decided), FactCause(fact), fact.depth, &item);
}

absl::Status Task::Impl::DeadLetter(const Fact& fact, const Item& item, std::string reason, std::string message) {
  ++counters_.dead_letters;
  events::v1::DeadLettered letter;
  letter.set_fact(fact.offset.value());
  letter.set_index(fact.index);
  letter.set_type(std::string(fact.type));
  letter.set_key(std::string(fact.key));
  letter.set_reason(reason);
  letter.set_message(std::move(message));
  if (fact.redrive_of.has_value()) {
    letter.set_has_redrive_of(true);
    letter.set_redrive_of(fact.redrive_of->value());
  }
  Decided decided;
  decided.decisions.push_back(Decision::Of(std::move(letter)));
  if (options_.dead_letter.has_value() && fact.index < 0) {
    decided.outputs.push_back({*options_.dead_letter, std::string(fact.type),
                               fmt::format("{}@{}", options_.partition.ToString(), fact.offset), FactPatch{},
                               std::move(reason)});
  }
  return Record(std::move(decided), FactCause(fact), 0, &item);
}

absl::Status Task::Impl::Record(Decided decided, const events::v1::Cause& cause, int32_t depth, const Item* item) {
  if (decided.decisions.size() > kMaxDecidedItems || decided.outputs.size() > kMaxDecidedItems) {
    return absl::InternalError("too much was decided at once: continue by timers");
  }
  depth = decided.depth.value_or(depth);
  PendingSegment& segment = open();
  for (const Decision& decision : decided.decisions) {
    TRIBUTARY_RETURN_IF_ERROR(RecordDecision(decision, cause, depth + 1));
  }
  for (Output& output : decided.outputs) {
    events::v1::Output* out = segment.batch->add_outputs();
    out->set_log(output.to.log);
    out->set_partition(output.to.partition.value());
    out->set_type(std::move(output.type));
    out->set_key(std::move(output.key));
    *out->mutable_cause() = cause;
    out->set_depth(output.forwards ? depth : depth + 1);
    if (auto* patch = std::get_if<FactPatch>(&output.value)) {
      if (item == nullptr || item->record == nullptr || item->batch != nullptr) {
        return absl::InternalError("an output patches a fact but no record is being decided");
      }
      out->set_has_fact(true);
      out->set_fact(item->offset.value());
      out->set_value(std::move(patch->patch));
      segment.patched.emplace(item->offset.value(), item->record);
    } else {
      out->set_value(std::move(std::get<std::string>(output.value)));
    }
    out->set_dead_letter_reason(std::move(output.dead_letter_reason));
    segment.bytes += out->ByteSizeLong() + 40;  // and its predecessor
  }
  return absl::OkStatus();
}

absl::Status Task::Impl::RecordDecision(const Decision& decision, const events::v1::Cause& cause, int32_t depth) {
  PendingSegment& segment = open();
  events::v1::Decision* out = segment.batch->add_decisions();
  out->set_type(decision.type.data(), decision.type.size());
  out->set_value(decision.value.Bytes());
  *out->mutable_cause() = cause;
  out->set_depth(depth);
  segment.bytes += out->ByteSizeLong() + 8;
  ++counters_.decisions;
  ApplyDecision(decision, segment.now);
  return absl::OkStatus();
}

absl::Status Task::Impl::CloseOpen() {
  PendingSegment& segment = open();
  events::v1::DecisionBatch& batch = *segment.batch;
  batch.set_processor(std::string(deps_.processor->name()));
  batch.set_incarnation(incarnation_);
  batch.set_counter(segment.counter);
  batch.set_through(segment.through.value());
  batch.set_decided_at_micros(absl::ToUnixMicros(segment.now));
  if (last_batch_.value() < 0 && pending_.size() == 1) batch.set_birth(birth_);
  PruneReplies(segment.now);
  segment.stage = PendingSegment::Stage::kClosed;
  if (!segment.HasContent()) ++counters_.empty_batches;
  ++counters_.batches;
  return absl::OkStatus();
}

void Task::Impl::FinishOutputs(PendingSegment& segment) {
  // Rule 16: the predecessor is recorded with the output. Earlier segments' offsets are known by now.
  std::map<PartitionRef, int32_t> in_batch;
  for (int32_t i = 0; i < segment.batch->outputs_size(); ++i) {
    events::v1::Output& output = *segment.batch->mutable_outputs(i);
    const PartitionRef target{output.log(), Partition(output.partition())};
    auto [earlier, first] = in_batch.try_emplace(target, i);
    output.set_previous_in_batch(!first);
    if (!first) {
      output.mutable_previous()->set_index(earlier->second);
      earlier->second = i;
    } else {
      auto before = sent_outbound_.find(target);
      ToProto(before == sent_outbound_.end() ? OutputPlace{} : before->second, output.mutable_previous());
    }
  }
}

absl::StatusOr<bool> Task::Impl::SendNext() {
  // Rule 7: a batch goes out when the one before it has an offset; the first follows the last commit.
  Offset previous = last_batch_;
  for (PendingSegment& segment : pending_) {
    switch (segment.stage) {
      case PendingSegment::Stage::kOpen:
      case PendingSegment::Stage::kSent:
        return false;
      case PendingSegment::Stage::kAcknowledged:
        // Sent more than once: which copy came first is known when it is read back.
        if (segment.sends > 1) return false;
        previous = segment.offset;
        break;
      case PendingSegment::Stage::kClosed: {
        if (segment.sends == 0) {
          segment.batch->set_previous(previous.value());
          ToProto(relayed_, segment.batch->mutable_relayed());
          FinishOutputs(segment);
          segment.record = BatchRecord(*segment.batch);
          if (segment.record.value.size() > eventlog::kMaxValueBytes) {
            return absl::InternalError("a batch is larger than a record may be: one input decided too much");
          }
        } else if (deps_.clock->Monotonic() < resend_at_) {
          return false;
        }
        if (producer_ == nullptr) {
          TRIBUTARY_ASSIGN_OR_RETURN(producer_, deps_.log->OpenProducer());
        }
        SendBytes(segment);
        return true;
      }
    }
  }
  return false;
}

void Task::Impl::SendBytes(PendingSegment& segment) {
  segment.stage = PendingSegment::Stage::kSent;
  ++segment.sends;
  last_append_ = deps_.clock->Monotonic();
  producer_->Append(
      options_.partition, segment.record,
      [inbox = inbox_, wake = wake_, counter = segment.counter, send = segment.sends](absl::StatusOr<Offset> result) {
        {
          std::lock_guard lock(inbox->mutex);
          inbox->appends.push_back({counter, send, std::move(result)});
        }
        wake->Call();
      });
}

absl::StatusOr<bool> Task::Impl::TakeAppendResults() {
  std::vector<AppendResult> results;
  {
    std::lock_guard lock(inbox_->mutex);
    results.swap(inbox_->appends);
    std::move(inbox_->effects.begin(), inbox_->effects.end(), std::back_inserter(ended_effects_));
    inbox_->effects.clear();
  }
  for (AppendResult& append : results) {
    auto segment = std::find_if(pending_.begin(), pending_.end(), [&](const PendingSegment& candidate) {
      return candidate.counter == append.counter && candidate.stage == PendingSegment::Stage::kSent &&
             candidate.sends == append.send;
    });
    if (segment == pending_.end()) continue;  // dropped or committed meanwhile
    if (append.result.ok()) {
      segment->stage = PendingSegment::Stage::kAcknowledged;
      segment->offset = *append.result;
      for (int32_t i = 0; i < segment->batch->outputs_size(); ++i) {
        const events::v1::Output& output = segment->batch->outputs(i);
        sent_outbound_[{output.log(), Partition(output.partition())}] = {segment->offset.value(), i};
      }
      if (options_.faults.commit_before_read_back && segment == pending_.begin()) {
        TRIBUTARY_RETURN_IF_ERROR(CommitOwn(segment->offset));
      }
    } else if (absl::IsInvalidArgument(append.result.status())) {
      return Annotate(append.result.status(), "a batch was refused by the log");
    } else {
      // Rule 10: the same bytes again, by a new session; whichever lands first counts.
      segment->stage = PendingSegment::Stage::kClosed;
      producer_.reset();
      resend_at_ = deps_.clock->Monotonic() + absl::Milliseconds(20);
    }
  }
  return !results.empty();
}

}  // namespace tributary::processor
