// Whether the log still takes appends.
#pragma once

#include <atomic>

#include "absl/status/status.h"
#include "tributary/base/mutex.h"

namespace tributary::eventlog {

// The first error counts and stays. Thread-safe; set from the engines' threads too.
class HealthState {
 public:
  bool ok() const { return ok_.load(std::memory_order_acquire); }

  absl::Status Get() const {
    if (ok()) return absl::OkStatus();
    MutexLock lock(mutex_);
    return status_;
  }

  void Fail(const absl::Status& status) {
    MutexLock lock(mutex_);
    if (!status_.ok()) return;
    status_ = status;
    ok_.store(false, std::memory_order_release);
  }

 private:
  std::atomic<bool> ok_ = true;
  mutable Mutex mutex_;
  absl::Status status_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::eventlog
