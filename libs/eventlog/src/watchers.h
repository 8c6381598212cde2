// Those who want to know when a partition grew.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "tributary/base/mutex.h"

namespace tributary::eventlog {

// The watches of one partition. Thread-safe. Kept by shared_ptr so that a handle may outlive its log.
class Watchers : public std::enable_shared_from_this<Watchers> {
 public:
  // As EventLog::Watch.
  std::shared_ptr<void> Add(std::function<void()> wake);
  // Calls every watch that has not ended.
  void WakeAll();

 private:
  class Watcher;
  Mutex mutex_;
  std::vector<std::shared_ptr<Watcher>> watchers_ TRIBUTARY_GUARDED_BY(mutex_);
};

}  // namespace tributary::eventlog
