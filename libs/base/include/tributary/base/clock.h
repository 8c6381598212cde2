// Time is injected everywhere; nothing in the project calls absl::Now() but SystemClock.
#pragma once

#include <mutex>

#include "absl/time/time.h"

namespace tributary {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time. May step back (NTP); a task guards itself against that.
  virtual absl::Time Now() const = 0;
  // Time since an arbitrary start, never going back; for pauses and latencies, not for records.
  virtual absl::Duration Monotonic() const = 0;
  // The machine's wall clock, by which callers state their deadlines: Now(), but for a simulated clock.
  virtual absl::Time WallNow() const { return Now(); }
  // How long, by Monotonic(), until Now() is `time` if nobody sets the clock: not positive if it has come; infinite
  // if the clock stands until it is moved.
  virtual absl::Duration Until(absl::Time time) const { return time - Now(); }
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
};

// A clock that stands until it is moved, never goes back and is never later than the wall's; at last it may follow
// that. What is recorded is stamped by it; pauses, latencies and deadlines stay real, so that a process goes on working
// while it stands. Thread-safe.
class SimulatedClock final : public Clock {
 public:
  // `wall` must outlive it. Stands at `start`, or at the wall's now if that is earlier.
  SimulatedClock(const Clock& wall, absl::Time start);
  absl::Time Now() const override;
  absl::Duration Monotonic() const override { return wall_.Monotonic(); }
  absl::Time WallNow() const override { return wall_.Now(); }
  absl::Duration Until(absl::Time time) const override;

  // A time before Now() changes nothing; one beyond the wall's now is taken as that.
  void MoveTo(absl::Time to);
  // Goes with the wall's clock from now on, for good; where that steps back, this one waits for it.
  void FollowWall();
  bool follows_wall() const;

 private:
  const Clock& wall_;
  mutable std::mutex mutex_;
  mutable absl::Time now_;  // the latest that was told, while it follows the wall
  bool follows_wall_ = false;
};

// A clock that moves only when told. Monotonic() moves with Now().
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time start = absl::FromUnixSeconds(1'767'225'600));  // 2026-01-01T00:00:00Z
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
  void Advance(absl::Duration by);
  // Moving back is allowed: machines' clocks do. Monotonic() then stays.
  void Set(absl::Time now);

 private:
  mutable std::mutex mutex_;
  absl::Time now_;
  absl::Duration monotonic_;
};

}  // namespace tributary
