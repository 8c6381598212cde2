// A process's simulated clock: where it starts, and how it is moved from timer to timer (DESIGN section 6).
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tributary/base/clock.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/processor/task_host.h"

namespace tributary::standalone {

// Where a clock goes on that is wanted to stand at `start`: there, or at the last record of `log`, or where
// ClockStepper left it by `file` (none: not there), whatever is latest. The clock of a data directory never goes back.
// FailedPrecondition: that is later than `wall_now`.
absl::StatusOr<absl::Time> ResumeClock(eventlog::EventLog& log, const std::string& file, absl::Time start,
                                       absl::Time wall_now);

// Whether ClockStepper left a clock by `file` that follows the wall's: then it goes on so.
bool FollowedWall(const std::string& file);

// Thread-safe.
class ClockStepper {
 public:
  struct Deps {
    SimulatedClock* clock = nullptr;
    processor::TaskHost* host = nullptr;  // its tasks have the clock; started
    // Where the clock stands is kept there after each Advance(), for ResumeClock; empty: nowhere.
    std::string file;
  };
  struct News {
    absl::Time now;
    int64_t timers_fired = 0;
    int64_t stops = 0;  // moments that the clock stopped at for timers
  };
  // Some ten times a second. False: give up, with Cancelled.
  using TellFn = std::function<bool(const News&)>;

  explicit ClockStepper(Deps deps) : deps_(std::move(deps)) {}

  // Waits until no task has anything to do, moves the clock to the earliest timer of any, and so on until `to`;
  // unset: to the wall's now, which the clock then follows. The clock stays where it is if this ends with an error:
  // InvalidArgument (before the clock's now, after the wall's), Aborted (another Advance() is under way), Cancelled,
  // Unavailable (a task has halted; the file cannot be written).
  absl::StatusOr<News> Advance(std::optional<absl::Time> to, const TellFn& tell);

  const SimulatedClock& clock() const { return *deps_.clock; }

 private:
  absl::Status Check(absl::Time to) const;
  absl::StatusOr<News> Step(absl::Time to, const TellFn& tell);
  absl::Status Settle(const News& news, const TellFn& tell, absl::Duration& told);
  absl::Status Save() const;

  const Deps deps_;
  std::mutex advancing_;
};

// The earliest timer of all tasks; InfiniteFuture if none is armed.
absl::Time NextTimer(const processor::TaskHost& host);

}  // namespace tributary::standalone
