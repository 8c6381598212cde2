// What every EventLog promises, as tests. An implementation's test includes this file in one source file
// and says
//   INSTANTIATE_TEST_SUITE_P(Kafka, EventLogContract, testing::Values(factory), ContractName);
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <ostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {

struct ContractFactory {
  std::string name;
  // Opens the logs kept under `dir` (an empty directory of the test's own at first), creating them at
  // the first call. What `open` needs, such as a clock, it keeps alive itself.
  std::function<absl::StatusOr<std::unique_ptr<EventLog>>(const std::string& dir, const std::vector<LogSpec>& logs)>
      open;
  // A second `open`, after the first log was destroyed, finds what was appended.
  bool durable = true;
};
inline std::ostream& operator<<(std::ostream& out, const ContractFactory& factory) { return out << factory.name; }
inline std::string ContractName(const testing::TestParamInfo<ContractFactory>& info) { return info.param.name; }

// Counts, and lets a test wait until the count is reached.
class CountDown {
 public:
  void Add() {
    std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  int count() const {
    std::lock_guard lock(mutex_);
    return count_;
  }
  // False after a minute.
  bool WaitFor(int count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return count_ >= count; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class EventLogContract : public testing::TestWithParam<ContractFactory> {
 protected:
  void SetUp() override {
    const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
    std::string name = std::string(test->test_suite_name()) + "." + test->name();
    for (char& c : name) c = c == '/' ? '-' : c;
    dir_ = testing::TempDir() + "/" + name;
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
    Open();
  }
  void TearDown() override {
    log_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Open() {
    auto log = GetParam().open(dir_, {{"journey", 4}, {"registry", 1}});
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  void Reopen() {
    log_.reset();
    Open();
  }

  static Record Make(std::string value, std::string key = "k") {
    return Record{.key = std::move(key), .type = "test", .headers = {}, .value = std::move(value)};
  }
  std::unique_ptr<Producer> NewProducer() {
    auto producer = log_->OpenProducer();
    EXPECT_TRUE(producer.ok()) << producer.status();
    return *std::move(producer);
  }
  std::unique_ptr<PartitionReader> NewReader(const PartitionRef& ref, Offset from = Offset(0)) {
    auto reader = log_->OpenReader(ref, from);
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }
  // Appends `count` records "0", "1", ... and waits for them.
  void Fill(const PartitionRef& ref, int count) {
    auto producer = NewProducer();
    for (int i = 0; i < count; ++i) {
      producer->Append(ref, Make(std::to_string(i)), [](absl::StatusOr<Offset> offset) { EXPECT_TRUE(offset.ok()); });
    }
  }
  std::vector<std::string> Values(const PartitionRef& ref, const ReadLimits& limits = {}) {
    auto records = ReadAll(*log_, ref, Offset(1), limits);
    EXPECT_TRUE(records.ok()) << records.status();
    std::vector<std::string> values;
    for (const RecordPtr& record : *records) values.push_back(record->record.value);
    return values;
  }

  const PartitionRef journey_{"journey", Partition(1)};
  const PartitionRef registry_{"registry", Partition(0)};
  std::string dir_;
  std::unique_ptr<EventLog> log_;
};

TEST_P(EventLogContract, EveryPartitionBeginsWithTheLogsId) {
  EXPECT_FALSE(log_->id().empty());
  for (const PartitionRef& ref : {journey_, registry_, PartitionRef{"journey", Partition(3)}}) {
    const auto records = ReadAll(*log_, ref);
    ASSERT_TRUE(records.ok()) << records.status();
    ASSERT_EQ(records->size(), 1u);
    EXPECT_EQ(records->front()->offset, Offset(0));
    EXPECT_EQ(records->front()->record.type, kGenesisType);
    EXPECT_EQ(records->front()->record.value, log_->id());
    EXPECT_EQ(*log_->End(ref), Offset(1));
  }
}

TEST_P(EventLogContract, NamesItsLogsAndCountsTheirPartitions) {
  EXPECT_EQ(PartitionCount(*log_, "journey"), 4);
  EXPECT_EQ(PartitionCount(*log_, "registry"), 1);
  EXPECT_EQ(PartitionCount(*log_, "nowhere"), 0);
}

TEST_P(EventLogContract, ARecordComesBackWhole) {
  const Record record{.key = std::string("k\0\xff", 3),
                      .type = "a_type",
                      .headers = {{"b", "2"}, {"a", std::string("\0\n", 2)}, {"b", ""}},
                      .value = std::string("v\0\xfe", 3)};
  auto producer = NewProducer();
  ASSERT_EQ(*AppendAndWait(*producer, journey_, record), Offset(1));
  const auto records = ReadAll(*log_, journey_, Offset(1));
  ASSERT_EQ(records->size(), 1u);
  const StoredRecord& stored = *records->front();
  EXPECT_EQ(stored.offset, Offset(1));
  EXPECT_EQ(stored.record.key, record.key);
  EXPECT_EQ(stored.record.type, record.type);
  EXPECT_EQ(stored.record.headers, record.headers);
  EXPECT_EQ(stored.record.value, record.value);
  EXPECT_EQ(stored.record.FindHeader("b"), "2");
  EXPECT_NE(stored.appended_at, absl::Time());
}

TEST_P(EventLogContract, UnknownPartitionsAreNotFound) {
  for (const PartitionRef& ref : {PartitionRef{"nowhere", Partition(0)}, PartitionRef{"journey", Partition(4)},
                                  PartitionRef{"journey", Partition(-1)}}) {
    EXPECT_EQ(log_->OpenReader(ref, Offset(0)).status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(log_->End(ref).status().code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(log_->Watch(ref, [] {}), nullptr);
    auto producer = NewProducer();
    EXPECT_EQ(AppendAndWait(*producer, ref, Make("x")).status().code(), absl::StatusCode::kNotFound);
  }
  EXPECT_EQ(log_->OpenReader(journey_, Offset(-1)).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_P(EventLogContract, AppendsOfASessionLandInTheOrderOfTheCalls) {
  std::vector<Offset> called_back;
  {
    auto producer = NewProducer();
    for (int i = 0; i < 500; ++i) {
      producer->Append(journey_, Make(std::to_string(i)), [&](absl::StatusOr<Offset> offset) {
        ASSERT_TRUE(offset.ok()) << offset.status();
        called_back.push_back(*offset);
      });
    }
  }
  const std::vector<std::string> values = Values(journey_);
  ASSERT_EQ(values.size(), 500u);
  ASSERT_EQ(called_back.size(), 500u);
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(values[i], std::to_string(i));
    EXPECT_EQ(called_back[i], Offset(i + 1));
  }
}

TEST_P(EventLogContract, DestroyingAProducerWaitsForEachCallbackOnce) {
  std::vector<std::atomic<int>> calls(300);
  {
    auto producer = NewProducer();
    for (auto& count : calls) {
      producer->Append(journey_, Make("x"), [&count](absl::StatusOr<Offset>) { ++count; });
    }
  }
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

TEST_P(EventLogContract, AnAcknowledgedRecordIsVisible) {
  CountDown done;
  auto producer = NewProducer();
  for (int i = 0; i < 50; ++i) {
    producer->Append(journey_, Make("x"), [&](absl::StatusOr<Offset> offset) {
      ASSERT_TRUE(offset.ok());
      EXPECT_GT(*log_->End(journey_), *offset);
      EXPECT_EQ(NewReader(journey_, *offset)->Poll({})->records.front()->offset, *offset);
      done.Add();
    });
  }
  EXPECT_TRUE(done.WaitFor(50));
}

TEST_P(EventLogContract, ACallbackMayAppend) {
  CountDown done;
  auto producer = NewProducer();
  producer->Append(journey_, Make("first"), [&](absl::StatusOr<Offset>) {
    producer->Append(journey_, Make("second"), [&](absl::StatusOr<Offset>) { done.Add(); });
  });
  ASSERT_TRUE(done.WaitFor(1));
  EXPECT_EQ(Values(journey_), (std::vector<std::string>{"first", "second"}));
}

TEST_P(EventLogContract, ReadersSeeNoGapAndNothingTwiceWhileManyAppend) {
  constexpr int kAppenders = 8;
  constexpr int kEach = 250;
  const std::vector<PartitionRef> refs = {
      {"journey", Partition(0)}, {"journey", Partition(1)}, {"registry", Partition(0)}};
  std::vector<std::thread> threads;
  for (int appender = 0; appender < kAppenders; ++appender) {
    threads.emplace_back([&, appender] {
      auto producer = NewProducer();
      for (int i = 0; i < kEach; ++i) {
        producer->Append(refs[i % refs.size()], Make(std::to_string(i), std::to_string(appender)),
                         [](absl::StatusOr<Offset> offset) { EXPECT_TRUE(offset.ok()) << offset.status(); });
      }
    });
  }
  // How many records each partition gets, and readers that follow from the start until they have them.
  for (size_t at = 0; at < refs.size(); ++at) {
    const int expected = kAppenders * ((kEach - static_cast<int>(at) + 2) / 3);
    for (int reader = 0; reader < 2; ++reader) {
      threads.emplace_back([this, ref = refs[at], expected, reader] {
        auto cursor = NewReader(ref);
        std::map<std::string, int> last;  // of each appender
        Offset next(0);
        while (next <= Offset(expected)) {
          const auto result = cursor->Poll({.max_records = reader == 0 ? 7u : 1024u});
          ASSERT_TRUE(result.ok()) << result.status();
          for (const RecordPtr& record : result->records) {
            ASSERT_EQ(record->offset, next);
            next = Next(next);
            if (record->record.type == kGenesisType) continue;
            const int value = std::stoi(record->record.value);
            const auto [it, first] = last.emplace(record->record.key, value);
            if (!first) {
              ASSERT_EQ(value, it->second + 3) << "order of appender " << record->record.key;
              it->second = value;
            }
          }
          ASSERT_EQ(cursor->position(), next);
          if (result->at_end) std::this_thread::yield();
        }
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t at = 0; at < refs.size(); ++at) {
    EXPECT_EQ(log_->End(refs[at])->value(), 1 + kAppenders * ((kEach - static_cast<int64_t>(at) + 2) / 3));
  }
}

TEST_P(EventLogContract, PollKeepsToItsLimitsAndTellsTheEnd) {
  Fill(journey_, 10);
  auto reader = NewReader(journey_, Offset(1));
  auto result = reader->Poll({.max_records = 4});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->records.size(), 4u);
  EXPECT_FALSE(result->at_end);
  const size_t size = result->records.front()->record.Size();
  EXPECT_EQ(reader->Poll({.max_records = 100, .max_bytes = 2 * size})->records.size(), 2u);
  EXPECT_EQ(reader->Poll({.max_records = 100, .max_bytes = 1})->records.size(), 1u) << "one, whatever its size";
  EXPECT_EQ(reader->Poll({.max_records = 0})->records.size(), 1u);
  bool at_end = false;
  while (!at_end) at_end = reader->Poll({.max_records = 2})->at_end;
  EXPECT_EQ(reader->position(), Offset(11));
  result = reader->Poll({});
  EXPECT_TRUE(result->records.empty());
  EXPECT_TRUE(result->at_end);
  auto producer = NewProducer();
  ASSERT_TRUE(AppendAndWait(*producer, journey_, Make("more")).ok());
  result = reader->Poll({});
  ASSERT_EQ(result->records.size(), 1u);
  EXPECT_TRUE(result->at_end);
}

TEST_P(EventLogContract, SeekGoesBackAndForth) {
  Fill(journey_, 20);
  auto reader = NewReader(journey_);
  for (const int64_t offset : {15, 3, 4, 20, 0, 19}) {
    reader->Seek(Offset(offset));
    EXPECT_EQ(reader->position(), Offset(offset));
    const auto result = reader->Poll({.max_records = 1});
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->records.front()->offset, Offset(offset));
    EXPECT_EQ(reader->position(), Offset(offset + 1));
  }
}

TEST_P(EventLogContract, APositionBeyondTheEndIsDataLossAndNeverSkipped) {
  Fill(journey_, 3);
  auto reader = NewReader(journey_, Offset(5));
  EXPECT_EQ(reader->Poll({}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(reader->position(), Offset(5));
  reader->Seek(Offset(-1));
  EXPECT_EQ(reader->Poll({}).status().code(), absl::StatusCode::kDataLoss);
  reader->Seek(Offset(4));
  EXPECT_TRUE(reader->Poll({})->at_end);
}

TEST_P(EventLogContract, TwoReadersSeeTheSame) {
  Fill(journey_, 100);
  EXPECT_EQ(Values(journey_, {.max_records = 7}), Values(journey_, {.max_records = 1000}));
}

TEST_P(EventLogContract, PartitionsDoNotMix) {
  for (int32_t i = 0; i < 4; ++i) {
    auto producer = NewProducer();
    for (int n = 0; n <= i; ++n) {
      ASSERT_EQ(*AppendAndWait(*producer, {"journey", Partition(i)}, Make(std::to_string(i))), Offset(n + 1));
    }
  }
  for (int32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Values({"journey", Partition(i)}), std::vector<std::string>(i + 1, std::to_string(i)));
  }
  EXPECT_TRUE(Values(registry_).empty());
}

TEST_P(EventLogContract, RecordsBeyondTheBoundsAreRefusedAndThoseAtThemPass) {
  const Record largest{.key = std::string(kMaxKeyBytes, 'k'),
                       .type = std::string(kMaxTypeBytes, 't'),
                       .headers = {{std::string(96, 'h'), std::string(kMaxHeaderBytes - 96, 'v')}},
                       .value = std::string(kMaxValueBytes, 'v')};
  auto producer = NewProducer();
  ASSERT_EQ(*AppendAndWait(*producer, journey_, largest), Offset(1));
  EXPECT_EQ(Values(journey_), std::vector<std::string>{largest.value});
  std::vector<Record> refused(5, largest);
  refused[0].key += 'k';
  refused[1].type += 't';
  refused[2].headers[0].value += 'v';
  refused[3].value += 'v';
  refused[4].type.clear();
  for (const Record& record : refused) {
    auto session = NewProducer();
    EXPECT_EQ(AppendAndWait(*session, journey_, record).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(*log_->End(journey_), Offset(2));
}

TEST_P(EventLogContract, AfterAFailureTheSessionAppendsNoMoreToThatPartition) {
  auto producer = NewProducer();
  auto before = AppendAsync(*producer, journey_, Make("before"));
  auto refused = AppendAsync(*producer, journey_, Record{});
  auto after = AppendAsync(*producer, journey_, Make("after"));
  auto elsewhere = AppendAsync(*producer, registry_, Make("elsewhere"));
  EXPECT_TRUE(Await(std::move(before)).ok());
  EXPECT_EQ(Await(std::move(refused)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Await(std::move(after)).status().code(), absl::StatusCode::kAborted);
  EXPECT_TRUE(Await(std::move(elsewhere)).ok()) << "another partition is not concerned";
  EXPECT_FALSE(AppendAndWait(*producer, journey_, Make("later")).ok());
  auto next = NewProducer();
  EXPECT_EQ(*AppendAndWait(*next, journey_, Make("anew")), Offset(2)) << "a new session starts clean";
  EXPECT_EQ(Values(journey_), (std::vector<std::string>{"before", "anew"}));
  EXPECT_TRUE(log_->Health().ok());
}

TEST_P(EventLogContract, AWatchWakesAfterRecordsBecameVisible) {
  CountDown wakes;
  std::atomic<int64_t> end_when_woken = 0;
  auto handle = log_->Watch(journey_, [&] {
    end_when_woken = log_->End(journey_)->value();
    wakes.Add();
  });
  auto producer = NewProducer();
  ASSERT_TRUE(AppendAndWait(*producer, journey_, Make("x")).ok());
  ASSERT_TRUE(wakes.WaitFor(1));
  EXPECT_EQ(end_when_woken, 2);
}

TEST_P(EventLogContract, AFollowerThatSleepsUntilWokenMissesNothing) {
  constexpr int kRecords = 300;
  CountDown wakes;
  auto handle = log_->Watch(journey_, [&] { wakes.Add(); });
  std::jthread appender([&] { Fill(journey_, kRecords); });
  auto reader = NewReader(journey_);
  int seen = 0;
  while (seen < kRecords + 1) {
    const int before = wakes.count();
    const auto result = reader->Poll({});
    ASSERT_TRUE(result.ok());
    seen += static_cast<int>(result->records.size());
    if (result->at_end && seen < kRecords + 1) {
      ASSERT_TRUE(wakes.WaitFor(before + 1)) << "seen " << seen;
    }
  }
  EXPECT_EQ(seen, kRecords + 1);
}

TEST_P(EventLogContract, AWatchThatEndedIsNotCalledAndOthersAre) {
  CountDown ended;
  CountDown other;
  CountDown elsewhere;
  auto handle = log_->Watch(journey_, [&] { ended.Add(); });
  auto other_handle = log_->Watch(journey_, [&] { other.Add(); });
  auto elsewhere_handle = log_->Watch(registry_, [&] { elsewhere.Add(); });
  handle.reset();
  for (int i = 1; i <= 20; ++i) {
    const int before = other.count();
    Fill(journey_, 1);
    ASSERT_TRUE(other.WaitFor(before + 1));
  }
  EXPECT_EQ(ended.count(), 0);
  EXPECT_EQ(elsewhere.count(), 0);
}

TEST_P(EventLogContract, AWatchMayEndWhileRecordsArrive) {
  std::jthread appender([&] { Fill(journey_, 500); });
  for (int i = 0; i < 200; ++i) {
    auto calls = std::make_unique<std::atomic<int>>(0);  // gone right after the handle
    auto handle = log_->Watch(journey_, [raw = calls.get()] { ++*raw; });
    handle.reset();
  }
}

TEST_P(EventLogContract, ReopeningKeepsEverything) {
  if (!GetParam().durable) return;
  Fill(journey_, 200);
  Fill(registry_, 3);
  const std::string id = log_->id();
  const auto before = ReadAll(*log_, journey_);
  ASSERT_TRUE(before.ok()) << before.status();
  Reopen();
  EXPECT_EQ(log_->id(), id);
  EXPECT_EQ(*log_->End(journey_), Offset(201));
  EXPECT_EQ(*log_->End(registry_), Offset(4));
  const auto after = ReadAll(*log_, journey_, Offset(0), {.max_records = 9});
  ASSERT_TRUE(after.ok()) << after.status();
  ASSERT_EQ(after->size(), before->size());
  for (size_t i = 0; i < after->size(); ++i) {
    EXPECT_EQ((*after)[i]->offset, (*before)[i]->offset);
    EXPECT_EQ((*after)[i]->appended_at, (*before)[i]->appended_at);
    EXPECT_EQ((*after)[i]->record.value, (*before)[i]->record.value);
  }
  auto producer = NewProducer();
  EXPECT_EQ(*AppendAndWait(*producer, journey_, Make("next")), Offset(201));
}

}  // namespace tributary::eventlog
