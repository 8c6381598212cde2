// What the log says: recorded batches are applied, one's own are committed (rules 8, 9, 11 to 15).
#include <algorithm>

#include "src/task_impl.h"
#include "tributary/base/status.h"
#include "xxhash.h"

namespace tributary::processor {
namespace {

constexpr int kRepliesPrunedPerBatch = 64;
constexpr size_t kItemsPerPrefetch = 512;

}  // namespace

const std::vector<Fact>& Task::Impl::FactsOf(Item& item) const {
  std::vector<Fact>& facts = item.facts;
  // The birth that an own first batch would have stated may give way to another's.
  for (Fact& fact : facts) fact.historical = item.offset.value() < birth_;
  if (!facts.empty()) return facts;
  if (item.batch == nullptr) {
    Fact fact;
    fact.offset = item.offset;
    fact.type = item.record->record.type;
    fact.key = item.record->record.key;
    fact.value = Payload(item.record->record.value);
    fact.appended_at = item.record->appended_at;
    fact.depth = item.depth;
    fact.historical = item.offset.value() < birth_;
    fact.relayed = item.relayed;
    fact.redrive_of = item.redrive_of;
    facts.push_back(std::move(fact));
    return facts;
  }
  for (int32_t i = 0; i < item.batch->decisions_size(); ++i) {
    const events::v1::Decision& decision = item.batch->decisions(i);
    if (deps_.processor->Handles(decision.type()) != Handling::kApplied) continue;
    Fact fact;
    fact.offset = item.offset;
    fact.index = i;
    fact.type = decision.type();
    fact.key = item.record->record.key;
    fact.value = Payload(decision.value());
    fact.appended_at = item.record->appended_at;
    fact.depth = decision.depth();
    fact.historical = item.offset.value() < birth_;
    fact.relayed = true;
    facts.push_back(std::move(fact));
  }
  return facts;
}

void Task::Impl::StoreTips(const Item& item) {
  if (item.chain.empty() && item.source.empty()) return;
  Writer<Kind::kFacts> out = writer<Kind::kFacts>();
  if (!item.chain.empty()) {
    storage::v1::ChainTip tip;
    tip.set_offset(item.offset.value());
    out.Put(kChainTips, {item.chain}, std::move(tip));
  }
  if (!item.source.empty()) {
    storage::v1::OriginTip tip;
    ToProto(item.place, tip.mutable_position());
    out.Put(kOriginTips, {item.source}, std::move(tip));
  }
  overlay_->TakeChanges();  // the library's own rows are nobody's business
}

absl::Status Task::Impl::ApplyFact(const Fact& fact) {
  Writer<Kind::kFacts> out = writer<Kind::kFacts>();
  TRIBUTARY_RETURN_IF_ERROR(deps_.processor->ApplyFact(fact, facts_view(), out));
  Derive();
  return absl::OkStatus();
}

void Task::Impl::ApplyDecision(const Decision& decision, absl::Time now) {
  if (ApplyInternal(decision, now)) {
    overlay_->TakeChanges();
    return;
  }
  Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
  deps_.processor->ApplyDecision(decision, decisions_view(), out);
  Derive();
}

void Task::Impl::Derive() {
  const Changes changes = overlay_->TakeChanges();
  if (changes.empty()) return;
  Writer<Kind::kCaches> out = writer<Kind::kCaches>();
  deps_.processor->Derive(changes, view(), out);
}

absl::StatusOr<bool> Task::Impl::TakeOwnBatch() {
  if (following_.has_value()) return Follow();
  const OwnBatch& own = feed_->batches().front();
  // Rule 8: recognised by incarnation and counter, never by name or by place.
  const bool mine = !pending_.empty() && own.incarnation == incarnation_ && own.counter == pending_.front().counter;
  if (mine) {
    TRIBUTARY_RETURN_IF_ERROR(CommitOwn(own.offset));
    return true;
  }
  if (options_.faults.commit_before_read_back && own.offset <= last_batch_) {
    feed_->batches().pop_front();
    return true;
  }
  if (options_.faults.keep_pending_on_foreign_batch && !pending_.empty()) {
    last_batch_ = own.offset;
    feed_->batches().pop_front();
    for (PendingSegment& segment : pending_) {
      if (segment.stage != PendingSegment::Stage::kOpen) segment.stage = PendingSegment::Stage::kClosed;
      segment.sends = 0;
    }
    return true;
  }
  // Rule 9: somebody else's, or one of an earlier life: all that is pending is dropped.
  DropPending();
  Following following;
  following.own = own;
  following.batch = std::make_shared<events::v1::DecisionBatch>();
  if (!following.batch->ParseFromString(own.record->record.value)) {
    return absl::DataLossError("a decision batch does not parse");
  }
  for (const events::v1::Decision& decision : following.batch->decisions()) {
    if (decision.type() != RecordType<events::v1::DeadLettered>()) continue;
    events::v1::DeadLettered letter;
    if (!letter.ParseFromString(decision.value())) return absl::DataLossError("a dead letter does not parse");
    following.dead[{letter.fact(), letter.index()}] = true;
  }
  if (last_batch_.value() < 0) birth_ = following.batch->birth();
  feed_->batches().pop_front();
  following_ = std::move(following);
  state_ = state_ == TaskState::kDeciding ? state_ : TaskState::kFollowing;
  overlay_->Push();
  ++counters_.foreign_batches;
  return Follow();
}

absl::StatusOr<bool> Task::Impl::Follow() {
  Following& following = *following_;
  const events::v1::DecisionBatch& batch = *following.batch;
  const absl::Time decided_at = absl::FromUnixMicros(batch.decided_at_micros());
  // As it was when it was decided: each fact before what was decided of it.
  while (following.next_decision < batch.decisions_size()) {
    const events::v1::Decision& recorded = batch.decisions(following.next_decision);
    if (recorded.cause().kind_case() == events::v1::Cause::kFact) {
      TRIBUTARY_RETURN_IF_ERROR(FollowFactsThrough(Offset(recorded.cause().fact())));
      if (feed_->read_position().value() <= recorded.cause().fact()) return true;  // more is to be read first
    }
    Decision decision{recorded.type(), Payload(recorded.value())};
    ApplyDecision(decision, decided_at);
    ++following.next_decision;
  }
  TRIBUTARY_RETURN_IF_ERROR(FollowFactsThrough(Offset(batch.through())));
  if (feed_->read_position().value() <= batch.through()) return true;
  for (const events::v1::Reply& reply : batch.replies()) {
    storage::v1::ReplyRow row;
    *row.mutable_reply() = reply;
    row.set_decided_at_micros(batch.decided_at_micros());
    Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
    out.Put(kReplies, {reply.request_id()}, row);
    out.Put(kRepliesByTime, {batch.decided_at_micros(), reply.request_id()}, {});
  }
  PruneReplies(decided_at);
  overlay_->TakeChanges();
  fingerprint_ = XXH3_64bits(following.own.record->record.value.data(), following.own.record->record.value.size());
  const std::shared_ptr<const events::v1::DecisionBatch> shared = following.batch;
  const Offset offset = following.own.offset;
  const absl::Time appended = following.last_fact_appended_at;
  following_.reset();
  const Offset previous = last_batch_;
  TRIBUTARY_RETURN_IF_ERROR(Commit(*shared, offset, appended));
  if (relay_ != nullptr) relay_->Committed(offset, previous, shared, {}, false);
  CallClaimed(*shared, false);
  return true;
}

void Task::Impl::PrefetchFollowing() {
  auto& items = feed_->items();
  KeySet keys;
  for (size_t i = 0; i < items.size() && i < kItemsPerPrefetch; ++i) {
    if (items[i].offset.value() > following_->batch->through()) break;
    following_->prefetched = items[i].offset;
    if (!items[i].fact) continue;
    for (const Fact& fact : FactsOf(items[i])) deps_.processor->Prefetch(fact, keys);
  }
  if (!keys.items().empty()) overlay_->Prefetch(keys);
}

absl::Status Task::Impl::FollowFactsThrough(Offset through) {
  auto& items = feed_->items();
  while (!items.empty() && items.front().offset <= through) {
    if (items.front().offset > following_->prefetched) PrefetchFollowing();
    TRIBUTARY_RETURN_IF_ERROR(ApplyItem(items.front()));
    feed_->PopFront();
  }
  return absl::OkStatus();
}

absl::Status Task::Impl::ApplyItem(Item& item) {
  StoreTips(item);
  if (!item.fact) return absl::OkStatus();
  ++counters_.facts;
  if (item.record != nullptr) following_->last_fact_appended_at = item.record->appended_at;
  for (const Fact& fact : FactsOf(item)) {
    // Rule 14: what its batch dead-letters is not applied.
    if (following_->dead.contains({fact.offset.value(), fact.index})) continue;
    TRIBUTARY_RETURN_IF_ERROR(Annotate(ApplyFact(fact), fmt::format("{} at {}", fact.type, fact.offset)));
  }
  return absl::OkStatus();
}

void Task::Impl::DropPending() {
  taken_ = 0;
  taken_covering_ = 0;
  std::vector<WaitingCommand> again;
  for (PendingSegment& segment : pending_) {
    std::move(segment.commands.begin(), segment.commands.end(), std::back_inserter(again));
    // A claim that never was is made anew; an outcome is known all the same.
    for (const std::string& effect_id : segment.claims) in_flight_effects_.erase(effect_id);
    std::move(segment.outcomes.begin(), segment.outcomes.end(), std::back_inserter(ended_effects_));
  }
  pending_.clear();
  overlay_->DropAll();
  sent_outbound_ = outbound_;
  timers_changed_ = true;
  due_.reset();
  effects_open_ = true;
  // Their decisions are gone with the batch; nobody was answered.
  std::lock_guard lock(mutex_);
  for (auto waiting = again.rbegin(); waiting != again.rend(); ++waiting) commands_.push_front(std::move(*waiting));
}

absl::Status Task::Impl::CommitOwn(Offset offset) {
  PendingSegment segment = std::move(pending_.front());
  pending_.pop_front();
  const bool read_back = !feed_->batches().empty() && feed_->batches().front().offset == offset;
  if (read_back) {
    const eventlog::RecordPtr& record = feed_->batches().front().record;
    fingerprint_ = XXH3_64bits(record->record.value.data(), record->record.value.size());
    feed_->batches().pop_front();
  }
  for (int64_t i = 0; i < segment.items; ++i) feed_->PopFront();
  taken_ -= static_cast<size_t>(segment.items);
  taken_covering_ -= segment.covering;
  const Offset previous = last_batch_;
  if (segment.stage != PendingSegment::Stage::kAcknowledged || segment.offset != offset) {
    // Read back before the acknowledgement came, or it was that of a later copy.
    for (int32_t i = 0; i < segment.batch->outputs_size(); ++i) {
      const events::v1::Output& output = segment.batch->outputs(i);
      sent_outbound_[{output.log(), Partition(output.partition())}] = {offset.value(), i};
    }
  }
  TRIBUTARY_RETURN_IF_ERROR(Commit(*segment.batch, offset, segment.last_fact_appended_at));
  if (relay_ != nullptr) relay_->Committed(offset, previous, segment.batch, std::move(segment.patched), true);
  ReleaseReplies(segment);
  CallClaimed(*segment.batch, true);
  return absl::OkStatus();
}

absl::Status Task::Impl::Commit(const events::v1::DecisionBatch& batch, Offset offset,
                                absl::Time last_fact_appended_at) {
  // A read that failed must have no consequences.
  TRIBUTARY_RETURN_IF_ERROR(overlay_->reader().status());
  const absl::Duration start = deps_.clock->Monotonic();
  last_batch_ = offset;
  through_ = std::max(through_, Offset(batch.through()));
  decided_at_ = std::max(decided_at_, absl::FromUnixMicros(batch.decided_at_micros()));
  relayed_ = std::max(relayed_, FromProto(batch.relayed()));
  if (last_fact_appended_at > last_fact_appended_at_) last_fact_appended_at_ = last_fact_appended_at;
  for (int32_t i = 0; i < batch.outputs_size(); ++i) {
    const events::v1::Output& output = batch.outputs(i);
    outbound_[{output.log(), Partition(output.partition())}] = {offset.value(), i};
  }
  if (pending_.empty()) sent_outbound_ = outbound_;
  storage::v1::TaskPosition position;
  position.set_log_id(deps_.log->id());
  position.set_last_batch(last_batch_.value());
  position.set_through(through_.value());
  position.set_decided_at_micros(absl::ToUnixMicros(decided_at_));
  position.set_birth(birth_);
  ToProto(relayed_, position.mutable_relayed());
  position.set_fingerprint(fingerprint_);
  position.set_processor(std::string(deps_.processor->name()));
  position.set_format(deps_.processor->format());
  for (const auto& [target, place] : outbound_) {
    storage::v1::OutboundTip* tip = position.add_outbound();
    tip->set_log(target.log);
    tip->set_partition(target.partition.value());
    ToProto(place, tip->mutable_position());
  }
  TRIBUTARY_RETURN_IF_ERROR(overlay_->CommitBottom(kPositionMeta, position.SerializeAsString()));
  // A standby's would be taken for the decider's.
  if (!options_.standby) {
    deps_.log->ReportPosition(deps_.processor->name(), options_.partition, Next(std::max(through_, last_batch_)));
  }
  ++counters_.commits;
  counters_.commit_time += deps_.clock->Monotonic() - start;
  metrics_.commit_seconds.Observe(deps_.clock->Monotonic() - start);
  return absl::OkStatus();
}

// Only as a planted fault (C1, C2).
absl::StatusOr<bool> Task::Impl::CommitAhead() {
  PendingSegment segment = std::move(pending_.front());
  pending_.pop_front();
  for (int64_t i = 0; i < segment.items; ++i) feed_->PopFront();
  taken_ = 0;
  taken_covering_ = 0;
  events::v1::DecisionBatch batch;
  batch.set_through(segment.through.value());
  ToProto(relayed_, batch.mutable_relayed());
  TRIBUTARY_RETURN_IF_ERROR(Commit(batch, last_batch_, segment.last_fact_appended_at));
  return true;
}

void Task::Impl::PruneReplies(absl::Time now) {
  // Bounded and a function of the batch alone, so that every reader prunes the same.
  const int64_t before = absl::ToUnixMicros(now - kReplyRetention);
  std::vector<std::pair<int64_t, std::string>> old;
  view().Scan(kRepliesByTime, std::tuple<>(), [&](const auto& key, const auto&) {
    if (std::get<0>(key) >= before || old.size() >= kRepliesPrunedPerBatch) return false;
    old.emplace_back(std::get<0>(key), std::get<1>(key));
    return true;
  });
  if (old.empty()) return;
  Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
  for (const auto& [time, request_id] : old) {
    out.Delete(kRepliesByTime, {time, request_id});
    out.Delete(kReplies, {request_id});
  }
  overlay_->TakeChanges();
}

}  // namespace tributary::processor
