// Runs tasks on a few threads: a task that has work is stepped, one that waits is woken.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "tributary/processor/task.h"

namespace tributary::processor {

class TaskHost {
 public:
  struct Options {
    int threads = 2;
  };
  explicit TaskHost(const Options& options);
  // Stops.
  ~TaskHost();
  TaskHost(const TaskHost&) = delete;
  TaskHost& operator=(const TaskHost&) = delete;

  // Before Start. The host owns both; the processor outlives its task.
  Task* Add(std::unique_ptr<Processor> processor, std::unique_ptr<Task> task);
  void Start();
  // Ends after the steps that run, then closes every task. Calls in progress get Unavailable when the
  // host is destroyed. Idempotent.
  void Stop();

  // Thread-safe after Start. Null if there is none.
  Task* Find(std::string_view processor, const PartitionRef& partition) const;
  const std::vector<Task*>& tasks() const;
  // Lets the tasks look whose earliest timer is due at `now`: for who has moved a clock that stands. InfiniteFuture:
  // all tasks.
  void WakeDue(absl::Time now);
  // Why the first halted task halted; OK if none has.
  absl::Status Failure() const;
  // Waits until no task has anything to do, all at one moment, at most for `timeout`. True if that came. A halted task
  // has nothing to do.
  bool WaitUntilQuiet(absl::Duration timeout);
  // No task has anything to do.
  bool Quiet() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::processor
