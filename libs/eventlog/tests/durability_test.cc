// That nothing is acknowledged before it is on disk, and what follows when the disk fails. This binary's
// own fdatasync stands before the C library's, so that a test can hold a sync back or let it fail.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <string_view>
#include <thread>

#include "gmock/gmock.h"
#include "tests/scratch_log.h"

namespace {

class Disk {
 public:
  enum class Mode { kWorks, kHolds, kFailsWal, kFailsTables };

  void Set(Mode mode) {
    std::lock_guard lock(mutex_);
    mode_ = mode;
    changed_.notify_all();
  }
  int Sync(int fd) {
    {
      std::unique_lock lock(mutex_);
      ++syncs_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return mode_ != Mode::kHolds; });
      if (mode_ == (IsWal(fd) ? Mode::kFailsWal : Mode::kFailsTables)) {
        errno = EIO;
        return -1;
      }
    }
    return static_cast<int>(syscall(SYS_fdatasync, fd));
  }
  int syncs() {
    std::lock_guard lock(mutex_);
    return syncs_;
  }
  bool WaitForSyncs(int syncs) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return syncs_ >= syncs; });
  }

 private:
  static bool IsWal(int fd) {
    char name[4096];
    const ssize_t size = readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), name, sizeof(name));
    return size > 0 && std::string_view(name, static_cast<size_t>(size)).ends_with(".log");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Mode mode_ = Mode::kWorks;
  int syncs_ = 0;
};

Disk& TheDisk() {
  static Disk& disk = *new Disk;
  return disk;
}

}  // namespace

extern "C" int fdatasync(int fd) { return TheDisk().Sync(fd); }

namespace tributary::eventlog {
namespace {

using testing::Contains;
using testing::ElementsAre;

class Durability : public ScratchLogTest {
 protected:
  void TearDown() override {
    TheDisk().Set(Disk::Mode::kWorks);
    ScratchLogTest::TearDown();
  }
  // The log refuses all, whatever the disk does now, and what was acknowledged is there once reopened.
  void ExpectFailedForGood(const std::string& acknowledged) {
    EXPECT_EQ(log_->Health().code(), absl::StatusCode::kUnavailable) << log_->Health();
    TheDisk().Set(Disk::Mode::kWorks);
    EXPECT_EQ(Append("mended?").status().code(), absl::StatusCode::kUnavailable);
    MustOpen();
    EXPECT_TRUE(log_->Health().ok());
    EXPECT_THAT(*Values(), Contains(acknowledged));
    EXPECT_TRUE(Append("mended").ok());
    EXPECT_EQ(Values()->back(), "mended");
  }
};

TEST_F(Durability, NothingIsVisibleOrAcknowledgedBeforeItIsSynced) {
  MustOpen();
  auto producer = NewProducer();
  const int before = TheDisk().syncs();
  std::atomic<int> woken = 0;
  auto watch = log_->Watch(journey_, [&] { ++woken; });
  TheDisk().Set(Disk::Mode::kHolds);
  auto result = AppendAsync(*producer, journey_, Make("x"));
  ASSERT_TRUE(TheDisk().WaitForSyncs(before + 1));
  EXPECT_EQ(result.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_EQ(*log_->End(journey_), Offset(1));
  EXPECT_TRUE(Values()->empty());
  EXPECT_EQ(woken, 0);
  TheDisk().Set(Disk::Mode::kWorks);
  EXPECT_EQ(*Await(std::move(result)), Offset(1));
  EXPECT_THAT(*Values(), ElementsAre("x"));
}

TEST_F(Durability, AllThatWaitShareOneSync) {
  MustOpen();
  auto one = NewProducer();
  auto two = NewProducer();
  const int before = TheDisk().syncs();
  TheDisk().Set(Disk::Mode::kHolds);
  auto first = AppendAsync(*one, journey_, Make("first"));
  ASSERT_TRUE(TheDisk().WaitForSyncs(before + 1));
  for (int i = 0; i < 50; ++i) {
    one->Append(journey_, Make("x"), nullptr);
    two->Append({"registry", Partition(0)}, Make("y"), nullptr);
  }
  TheDisk().Set(Disk::Mode::kWorks);
  one.reset();
  two.reset();
  EXPECT_EQ(TheDisk().syncs(), before + 2);
  EXPECT_EQ(*log_->End(journey_), Offset(52));
}

TEST_F(Durability, WithoutSyncTheDiskIsNotWaitedFor) {
  options_.sync = false;
  MustOpen();
  const int before = TheDisk().syncs();
  ASSERT_TRUE(Append("x").ok());
  EXPECT_EQ(TheDisk().syncs(), before);
}

TEST_F(Durability, AppendBlocksItsCallerWhileTooMuchWaits) {
  constexpr size_t kValueBytes = 1'000;
  options_.max_waiting_bytes = 15 * kValueBytes;
  MustOpen();
  const int before = TheDisk().syncs();
  std::mutex mutex;
  std::condition_variable changed;
  int called = 0;
  int most_outstanding = 0;
  int done = 0;
  TheDisk().Set(Disk::Mode::kHolds);
  std::jthread appender([&] {
    auto producer = NewProducer();
    for (int i = 0; i < 100; ++i) {
      producer->Append(journey_, Make(std::string(kValueBytes, 'x')), [&](absl::StatusOr<Offset> offset) {
        EXPECT_TRUE(offset.ok());
        std::lock_guard lock(mutex);
        most_outstanding = std::max(most_outstanding, called - done++);
      });
      std::lock_guard lock(mutex);
      ++called;
      changed.notify_all();
    }
  });
  ASSERT_TRUE(TheDisk().WaitForSyncs(before + 1));
  {
    std::unique_lock lock(mutex);
    EXPECT_TRUE(changed.wait_for(lock, std::chrono::minutes(1), [&] { return called >= 10; }));
  }
  TheDisk().Set(Disk::Mode::kWorks);
  appender.join();
  EXPECT_EQ(done, 100);
  EXPECT_LE(most_outstanding, 15);
}

TEST_F(Durability, AFailedSyncIsNotAcknowledgedAndStopsTheLogForGood) {
  MustOpen();
  ASSERT_TRUE(Append("acknowledged").ok());
  auto producer = NewProducer();
  TheDisk().Set(Disk::Mode::kFailsWal);
  EXPECT_EQ(AppendAndWait(*producer, journey_, Make("x")).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*log_->End(journey_), Offset(2));
  EXPECT_THAT(*Values(), ElementsAre("acknowledged")) << "reading goes on";
  EXPECT_EQ(AppendAndWait(*producer, journey_, Make("y")).status().code(), absl::StatusCode::kAborted);
  producer.reset();
  ExpectFailedForGood("acknowledged");
}

TEST_F(Durability, ABackgroundErrorStopsTheLogForGood) {
  MustOpen();
  ASSERT_TRUE(Append("acknowledged").ok());
  TheDisk().Set(Disk::Mode::kFailsTables);
  // More than one memtable holds, so that one is flushed; the log must see that by itself, without an append.
  for (int i = 0; i < 40; ++i) (void)Append(std::string(kMaxValueBytes, 'x'));
  const absl::Time deadline = SystemClock().Now() + absl::Minutes(1);
  while (log_->Health().ok() && SystemClock().Now() < deadline) std::this_thread::yield();
  ExpectFailedForGood("acknowledged");
}

TEST_F(Durability, AFullDiskIsNotAcknowledgedAndWhatWasIsThereOnceThereIsRoom) {
  MustOpen();
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit full{.rlim_cur = 1 << 20, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  absl::StatusOr<Offset> result = Offset(0);
  int acknowledged = -1;
  for (; result.ok() && acknowledged < 1'000; ++acknowledged)
    result = Append(std::to_string(acknowledged + 1) + std::string(10'000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ASSERT_FALSE(result.ok());
  ASSERT_GT(acknowledged, 10);
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
  ExpectFailedForGood(std::to_string(acknowledged - 1) + std::string(10'000, 'x'));
  const auto values = *Values();
  for (int i = 0; i < acknowledged; ++i) EXPECT_EQ(values[i], std::to_string(i) + std::string(10'000, 'x'));
}

}  // namespace
}  // namespace tributary::eventlog
