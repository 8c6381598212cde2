// std::mutex with Clang's thread-safety annotations. Not absl::Mutex: with Debian's build of it,
// ThreadSanitizer reports races that are none.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define TRIBUTARY_TS(x) __attribute__((x))
#else
#define TRIBUTARY_TS(x)
#endif
#define TRIBUTARY_GUARDED_BY(m) TRIBUTARY_TS(guarded_by(m))
#define TRIBUTARY_REQUIRES(m) TRIBUTARY_TS(requires_capability(m))

namespace tributary {

class TRIBUTARY_TS(capability("mutex")) Mutex {
 public:
  void Lock() TRIBUTARY_TS(acquire_capability()) { mutex_.lock(); }
  void Unlock() TRIBUTARY_TS(release_capability()) { mutex_.unlock(); }
  std::mutex& native() { return mutex_; }

 private:
  std::mutex mutex_;
};

class TRIBUTARY_TS(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) TRIBUTARY_TS(acquire_capability(mutex)) : lock_(mutex.native()) {}
  ~MutexLock() TRIBUTARY_TS(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  // For condition variables.
  std::unique_lock<std::mutex>& native() { return lock_; }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace tributary
