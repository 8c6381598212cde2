#include "tributary/base/clock.h"

#include <chrono>

#include "absl/time/clock.h"

namespace tributary {

absl::Time SystemClock::Now() const { return absl::Now(); }
absl::Duration SystemClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
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
