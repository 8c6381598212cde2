#include "tributary/processor/task_host.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace tributary::processor {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

// Steps in a row before other tasks get their turn.
constexpr int kStepsInARow = 8;

struct Hosted {
  enum class State { kIdle, kQueued, kRunning };
  std::unique_ptr<Processor> processor;
  std::unique_ptr<Task> task;
  State state = State::kIdle;
  bool woken = false;  // while running
  SteadyTime due = SteadyTime::max();
};

}  // namespace

class TaskHost::Impl {
 public:
  explicit Impl(const Options& options) : options_(options) {}

  Task* Add(std::unique_ptr<Processor> processor, std::unique_ptr<Task> task) {
    auto hosted = std::make_unique<Hosted>();
    hosted->processor = std::move(processor);
    hosted->task = std::move(task);
    tasks_.push_back(hosted->task.get());
    hosted_.push_back(std::move(hosted));
    return tasks_.back();
  }

  void Start() {
    for (auto& hosted : hosted_) {
      hosted->task->OnWake([this, entry = hosted.get()] { Wake(entry); });
      Wake(hosted.get());
    }
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { Run(); });
  }

  void Stop() {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    for (auto& hosted : hosted_) {
      hosted->task->OnWake(nullptr);
      const absl::Status closed = hosted->task->Close();
      if (!closed.ok() && failure_.ok()) failure_ = closed;
    }
  }

  bool WaitUntilQuiet(absl::Duration timeout) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(timeout);
    const auto quiet = [this] {
      return std::all_of(hosted_.begin(), hosted_.end(), [](const auto& hosted) {
        // Halted ones will not get any quieter.
        return hosted->state == Hosted::State::kIdle &&
               (hosted->task->Quiet() || hosted->task->status().state == TaskState::kHalted);
      });
    };
    std::unique_lock lock(mutex_);
    return settled_.wait_until(lock, deadline, quiet);
  }

  void WakeDue(absl::Time now) {
    for (auto& hosted : hosted_) {
      if (hosted->task->NextTimer() <= now) Wake(hosted.get());
    }
  }

  const std::vector<Task*>& tasks() const { return tasks_; }

  absl::Status failure() const {
    for (const Task* task : tasks_) {
      const TaskStatus status = task->status();
      if (status.state == TaskState::kHalted) return status.halted;
    }
    std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void Wake(Hosted* hosted) {
    {
      std::lock_guard lock(mutex_);
      if (hosted->state == Hosted::State::kRunning) {
        hosted->woken = true;
        return;
      }
      if (hosted->state == Hosted::State::kQueued) return;
      Enqueue(hosted);
    }
    changed_.notify_one();
  }

  void Enqueue(Hosted* hosted) {
    hosted->state = Hosted::State::kQueued;
    hosted->due = SteadyTime::max();
    ready_.push_back(hosted);
  }

  // Queues tasks whose time has come; the next such time.
  SteadyTime EnqueueDue() {
    const SteadyTime now = std::chrono::steady_clock::now();
    SteadyTime next = SteadyTime::max();
    for (auto& hosted : hosted_) {
      if (hosted->state != Hosted::State::kIdle) continue;
      if (hosted->due <= now) {
        Enqueue(hosted.get());
      } else {
        next = std::min(next, hosted->due);
      }
    }
    return next;
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const SteadyTime next = EnqueueDue();
      if (ready_.empty()) {
        if (next == SteadyTime::max()) {
          changed_.wait(lock);
        } else {
          changed_.wait_until(lock, next);
        }
        continue;
      }
      Hosted* hosted = ready_.front();
      ready_.pop_front();
      hosted->state = Hosted::State::kRunning;
      hosted->woken = false;
      if (!ready_.empty()) changed_.notify_one();
      lock.unlock();
      Progress progress;
      for (int i = 0; i < kStepsInARow; ++i) {
        progress = hosted->task->Step();
        if (progress.kind != Progress::Kind::kWorked) break;
      }
      lock.lock();
      Settle(hosted, progress);
    }
  }

  void Settle(Hosted* hosted, const Progress& progress) {
    hosted->state = Hosted::State::kIdle;
    if (progress.kind == Progress::Kind::kHalted) {
      hosted->due = SteadyTime::max();
    } else if (progress.kind == Progress::Kind::kWorked || hosted->woken) {
      Enqueue(hosted);
    } else if (progress.idle_for < absl::Hours(1)) {
      hosted->due = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(progress.idle_for);
    } else {
      // Wall clocks are set now and then: timers far away are looked at again.
      hosted->due = std::chrono::steady_clock::now() + std::chrono::hours(1);
    }
    if (hosted->state == Hosted::State::kIdle) settled_.notify_all();
  }

  const Options options_;
  std::vector<std::unique_ptr<Hosted>> hosted_;
  std::vector<Task*> tasks_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable settled_;  // a task went idle
  std::deque<Hosted*> ready_;
  bool stopping_ = false;
  absl::Status failure_;
};

TaskHost::TaskHost(const Options& options) : impl_(std::make_unique<Impl>(options)) {}
TaskHost::~TaskHost() { Stop(); }
Task* TaskHost::Add(std::unique_ptr<Processor> processor, std::unique_ptr<Task> task) {
  return impl_->Add(std::move(processor), std::move(task));
}
void TaskHost::Start() { impl_->Start(); }
void TaskHost::Stop() { impl_->Stop(); }
bool TaskHost::WaitUntilQuiet(absl::Duration timeout) { return impl_->WaitUntilQuiet(timeout); }
void TaskHost::WakeDue(absl::Time now) { impl_->WakeDue(now); }
const std::vector<Task*>& TaskHost::tasks() const { return impl_->tasks(); }
absl::Status TaskHost::Failure() const { return impl_->failure(); }

Task* TaskHost::Find(std::string_view processor, const PartitionRef& partition) const {
  for (Task* task : impl_->tasks()) {
    if (task->processor().name() == processor && task->partition() == partition) return task;
  }
  return nullptr;
}

bool TaskHost::Quiet() const {
  return std::all_of(impl_->tasks().begin(), impl_->tasks().end(), [](const Task* task) { return task->Quiet(); });
}

}  // namespace tributary::processor
