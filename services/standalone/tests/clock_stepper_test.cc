// A clock moved from timer to timer, over tasks on real threads.
#include "standalone/clock_stepper.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "tributary/base/mutex.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/projection/store.h"

namespace tributary::standalone {
namespace {

using eventlog::Partition;
using eventlog::PartitionRef;
using google::protobuf::StringValue;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kLog[] = "journey";

std::string Written(std::string_view text) {
  StringValue value;
  value.set_value(text.data(), text.size());
  return value.SerializeAsString();
}

// What fired, in the order in which it was decided, with its seconds after the start.
class Trace {
 public:
  void Add(std::string line) {
    const MutexLock lock(mutex_);
    lines_.push_back(std::move(line));
    changed_.notify_all();
  }
  std::vector<std::string> lines() const {
    const MutexLock lock(mutex_);
    return lines_;
  }
  void AwaitOne() {
    MutexLock lock(mutex_);
    changed_.wait(lock.native(), [this] { return !lines_.empty(); });
  }

 private:
  mutable Mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_ TRIBUTARY_GUARDED_BY(mutex_);
};

// A fact "NAME SECONDS" arms a timer for so long after the start; with ":OTHER" behind it, the timer sends OTHER to the
// other partition as a fact. "wait" is a fact that is decided when `gate` opens, "broken" one that halts the task, and
// "nothing" one that leads to nothing.
class Clockwork final : public processor::Processor {
 public:
  Clockwork(absl::Time start, Trace& trace, std::atomic<bool>& gate, PartitionRef other)
      : start_(start), trace_(trace), gate_(gate), other_(std::move(other)) {}

  std::string_view name() const override { return "clockwork"; }
  uint32_t format() const override { return 1; }
  processor::Handling Handles(std::string_view type) const override {
    return type == "word" ? processor::Handling::kApplied : processor::Handling::kIgnored;
  }
  void Prefetch(const processor::Fact&, processor::KeySet&) const override {}
  absl::Status ApplyFact(const processor::Fact& fact, const processor::KindView<processor::Kind::kFacts>&,
                         processor::Writer<processor::Kind::kFacts>&) override {
    return TextOf(fact) == "broken" ? absl::InternalError("our own failure") : absl::OkStatus();
  }
  void ApplyDecision(const processor::Decision&, const processor::KindView<processor::Kind::kDecisions>&,
                     processor::Writer<processor::Kind::kDecisions>&) override {}
  void Derive(const processor::Changes&, const processor::View&,
              processor::Writer<processor::Kind::kCaches>&) override {}
  bool Derives() const override { return false; }

  processor::Decided Decide(const processor::Input& input, const processor::View&, absl::Time now) override {
    processor::Decided decided;
    if (const auto* fact = std::get_if<processor::Fact>(&input)) {
      const std::string text = TextOf(*fact);
      if (text == "wait") gate_.wait(false);
      char name[16] = "";
      int seconds = 0;
      int read = 0;
      if (std::sscanf(text.c_str(), "%15s %d%n", name, &seconds, &read) == 2) {
        const std::string rest = text.substr(static_cast<size_t>(read));
        decided.decisions.push_back(processor::ArmTimer(name, "t", start_ + absl::Seconds(seconds), rest));
      }
    } else if (const auto* timer = std::get_if<processor::DueTimer>(&input)) {
      trace_.Add(fmt::format("{}@{}", timer->key, absl::ToInt64Seconds(now - start_)));
      if (!timer->payload.empty()) {
        decided.outputs.push_back({other_, "word", "k", Written(timer->payload.substr(1))});
      }
    }
    return decided;
  }

 private:
  static std::string TextOf(const processor::Fact& fact) {
    const auto* text = fact.value.As<StringValue>();
    return text == nullptr ? "" : text->value();
  }

  const absl::Time start_;
  Trace& trace_;
  std::atomic<bool>& gate_;
  const PartitionRef other_;
};

class LockedRandom final : public Random {
 public:
  uint64_t Next64() override {
    const MutexLock lock(mutex_);
    return random_.Next64();
  }

 private:
  Mutex mutex_;
  SeededRandom random_{1};
};

class ClockStepperTest : public ::testing::Test {
 protected:
  ClockStepperTest() {
    for (int i = 0; i < 2; ++i) {
      auto processor = std::make_unique<Clockwork>(start_, trace_, gate_, PartitionRef{kLog, Partition(1 - i)});
      auto task = *processor::Task::Open({.partition = {kLog, Partition(i)}},
                                         {.log = log_.get(),
                                          .store = *projection::Store::Open({.in_memory = true}),
                                          .processor = processor.get(),
                                          .clock = &clock_,
                                          .random = &random_});
      host_.Add(std::move(processor), std::move(task));
    }
    host_.Start();
  }
  ~ClockStepperTest() override { Open(); }

  void Open() {
    gate_ = true;
    gate_.notify_all();
  }
  eventlog::Offset Append(int partition, std::string_view text) {
    const auto appended = eventlog::AppendAndWait(**log_->OpenProducer(), {kLog, Partition(partition)},
                                                  {.key = "k", .type = "word", .headers = {}, .value = Written(text)});
    EXPECT_TRUE(appended.ok()) << appended.status();
    return appended.value_or(eventlog::Offset(-1));
  }
  absl::Time At(int64_t seconds) const { return start_ + absl::Seconds(seconds); }
  absl::StatusOr<ClockStepper::News> AdvanceTo(int64_t seconds) {
    return stepper_.Advance(At(seconds), [](const ClockStepper::News&) { return true; });
  }

  const SystemClock wall_;
  const absl::Time start_ = absl::FromUnixSeconds(absl::ToUnixSeconds(wall_.Now()) - 100'000);
  SimulatedClock clock_{wall_, start_};
  LockedRandom random_;
  Trace trace_;
  std::atomic<bool> gate_{false};
  std::unique_ptr<eventlog::MemoryLog> log_ =
      *eventlog::MakeMemoryLog({.logs = {{kLog, 2}}, .clock = &clock_, .synchronous = false});
  processor::TaskHost host_{{.threads = 2}};
  ClockStepper stepper_{{.clock = &clock_, .host = &host_, .file = ""}};
};

TEST_F(ClockStepperTest, TimersOfAllTasksFireInOrderEachAtItsTime) {
  Append(0, "a 30");
  Append(0, "c 10");
  Append(1, "b 20");
  const auto news = AdvanceTo(1'000);
  ASSERT_TRUE(news.ok()) << news.status();
  EXPECT_THAT(trace_.lines(), ElementsAre("c@10", "b@20", "a@30"));
  EXPECT_EQ(news->timers_fired, 3);
  EXPECT_EQ(news->stops, 3);
  EXPECT_EQ(news->now, At(1'000));
  EXPECT_EQ(clock_.Now(), At(1'000));
}

TEST_F(ClockStepperTest, WhatATimerLeadsToElsewhereIsDoneBeforeTheClockGoesOn) {
  Append(0, "a 10:b 15:c 16:d 17");
  Append(0, "z 20");
  ASSERT_TRUE(AdvanceTo(1'000).ok());
  EXPECT_THAT(trace_.lines(), ElementsAre("a@10", "b@15", "c@16", "d@17", "z@20"));
}

TEST_F(ClockStepperTest, ATimerThatIsArmedForThePastFiresAtOnce) {
  Append(0, "a 50:b 10");
  ASSERT_TRUE(AdvanceTo(60).ok());
  EXPECT_THAT(trace_.lines(), ElementsAre("a@50", "b@50"));
}

TEST_F(ClockStepperTest, StopsWhereItIsToldAndGoesOnFromThere) {
  Append(0, "a 10");
  Append(1, "b 20");
  ASSERT_TRUE(AdvanceTo(19).ok());
  EXPECT_THAT(trace_.lines(), ElementsAre("a@10"));
  EXPECT_EQ(NextTimer(host_), At(20));
  ASSERT_TRUE(AdvanceTo(20).ok());
  EXPECT_THAT(trace_.lines(), ElementsAre("a@10", "b@20"));
}

TEST_F(ClockStepperTest, WhatLedToNothingIsCoveredThoughTheClockStands) {
  const eventlog::Offset fact = Append(0, "nothing");
  const auto news = AdvanceTo(0);
  ASSERT_TRUE(news.ok()) << news.status();
  EXPECT_EQ(host_.tasks()[0]->status().through, fact);
  EXPECT_EQ(clock_.Now(), start_);
}

TEST_F(ClockStepperTest, RecordsAreStampedByIt) {
  ASSERT_TRUE(AdvanceTo(77).ok());
  Append(0, "nothing");
  const auto records = eventlog::ReadAll(*log_, {kLog, Partition(0)});
  ASSERT_TRUE(records.ok());
  EXPECT_EQ(records->front()->appended_at, start_) << "the genesis record";
  EXPECT_EQ(records->back()->appended_at, At(77));
}

TEST_F(ClockStepperTest, NeitherGoesBackNorBeyondTheWall) {
  ASSERT_TRUE(AdvanceTo(50).ok());
  EXPECT_EQ(DetailOf(AdvanceTo(49).status())->reason, "TIME_GOES_BACK");
  EXPECT_EQ(DetailOf(AdvanceTo(1'000'000).status())->reason, "BEYOND_WALL_CLOCK");
  EXPECT_TRUE(absl::IsInvalidArgument(AdvanceTo(1'000'000).status()));
  EXPECT_EQ(clock_.Now(), At(50));
}

TEST_F(ClockStepperTest, FollowsTheWallAtTheEndAndTimersFireByThemselves) {
  Append(0, "a 30");
  const auto news = stepper_.Advance(std::nullopt, [](const ClockStepper::News&) { return true; });
  ASSERT_TRUE(news.ok()) << news.status();
  EXPECT_THAT(trace_.lines(), ElementsAre("a@30"));
  EXPECT_TRUE(clock_.follows_wall());
  EXPECT_LE(wall_.Now() - clock_.Now(), absl::Seconds(60));
}

TEST_F(ClockStepperTest, WhatWaitedForATimerWhileTheClockStoodWakesWhenItFollowsTheWall) {
  // Due just after the wall's now, so that only the following clock gets there.
  const int64_t due = absl::ToInt64Seconds(wall_.Now() - start_) + 2;
  Append(0, fmt::format("a {}", due));
  ASSERT_TRUE(AdvanceTo(0).ok());
  ASSERT_TRUE(stepper_.Advance(std::nullopt, [](const ClockStepper::News&) { return true; }).ok());
  trace_.AwaitOne();
  EXPECT_THAT(trace_.lines(), ElementsAre(fmt::format("a@{}", due)));
}

TEST_F(ClockStepperTest, ASecondCallerIsRefusedAndTheFirstCanGiveUp) {
  Append(0, "a 10");
  Append(0, "wait");
  std::atomic<int> told{0};
  absl::Status second;
  const auto first = stepper_.Advance(At(100), [&](const ClockStepper::News& news) {
    EXPECT_EQ(news.now, start_);
    std::thread([&] { second = AdvanceTo(100).status(); }).join();
    return ++told < 2;
  });
  EXPECT_TRUE(absl::IsCancelled(first.status())) << first.status();
  EXPECT_EQ(DetailOf(second)->reason, "CLOCK_IS_MOVING");
  EXPECT_TRUE(absl::IsAborted(second));
  EXPECT_EQ(clock_.Now(), start_);
  EXPECT_THAT(trace_.lines(), IsEmpty());
  Open();
  ASSERT_TRUE(AdvanceTo(100).ok());
  EXPECT_THAT(trace_.lines(), ElementsAre("a@10"));
}

TEST_F(ClockStepperTest, AHaltedTaskEndsIt) {
  Append(0, "broken");
  Append(1, "a 10");
  EXPECT_TRUE(absl::IsUnavailable(AdvanceTo(100).status()));
  EXPECT_EQ(clock_.Now(), start_);
}

class ResumeClockTest : public ::testing::Test {
 protected:
  ResumeClockTest() { std::filesystem::remove(file_); }
  ~ResumeClockTest() override { std::filesystem::remove(file_); }

  FakeClock clock_;
  const absl::Time start_ = clock_.Now();
  const absl::Time later_ = start_ + absl::Hours(1'000);
  const std::string file_ = fmt::format("{}simulated_clock.{}", ::testing::TempDir(), ::getpid());
  std::unique_ptr<eventlog::MemoryLog> log_ = *eventlog::MakeMemoryLog({.logs = {{kLog, 3}}, .clock = &clock_});
};

TEST_F(ResumeClockTest, AFreshLogStartsWhereItIsTold) {
  EXPECT_EQ(*ResumeClock(*log_, file_, start_ + absl::Hours(1), later_), start_ + absl::Hours(1));
}

TEST_F(ResumeClockTest, GoesOnAtTheLastRecordOfAnyPartition) {
  clock_.Advance(absl::Hours(5));
  ASSERT_TRUE(eventlog::AppendAndWait(**log_->OpenProducer(), {kLog, Partition(1)}, {.key = "k", .type = "word"}).ok());
  EXPECT_EQ(*ResumeClock(*log_, file_, start_, later_), start_ + absl::Hours(5));
  EXPECT_EQ(*ResumeClock(*log_, file_, start_ + absl::Hours(7), later_), start_ + absl::Hours(7));
}

TEST_F(ResumeClockTest, GoesOnWhereItWasMovedToThoughNothingWasRecordedSince) {
  const SystemClock wall;
  SimulatedClock clock(wall, start_);
  processor::TaskHost host{{}};
  ClockStepper stepper({.clock = &clock, .host = &host, .file = file_});
  ASSERT_TRUE(stepper.Advance(start_ + absl::Hours(9), [](const ClockStepper::News&) { return true; }).ok());
  EXPECT_EQ(*ResumeClock(*log_, file_, start_, later_), start_ + absl::Hours(9));
}

TEST_F(ResumeClockTest, AClockThatFollowsTheWallGoesOnSo) {
  const SystemClock wall;
  SimulatedClock clock(wall, start_);
  processor::TaskHost host{{}};
  ClockStepper stepper({.clock = &clock, .host = &host, .file = file_});
  EXPECT_FALSE(FollowedWall(file_));
  ASSERT_TRUE(stepper.Advance(start_ + absl::Hours(1), [](const ClockStepper::News&) { return true; }).ok());
  EXPECT_FALSE(FollowedWall(file_));
  ASSERT_TRUE(stepper.Advance(std::nullopt, [](const ClockStepper::News&) { return true; }).ok());
  EXPECT_TRUE(FollowedWall(file_));
  EXPECT_EQ(*ResumeClock(*log_, file_, start_, later_), start_);
}

TEST_F(ResumeClockTest, DataThatEndsAfterTheWallsNowIsRefused) {
  clock_.Advance(absl::Hours(5));
  ASSERT_TRUE(eventlog::AppendAndWait(**log_->OpenProducer(), {kLog, Partition(2)}, {.key = "k", .type = "word"}).ok());
  const absl::Status refused = ResumeClock(*log_, file_, start_, start_ + absl::Hours(4)).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_EQ(DetailOf(refused)->reason, "BEYOND_WALL_CLOCK");
}

}  // namespace
}  // namespace tributary::standalone
