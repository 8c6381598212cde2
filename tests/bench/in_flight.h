// Bounds what is on its way at once.
#pragma once

#include <condition_variable>
#include <mutex>

namespace tributary::bench {

// Thread-safe.
class InFlight {
 public:
  explicit InFlight(int at_once) : at_once_(at_once) {}
  // Waits until one more may go.
  void Take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ < at_once_; });
    ++count_;
  }
  void Give() {
    const std::lock_guard lock(mutex_);
    --count_;
    changed_.notify_all();
  }
  void WaitForAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return count_ == 0; });
  }

 private:
  const int at_once_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

}  // namespace tributary::bench
