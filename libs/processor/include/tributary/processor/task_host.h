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
  // Why the first halted task halted; OK if none has.
  absl::Status Failure() const;
  // Waits until no task has anything to do, at most for `timeout`. True if that came.
  bool WaitUntilQuiet(absl::Duration timeout);
  // No task has anything to do, as of its last step.
  bool Quiet() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::processor
