// Many tasks on real threads over a log with a thread of its own.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/bench.h"
#include "tributary/processor/task_host.h"

namespace tributary::processor {
namespace {

constexpr int kPartitions = 8;
const std::vector<eventlog::LogSpec> kTwoLogs = {{"journey", kPartitions}, {"there", kPartitions}};

// Thread-safe, unlike the seeded one.
class LockedRandom final : public Random {
 public:
  uint64_t Next64() override {
    std::lock_guard lock(mutex_);
    return random_.Next64();
  }

 private:
  std::mutex mutex_;
  SeededRandom random_{1};
};

// One fleet: per partition one task that passes words on and one that reads them, over stores that outlive it.
class Fleet : public ::testing::Test {
 protected:
  Fleet() : log_(*eventlog::MakeMemoryLog({.logs = kTwoLogs, .clock = &clock_, .synchronous = false})) {
    for (int i = 0; i < 2 * kPartitions; ++i) stores_.push_back(NewStore());
  }

  void Start() {
    host_ = std::make_unique<TaskHost>(TaskHost::Options{.threads = 3});
    for (int32_t p = 0; p < kPartitions; ++p) {
      const PartitionRef from{"journey", Partition(p)};
      const PartitionRef to{"there", Partition((p + 1) % kPartitions)};
      const auto pass_on = [to](const Input& input, const View& view, absl::Time now) {
        Decided decided = Script::NoteAll(input, view, now);
        if (const auto* fact = std::get_if<Fact>(&input)) decided.outputs.push_back(WordTo(to, TextOf(fact->value)));
        return decided;
      };
      Add({.name = "sender", .decide = pass_on}, from, stores_[2 * p]);
      Add({.name = "reader"}, {"there", Partition(p)}, stores_[2 * p + 1]);
    }
    host_->Start();
  }
  void Add(Script script, const PartitionRef& partition, std::shared_ptr<projection::Store> store) {
    auto processor = std::make_unique<Scripted>(std::move(script));
    auto task = *Task::Open({.partition = partition}, {.log = log_.get(),
                                                       .store = std::move(store),
                                                       .processor = processor.get(),
                                                       .clock = &clock_,
                                                       .random = &random_});
    host_->Add(std::move(processor), std::move(task));
  }
  // Waits until what follows from these facts can be read everywhere, and all is idle.
  void AwaitVisible(const std::vector<std::pair<PartitionRef, Offset>>& facts) {
    std::mutex mutex;
    std::condition_variable changed;
    int left = static_cast<int>(facts.size());
    for (const auto& [partition, offset] : facts) {
      host_->Find("sender", partition)->WhenRelayed(offset, absl::InfiniteFuture(), [&](absl::Status status) {
        EXPECT_TRUE(status.ok()) << status;
        std::lock_guard lock(mutex);
        --left;
        changed.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return left == 0; });
    lock.unlock();
    for (int32_t p = 0; p < kPartitions; ++p) {
      const PartitionRef there{"there", Partition(p)};
      bool visible = false;
      host_->Find("reader", there)
          ->WhenVisible(Offset(log_->End(there)->value() - 1), absl::InfiniteFuture(), [&](auto snapshot) {
            EXPECT_TRUE(snapshot.ok());
            std::lock_guard guard(mutex);
            visible = true;
            changed.notify_one();
          });
      lock.lock();
      changed.wait(lock, [&] { return visible; });
      lock.unlock();
    }
    while (!host_->Quiet()) std::this_thread::yield();
  }
  std::vector<std::pair<PartitionRef, Offset>> AppendWords(int each) {
    auto producer = *log_->OpenProducer();
    std::vector<std::pair<PartitionRef, Offset>> last;
    for (int32_t p = 0; p < kPartitions; ++p) {
      const PartitionRef ref{"journey", Partition(p)};
      Offset offset;
      for (int i = 0; i < each; ++i) offset = *eventlog::AppendAndWait(*producer, ref, Word("x"));
      last.emplace_back(ref, offset);
    }
    return last;
  }
  std::vector<Offset> Ends() {
    std::vector<Offset> ends;
    for (const eventlog::LogSpec& spec : kTwoLogs) {
      for (int32_t p = 0; p < spec.partitions; ++p) ends.push_back(*log_->End({spec.name, Partition(p)}));
    }
    return ends;
  }

  SystemClock clock_;
  LockedRandom random_;
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::vector<std::shared_ptr<projection::Store>> stores_;
  std::unique_ptr<TaskHost> host_;
};

TEST_F(Fleet, ManyTasksWorkUntilNothingIsLeftAndASecondStartReplaysNothing) {
  Start();
  AwaitVisible(AppendWords(200));
  for (Task* task : host_->tasks()) EXPECT_EQ(CountIn(task->TakeSnapshot()->view(), kSeen, "x"), 200);
  EXPECT_TRUE(host_->Failure().ok()) << host_->Failure();
  host_->Stop();
  host_->Stop();
  host_.reset();
  const std::vector<Offset> ends = Ends();
  Start();
  AwaitVisible({});
  for (Task* task : host_->tasks()) {
    EXPECT_EQ(CountIn(task->TakeSnapshot()->view(), kSeen, "x"), 200);
    EXPECT_EQ(task->status().facts, 0);
  }
  host_.reset();
  EXPECT_EQ(Ends(), ends) << "no batch, no relayed record";
}

TEST_F(Fleet, CommandsFromManyThreadsAreEachAnsweredOnce) {
  Start();
  std::atomic<int> answers{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        Task* task = host_->Find("sender", {"journey", Partition(i % kPartitions)});
        task->Submit(Say(fmt::format("r{}-{}", t, i), "hello"), [&](absl::StatusOr<Reply> reply) {
          if (!reply.ok()) ++bad;
          ++answers;
          answers.notify_one();
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (int seen = answers; seen < 400; seen = answers) answers.wait(seen);
  EXPECT_EQ(bad, 0);
  int64_t noted = 0;
  for (int32_t p = 0; p < kPartitions; ++p) {
    noted += CountIn(host_->Find("sender", {"journey", Partition(p)})->TakeSnapshot()->view(), kNoted, "hello");
  }
  EXPECT_EQ(noted, 400);
}

TEST_F(Fleet, OneThatHaltsIsReportedAndTheOthersGoOn) {
  Start();
  auto producer = *log_->OpenProducer();
  ASSERT_TRUE(eventlog::AppendAndWait(*producer, {"journey", Partition(3)}, Word("broken")).ok());
  while (host_->Failure().ok()) std::this_thread::yield();
  EXPECT_EQ(host_->Failure().code(), absl::StatusCode::kInternal);
  const PartitionRef other{"journey", Partition(4)};
  const Offset offset = *eventlog::AppendAndWait(*producer, other, Word("x"));
  std::atomic<bool> visible{false};
  host_->Find("sender", other)->WhenVisible(offset, absl::InfiniteFuture(), [&](auto snapshot) {
    EXPECT_TRUE(snapshot.ok());
    visible = true;
    visible.notify_one();
  });
  visible.wait(false);
}

TEST_F(Fleet, WhoStillWaitsIsAnsweredWhenTheHostIsDestroyed) {
  Start();
  std::atomic<int> unavailable{0};
  host_->tasks()[0]->WhenVisible(Offset(1'000'000), absl::InfiniteFuture(), [&](auto snapshot) {
    if (absl::IsUnavailable(snapshot.status())) ++unavailable;
  });
  host_->Stop();
  host_->tasks()[0]->Submit(Say("late", "hello"), [&](absl::StatusOr<Reply> reply) {
    if (absl::IsUnavailable(reply.status())) ++unavailable;
  });
  host_.reset();
  EXPECT_EQ(unavailable, 2);
}

TEST_F(Fleet, FindNamesTaskByProcessorAndPartition) {
  Start();
  EXPECT_EQ(host_->Find("sender", {"journey", Partition(2)})->partition(), (PartitionRef{"journey", Partition(2)}));
  EXPECT_EQ(host_->Find("sender", {"there", Partition(2)}), nullptr);
  EXPECT_EQ(host_->Find("nobody", {"journey", Partition(2)}), nullptr);
}

}  // namespace
}  // namespace tributary::processor
