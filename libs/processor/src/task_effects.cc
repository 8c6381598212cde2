// Effects (rule 21): requested, claimed, called, ended.
#include <utility>

#include "src/task_impl.h"
#include "src/wire.h"
#include "tributary/base/status.h"

namespace tributary::processor {

Decision RequestEffect(std::string effect_id, std::string channel, std::string payload) {
  events::v1::EffectRequested requested;
  requested.set_effect_id(std::move(effect_id));
  requested.set_channel(std::move(channel));
  requested.set_payload(std::move(payload));
  return Decision::Of(std::move(requested));
}

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
