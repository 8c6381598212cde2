// What does not come from the log: commands, timers, effects (rules 12 and 21; DESIGN sections 5 to 7).
#include <algorithm>

#include "src/task_impl.h"
#include "tributary/base/status.h"
#include "tributary/processor/dead_letters.h"
#include "xxhash.h"

namespace tributary::processor {
namespace {

std::string DigestOf(const Command& command) {
  const std::string text = fmt::format("{}:{}{}", command.type.size(), command.type, command.body);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

constexpr std::string_view kRedrive = "redrive";

events::v1::EffectEnded::Status ToProto(EffectStatus status) {
  switch (status) {
    case EffectStatus::kDelivered:
      return events::v1::EffectEnded::STATUS_DELIVERED;
    case EffectStatus::kFailed:
      return events::v1::EffectEnded::STATUS_FAILED;
    case EffectStatus::kUnknown:
      return events::v1::EffectEnded::STATUS_UNKNOWN;
    case EffectStatus::kWithheld:
      return events::v1::EffectEnded::STATUS_WITHHELD;
  }
  return events::v1::EffectEnded::STATUS_UNSPECIFIED;
}

}  // namespace

Decision ArmTimer(std::string key, std::string id, absl::Time due, std::string payload) {
  events::v1::TimerArmed armed;
  armed.set_key(std::move(key));
  armed.set_id(std::move(id));
  armed.set_due_micros(absl::ToUnixMicros(due));
  armed.set_payload(std::move(payload));
  return Decision::Of(std::move(armed));
}

Decision CancelTimer(std::string key, std::string id) {
  events::v1::TimerCancelled cancelled;
  cancelled.set_key(std::move(key));
  cancelled.set_id(std::move(id));
  return Decision::Of(std::move(cancelled));
}

Decision RequestEffect(std::string effect_id, std::string channel, std::string payload) {
  events::v1::EffectRequested requested;
  requested.set_effect_id(std::move(effect_id));
  requested.set_channel(std::move(channel));
  requested.set_payload(std::move(payload));
  return Decision::Of(std::move(requested));
}

Command RedriveCommand(std::string request_id, Offset offset) {
  events::v1::Redriven redriven;
  redriven.set_fact(offset.value());
  return {std::move(request_id), std::string(kRedrive), redriven.SerializeAsString()};
}

void ForEachDeadLetter(projection::Snapshot& snapshot, const std::function<bool(const DeadLetterInfo&)>& visit) {
  snapshot.view().Scan(kDeadLetters, std::tuple<>(), [&](const auto& key, const auto& row) {
    return visit(
        {Offset(std::get<0>(key)), std::get<1>(key), row->type(), row->reason(), row->message(), row->redriven()});
  });
}

// --- Commands

absl::Status Task::Impl::QueueCommand(Command& command, ReplyFn& done) {
  if (options_.standby) return absl::UnavailableError("this instance stands by and decides nothing");
  if (command.request_id.empty() || command.request_id.size() > 128) {
    return InvalidField("INVALID_REQUEST_ID", "request_id", "must be 1 to 128 bytes", "Use a UUID");
  }
  std::string digest = DigestOf(command);
  std::lock_guard lock(mutex_);
  if (status_.state == TaskState::kHalted || status_.state == TaskState::kStopped) {
    return absl::UnavailableError("the partition has halted");
  }
  if (commands_.size() >= options_.max_waiting_commands) {
    return absl::ResourceExhaustedError("too many commands wait for this partition");
  }
  WaitingCommand waiting{std::move(command), digest, {}};
  waiting.waiters.emplace_back(std::move(digest), std::move(done));
  commands_.push_back(std::move(waiting));
  quiet_ = false;
  return absl::OkStatus();
}

void Task::Impl::Submit(Command command, ReplyFn done) {
  const absl::Status refused = QueueCommand(command, done);
  if (!refused.ok()) return done(refused);
  wake_->Call();
}

void Task::Impl::RefuseCommands(const absl::Status& why) {
  std::deque<WaitingCommand> commands;
  {
    std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (WaitingCommand& waiting : commands) {
    for (auto& [digest, done] : waiting.waiters) done(why);
  }
}

absl::StatusOr<bool> Task::Impl::DecideCommands() {
  std::deque<WaitingCommand> commands;
  {
    std::lock_guard lock(mutex_);
    for (int32_t i = 0; i < options_.max_inputs_per_step && !commands_.empty(); ++i) {
      commands.push_back(std::move(commands_.front()));
      commands_.pop_front();
    }
  }
  const bool worked = !commands.empty();
  absl::Status decided;
  while (!commands.empty()) {
    OpenSegment();
    if (Full(open())) break;
    decided = DecideCommand(commands.front());
    if (!decided.ok()) break;
    commands.pop_front();
  }
  {
    std::lock_guard lock(mutex_);
    while (!commands.empty()) {
      commands_.push_front(std::move(commands.back()));
      commands.pop_back();
    }
  }
  TRIBUTARY_RETURN_IF_ERROR(decided);  // who waits is answered as the task halts
  return worked;
}

absl::StatusOr<Reply> Task::Impl::RecordedReply(const storage::v1::ReplyRow& row, const std::string& digest) const {
  const events::v1::Reply& recorded = row.reply();
  if (recorded.request_digest() != digest) {
    return FieldError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_CONFLICT", "request_id",
                      "was used for another request", "Use a new request_id for a new request");
  }
  Reply reply;
  reply.code = static_cast<absl::StatusCode>(recorded.code());
  reply.reason = recorded.reason();
  reply.field = recorded.field();
  reply.message = recorded.message();
  reply.body = recorded.body();
  return reply;
}

absl::Status Task::Impl::DecideCommand(WaitingCommand& waiting) {
  const std::string request_id = waiting.command.request_id;
  if (const auto row = view().Get(kReplies, {request_id}); row != nullptr) {
    ++counters_.replies_repeated;
    for (PendingSegment& segment : pending_) {
      for (WaitingCommand& earlier : segment.commands) {
        if (earlier.command.request_id != request_id) continue;
        // Rule 12: a retry that finds its request pending waits for it.
        std::move(waiting.waiters.begin(), waiting.waiters.end(), std::back_inserter(earlier.waiters));
        return absl::OkStatus();
      }
    }
    for (auto& [digest, done] : waiting.waiters) done(RecordedReply(*row, digest));
    return absl::OkStatus();
  }
  std::optional<Decided> own = DecideRedrive(waiting.command);
  Decided decided = own.has_value() ? std::move(*own) : deps_.processor->Decide(waiting.command, view(), open().now);
  if (!decided.reply.has_value()) {
    return absl::InternalError(
        fmt::format("{} did not answer a command of type '{}'", deps_.processor->name(), waiting.command.type));
  }
  if (decided.reply->retry) {
    // Nothing was decided, nothing is recorded.
    for (auto& [digest, done] : waiting.waiters) done(*decided.reply);
    return absl::OkStatus();
  }
  ++counters_.commands;
  events::v1::Reply recorded;
  recorded.set_request_id(request_id);
  recorded.set_request_digest(waiting.digest);
  recorded.set_code(static_cast<int32_t>(decided.reply->code));
  recorded.set_reason(decided.reply->reason);
  recorded.set_field(decided.reply->field);
  recorded.set_message(decided.reply->message);
  recorded.set_body(decided.reply->body);
  if (options_.faults.early_reply) {
    for (auto& [digest, done] : waiting.waiters) done(*decided.reply);
    waiting.waiters.clear();
  }
  events::v1::Cause cause;
  cause.set_request_id(request_id);
  cause.set_index(-1);
  TRIBUTARY_RETURN_IF_ERROR(Record(std::move(decided), cause, 0, nullptr));
  storage::v1::ReplyRow row;
  *row.mutable_reply() = recorded;
  row.set_decided_at_micros(absl::ToUnixMicros(open().now));
  Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
  out.Put(kReplies, {request_id}, row);
  out.Put(kRepliesByTime, {row.decided_at_micros(), request_id}, {});
  overlay_->TakeChanges();
  open().bytes += recorded.ByteSizeLong() + 16;
  *open().batch->add_replies() = std::move(recorded);
  open().commands.push_back(std::move(waiting));
  return absl::OkStatus();
}

void Task::Impl::ReleaseReplies(PendingSegment& segment) {
  for (WaitingCommand& waiting : segment.commands) {
    for (const events::v1::Reply& recorded : segment.batch->replies()) {
      if (recorded.request_id() != waiting.command.request_id) continue;
      storage::v1::ReplyRow row;
      *row.mutable_reply() = recorded;
      for (auto& [digest, done] : waiting.waiters) done(RecordedReply(row, digest));
      waiting.waiters.clear();
    }
  }
}

std::optional<Decided> Task::Impl::DecideRedrive(const Command& command) {
  if (command.type != kRedrive) return std::nullopt;
  events::v1::Redriven redriven;
  Decided decided;
  if (!redriven.ParseFromString(command.body)) {
    decided.reply = Reply::Reject(absl::StatusCode::kInvalidArgument, "MALFORMED", "body", "not a re-drive");
    return decided;
  }
  const auto row = view().Get(kDeadLetters, {redriven.fact(), -1});
  if (row == nullptr) {
    decided.reply = Reply::Reject(absl::StatusCode::kNotFound, "NO_DEAD_LETTER", "offset",
                                  fmt::format("no record at {} was dead-lettered", redriven.fact()));
  } else if (row->redriven()) {
    decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "ALREADY_REDRIVEN", "offset",
                                  fmt::format("the record at {} was sent again before", redriven.fact()));
  } else {
    // Through the relay like every output, so that it applies once; the fact's bytes come from the log.
    events::v1::Output* out = open().batch->add_outputs();
    out->set_log(options_.partition.log);
    out->set_partition(options_.partition.partition.value());
    out->set_type(row->type());
    out->set_key(row->key());
    out->set_has_fact(true);
    out->set_fact(redriven.fact());
    out->set_has_redrive_of(true);
    out->set_redrive_of(redriven.fact());
    out->mutable_cause()->set_request_id(command.request_id);
    decided.decisions.push_back(Decision::Of(redriven));
    decided.reply = Reply::Ok(redriven);
  }
  return decided;
}

// --- Decisions that the library applies itself

bool Task::Impl::ApplyInternal(const Decision& decision, absl::Time now) {
  using namespace events::v1;  // NOLINT
  Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
  if (decision.type == RecordType<TimerArmed>()) {
    const auto* armed = decision.value.As<TimerArmed>();
    if (const auto old = view().Get(kTimers, {armed->key(), armed->id()}); old != nullptr) {
      out.Delete(kTimersByDue, {old->due_micros(), armed->key(), armed->id()});
    }
    storage::v1::TimerRow row;
    row.set_due_micros(armed->due_micros());
    row.set_payload(armed->payload());
    out.Put(kTimers, {armed->key(), armed->id()}, std::move(row));
    out.Put(kTimersByDue, {armed->due_micros(), armed->key(), armed->id()}, {});
    timers_changed_ = true;
  } else if (decision.type == RecordType<TimerCancelled>() || decision.type == RecordType<TimerFired>()) {
    // The two messages have the same fields.
    std::string key;
    std::string id;
    if (decision.type == RecordType<TimerFired>()) {
      key = decision.value.As<TimerFired>()->key();
      id = decision.value.As<TimerFired>()->id();
    } else {
      key = decision.value.As<TimerCancelled>()->key();
      id = decision.value.As<TimerCancelled>()->id();
    }
    if (const auto old = view().Get(kTimers, {key, id}); old != nullptr) {
      out.Delete(kTimersByDue, {old->due_micros(), key, id});
      out.Delete(kTimers, {key, id});
    }
    timers_changed_ = true;
  } else if (decision.type == RecordType<DeadLettered>()) {
    const auto* letter = decision.value.As<DeadLettered>();
    storage::v1::DeadLetterRow row;
    row.set_reason(letter->reason());
    row.set_message(letter->message());
    row.set_type(letter->type());
    row.set_key(letter->key());
    out.Put(kDeadLetters, {letter->fact(), letter->index()}, std::move(row));
  } else if (decision.type == RecordType<Redriven>()) {
    const auto* redriven = decision.value.As<Redriven>();
    if (const auto old = view().Get(kDeadLetters, {redriven->fact(), -1}); old != nullptr) {
      storage::v1::DeadLetterRow row = *old;
      row.set_redriven(true);
      out.Put(kDeadLetters, {redriven->fact(), -1}, std::move(row));
    }
  } else if (decision.type == RecordType<EffectRequested>()) {
    const auto* requested = decision.value.As<EffectRequested>();
    if (view().Contains(kEffectIds, {requested->effect_id()})) return true;
    storage::v1::EffectRow row;
    row.set_channel(requested->channel());
    row.set_payload(requested->payload());
    row.set_since_micros(absl::ToUnixMicros(now));
    out.Put(kEffectIds, {requested->effect_id()}, {});
    out.Put(kEffects, {requested->effect_id()}, std::move(row));
    effects_open_ = true;
  } else if (decision.type == RecordType<EffectClaimed>()) {
    const auto* claimed = decision.value.As<EffectClaimed>();
    if (const auto old = view().Get(kEffects, {claimed->effect_id()}); old != nullptr) {
      storage::v1::EffectRow row = *old;
      row.set_attempt(claimed->attempt());
      row.set_incarnation(claimed->incarnation());
      row.set_since_micros(absl::ToUnixMicros(now));
      out.Put(kEffects, {claimed->effect_id()}, std::move(row));
    }
    effects_open_ = true;
  } else if (decision.type == RecordType<EffectEnded>()) {
    out.Delete(kEffects, {decision.value.As<EffectEnded>()->effect_id()});
  } else {
    return false;
  }
  return true;
}

// --- Timers

void Task::Impl::RefreshNextTimer() {
  const bool outside = options_.faults.timers_outside_segment;
  if (!timers_changed_ && !outside) return;
  timers_changed_ = false;
  next_timer_ = absl::InfiniteFuture();
  const auto visit = [&](const auto& key, const auto&) {
    next_timer_ = absl::FromUnixMicros(std::get<0>(key));
    return false;
  };
  if (outside) {
    deps_.store->TakeSnapshot()->view().Scan(kTimersByDue, std::tuple<>(), visit);
  } else {
    view().Scan(kTimersByDue, std::tuple<>(), visit);
  }
}

absl::StatusOr<bool> Task::Impl::FireTimers(absl::Time as_of) {
  RefreshNextTimer();
  // A segment that holds something has its time already: what fell due since then waits for the next.
  // A clock may have been set back since `as_of`.
  const absl::Time now = std::min(as_of, HasOpen() && open().HasContent() ? open().now : deps_.clock->Now());
  if (next_timer_ > now) return false;
  // Chosen before any is decided: one that is armed now fires in a later step.
  std::vector<std::tuple<int64_t, std::string, std::string>> due;
  const auto visit = [&](const auto& key, const auto&) {
    if (std::get<0>(key) > absl::ToUnixMicros(now)) return false;
    due.push_back(key);
    return static_cast<int32_t>(due.size()) < options_.max_inputs_per_step;
  };
  std::unique_ptr<projection::Snapshot> committed;
  if (options_.faults.timers_outside_segment) {
    committed = deps_.store->TakeSnapshot();
    committed->view().Scan(kTimersByDue, std::tuple<>(), visit);
  } else {
    view().Scan(kTimersByDue, std::tuple<>(), visit);
  }
  for (const auto& [due_micros, key, id] : due) {
    OpenSegment();
    if (Full(open())) break;
    auto row = view().Get(kTimers, {key, id});
    if (committed != nullptr) row = committed->view().Get(kTimers, {key, id});
    if (row == nullptr || row->due_micros() != due_micros) continue;  // one before it in this step changed it
    events::v1::Cause cause;
    cause.set_timer(fmt::format("{}/{}", key, id));
    cause.set_index(-1);
    events::v1::TimerFired fired;
    fired.set_key(key);
    fired.set_id(id);
    Decided first;
    first.decisions.push_back(Decision::Of(std::move(fired)));
    TRIBUTARY_RETURN_IF_ERROR(Record(std::move(first), cause, 0, nullptr));
    Decided decided = deps_.processor->Decide(DueTimer{key, id, absl::FromUnixMicros(due_micros), row->payload()},
                                              view(), open().now);
    TRIBUTARY_RETURN_IF_ERROR(Record(std::move(decided), cause, 0, nullptr));
    ++counters_.timers_fired;
  }
  RefreshNextTimer();
  return !due.empty();
}

// --- Effects

absl::StatusOr<bool> Task::Impl::DecideEffects() {
  if (deps_.effects == nullptr) return false;
  bool worked = !ended_effects_.empty();
  for (const EffectResult& result : std::exchange(ended_effects_, {})) {
    TRIBUTARY_RETURN_IF_ERROR(EndEffect(result));
    if (HasOpen()) open().outcomes.push_back(result);
  }
  if (!effects_open_) return worked;
  std::vector<std::pair<std::string, projection::Row<storage::v1::EffectRow>>> ready;
  bool waiting = false;
  const int64_t gone = absl::ToUnixMicros(deps_.clock->Now() - options_.claim_timeout);
  view().Scan(kEffects, std::tuple<>(), [&](const auto& key, const auto& row) {
    const std::string& effect_id = std::get<0>(key);
    if (in_flight_effects_.contains(effect_id)) return true;
    const bool unclaimed = row->attempt() == 0;
    const bool orphaned = !unclaimed && row->incarnation() != incarnation_ && row->since_micros() <= gone;
    waiting = waiting || (!unclaimed && !orphaned);
    if (unclaimed || orphaned) ready.emplace_back(effect_id, row);
    return static_cast<int32_t>(ready.size()) < options_.max_inputs_per_step;
  });
  effects_open_ = waiting || !ready.empty();
  for (const auto& [effect_id, row] : ready) {
    OpenSegment();
    if (Full(open())) break;
    TRIBUTARY_RETURN_IF_ERROR(DecideReadyEffect(effect_id, *row));
  }
  return worked || !ready.empty();
}

absl::Status Task::Impl::DecideReadyEffect(const std::string& effect_id, const storage::v1::EffectRow& row) {
  events::v1::Cause cause;
  cause.set_effect(effect_id);
  cause.set_index(-1);
  if (row.attempt() > 0 && !deps_.effects->Idempotent(row.channel())) {
    // Rule 21: it may have been done; it is not done again.
    return EndEffect({effect_id, row.attempt(), {EffectStatus::kUnknown, "CLAIMANT_GONE"}});
  }
  Decided decided = deps_.processor->Decide(ReadyEffect{effect_id, row.channel(), row.payload(), row.attempt() + 1},
                                            view(), open().now);
  if (decided.withhold.has_value()) {
    TRIBUTARY_RETURN_IF_ERROR(EndEffect({effect_id, row.attempt(), {EffectStatus::kWithheld, *decided.withhold}}));
  } else {
    events::v1::EffectClaimed claimed;
    claimed.set_effect_id(effect_id);
    claimed.set_incarnation(incarnation_);
    claimed.set_attempt(row.attempt() + 1);
    decided.decisions.push_back(Decision::Of(std::move(claimed)));
    in_flight_effects_.insert(effect_id);
    open().claims.push_back(effect_id);
  }
  return Record(std::move(decided), cause, 0, nullptr);
}

absl::Status Task::Impl::EndEffect(const EffectResult& result) {
  const auto row = view().Get(kEffects, {result.effect_id});
  in_flight_effects_.erase(result.effect_id);
  if (row == nullptr || row->attempt() != result.attempt) {
    // Another decider has ended it, or has claimed a later attempt and may be gone since.
    effects_open_ = true;
    return absl::OkStatus();
  }
  OpenSegment();
  events::v1::Cause cause;
  cause.set_effect(result.effect_id);
  cause.set_index(-1);
  events::v1::EffectEnded ended;
  ended.set_effect_id(result.effect_id);
  ended.set_attempt(result.attempt);
  ended.set_status(ToProto(result.outcome.status));
  ended.set_reason(result.outcome.reason);
  Decided first;
  first.decisions.push_back(Decision::Of(std::move(ended)));
  TRIBUTARY_RETURN_IF_ERROR(Record(std::move(first), cause, 0, nullptr));
  Decided decided = deps_.processor->Decide(
      EndedEffect{result.effect_id, row->channel(), result.outcome.status, result.outcome.reason}, view(), open().now);
  return Record(std::move(decided), cause, 0, nullptr);
}

void Task::Impl::CallClaimed(const events::v1::DecisionBatch& batch, bool own) {
  if (deps_.effects == nullptr || options_.standby) return;
  for (const events::v1::Decision& decision : batch.decisions()) {
    if (decision.type() != RecordType<events::v1::EffectClaimed>()) continue;
    events::v1::EffectClaimed claimed;
    if (!claimed.ParseFromString(decision.value())) continue;  // written by this library: cannot fail
    // The call is made once, by that incarnation, when it reads its claim back (rule 21).
    const bool mine = own && claimed.incarnation() == incarnation_;
    if (!mine && !options_.faults.claim_without_incarnation) continue;
    const auto row = view().Get(kEffects, {claimed.effect_id()});
    if (row == nullptr) continue;
    ++counters_.effect_calls;
    in_flight_effects_.insert(claimed.effect_id());
    deps_.effects->Call(
        {claimed.effect_id(), row->channel(), row->payload(), claimed.attempt()},
        [inbox = inbox_, wake = wake_, id = claimed.effect_id(), attempt = claimed.attempt()](EffectOutcome outcome) {
          {
            std::lock_guard lock(inbox->mutex);
            inbox->effects.push_back({id, attempt, std::move(outcome)});
          }
          wake->Call();
        });
  }
}

}  // namespace tributary::processor
