// Timers (DESIGN section 6): armed, cancelled, fired.
#include <algorithm>
#include <utility>

#include "src/task_impl.h"
#include "tributary/base/status.h"

namespace tributary::processor {

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

}  // namespace tributary::processor
