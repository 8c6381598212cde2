// Decisions that the library itself applies: timers, dead letters, effects.
#include "src/task_impl.h"

namespace tributary::processor {

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

}  // namespace tributary::processor
