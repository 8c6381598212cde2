#include "src/watchers.h"

#include <utility>

namespace tributary::eventlog {

class Watchers::Watcher {
 public:
  explicit Watcher(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Call() {
    std::lock_guard lock(mutex_);
    if (ended_) return;
    calling_ = true;
    wake_();
    calling_ = false;
    if (ended_) wake_ = nullptr;
  }

  // Waits for a call that runs on another thread; the lock is recursive so that `wake` may end itself.
  void End() {
    std::lock_guard lock(mutex_);
    ended_ = true;
    if (!calling_) wake_ = nullptr;
  }

 private:
  std::recursive_mutex mutex_;
  std::function<void()> wake_;
  bool ended_ = false;
  bool calling_ = false;
};

std::shared_ptr<void> Watchers::Add(std::function<void()> wake) {
  auto watcher = std::make_shared<Watcher>(std::move(wake));
  {
    MutexLock lock(mutex_);
    watchers_.push_back(watcher);
  }
  Watcher* const raw = watcher.get();
  return std::shared_ptr<void>(raw, [self = shared_from_this(), watcher = std::move(watcher)](void*) {
    {
      MutexLock lock(self->mutex_);
      std::erase(self->watchers_, watcher);
    }
    watcher->End();
  });
}

void Watchers::WakeAll() {
  std::vector<std::shared_ptr<Watcher>> watchers;
  {
    MutexLock lock(mutex_);
    if (watchers_.empty()) return;
    watchers = watchers_;
  }
  for (const auto& watcher : watchers) watcher->Call();
}

}  // namespace tributary::eventlog
