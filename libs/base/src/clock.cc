#include "tributary/base/clock.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace tributary {

absl::Time SystemClock::Now() const { return absl::Now(); }
absl::Duration SystemClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

SimulatedClock::SimulatedClock(const Clock& wall, absl::Time start) : wall_(wall), now_(std::min(start, wall.Now())) {}

absl::Time SimulatedClock::Now() const {
  std::lock_guard lock(mutex_);
  if (follows_wall_) now_ = std::max(now_, wall_.Now());
  return now_;
}

absl::Duration SimulatedClock::Until(absl::Time time) const {
  const absl::Time now = Now();
  return time <= now || follows_wall() ? time - now : absl::InfiniteDuration();
}

void SimulatedClock::MoveTo(absl::Time to) {
  std::lock_guard lock(mutex_);
  now_ = std::max(now_, std::min(to, wall_.Now()));
}

void SimulatedClock::FollowWall() {
  std::lock_guard lock(mutex_);
  follows_wall_ = true;
}

bool SimulatedClock::follows_wall() const {
  std::lock_guard lock(mutex_);
  return follows_wall_;
}

FakeClock::FakeClock(absl::Time start) : now_(start), monotonic_(absl::ZeroDuration()) {}

absl::Time FakeClock::Now() const {
  std::lock_guard lock(mutex_);
  return now_;
}

absl::Duration FakeClock::Monotonic() const {
  std::lock_guard lock(mutex_);
  return monotonic_;
}

void FakeClock::Advance(absl::Duration by) {
  std::lock_guard lock(mutex_);
  now_ += by;
  if (by > absl::ZeroDuration()) monotonic_ += by;
}

void FakeClock::Set(absl::Time now) {
  std::lock_guard lock(mutex_);
  if (now > now_) monotonic_ += now - now_;
  now_ = now;
}

}  // namespace tributary
