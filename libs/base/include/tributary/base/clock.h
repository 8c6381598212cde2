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
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
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
