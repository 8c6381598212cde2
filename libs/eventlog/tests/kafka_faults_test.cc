// What the Kafka log does when its broker stands still, dies or comes back with other topics. The broker is this test's
// own, made by deploy/kafka/cluster.sh.
#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gtest/gtest.h"
#include "kafka/admin.h"
#include "kafka/topics.h"
#include "tests/kafka_scratch.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {
namespace {

// Of each run that ctest makes at the same time, another.
const std::string& Cluster() {
  static const std::string name = [] {
    const std::string filter = testing::GTEST_FLAG(filter);
    return fmt::format("faults-{:08x}", XXH32(filter.data(), filter.size(), 0));
  }();
  return name;
}

int Script(const std::string& arguments) {
  return std::system(  // NOLINT(concurrency-mt-unsafe): no other thread runs yet
      fmt::format("{}/deploy/kafka/cluster.sh {} >&2", KAFKA_TEST_ROOT, arguments).c_str());
}

// kill -9, then a new start.
int Restart() {
  if (const int killed = Script("kill 1 --name " + Cluster()); killed != 0) return killed;
  // The kernel lets go of a killed process's ports a moment after it is gone from /proc: a start may find them taken.
  int started = 1;
  for (int i = 0; i < 5 && started != 0; ++i) started = Script("start 1 --name " + Cluster());
  return started;
}

class OwnBroker : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_EQ(Script("up --name " + Cluster()), 0);
    std::ifstream cluster(fmt::format("{}/build/kafka/{}/cluster", KAFKA_TEST_ROOT, Cluster()));
    int brokers = 0;
    int port = 0;
    cluster >> brokers >> port;
    ASSERT_NE(port, 0);
    servers_ = fmt::format("127.0.0.1:{}", port);
  }
  void TearDown() override { Script("down --data --name " + Cluster()); }

  static const std::string& servers() { return servers_; }
  static void Signal(int number) {
    std::ifstream file(fmt::format("{}/build/kafka/{}/1/pid", KAFKA_TEST_ROOT, Cluster()));
    pid_t pid = 0;
    file >> pid;
    ASSERT_GT(pid, 0);
    ASSERT_EQ(kill(pid, number), 0);
  }

 private:
  static inline std::string servers_;
};
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new OwnBroker);

// The broker stands still while this lives.
class Standstill {
 public:
  Standstill() { OwnBroker::Signal(SIGSTOP); }
  ~Standstill() { End(); }
  void End() {
    if (!ended_) OwnBroker::Signal(SIGCONT);
    ended_ = true;
  }

 private:
  bool ended_ = false;
};

class KafkaFaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    options_ = TestOptions(testing::UnitTest::GetInstance()->current_test_info()->name(), clock_, random_);
    options_.brokers = OwnBroker::servers();
    options_.log_line = [](std::string_view) {};  // expected: the broker is away
    ASSERT_TRUE(ApplyTopics(options_).ok());
  }
  void Open() {
    auto log = OpenKafkaLog(options_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  static Record Make(std::string value) {
    return Record{.key = "k", .type = "test", .headers = {}, .value = std::move(value)};
  }
  void Fill(int count) {
    auto producer = *log_->OpenProducer();
    for (int i = 0; i < count; ++i) {
      producer->Append(journey_, Make(std::to_string(i)),
                       [](const absl::StatusOr<Offset>& offset) { EXPECT_TRUE(offset.ok()) << offset.status(); });
    }
  }
  // Until the broker answers again.
  absl::StatusOr<ReadResult> PollUntilReached(PartitionReader& reader) {
    absl::StatusOr<ReadResult> result = reader.Poll({});
    for (int i = 0; i < 60 && absl::IsUnavailable(result.status()); ++i) result = reader.Poll({});
    return result;
  }

  const PartitionRef journey_{"journey", Partition(1)};
  SystemClock clock_;
  SystemRandom random_;
  KafkaOptions options_;
  std::unique_ptr<EventLog> log_;
};

TEST_F(KafkaFaultsTest, WhatIsAppendedWhileTheBrokerStandsStillLandsOnceAndInOrder) {
  options_.request_timeout = absl::Seconds(1);
  Open();
  Fill(10);
  auto reader = *log_->OpenReader(journey_, Offset(0));
  ASSERT_EQ(reader->Poll({})->records.size(), 11u);
  std::vector<std::future<absl::StatusOr<Offset>>> appends;
  auto producer = *log_->OpenProducer();
  {
    Standstill standstill;
    for (int i = 0; i < 100; ++i) appends.push_back(AppendAsync(*producer, journey_, Make(std::to_string(10 + i))));
    auto late = *log_->OpenReader(journey_, Offset(3));
    EXPECT_EQ(late->Poll({}).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(late->position(), Offset(3));
    EXPECT_EQ(log_->End(journey_).status().code(), absl::StatusCode::kUnavailable);
  }
  for (int i = 0; i < 100; ++i) {
    const absl::StatusOr<Offset> offset = Await(std::move(appends[static_cast<size_t>(i)]));
    ASSERT_TRUE(offset.ok()) << offset.status();
    EXPECT_EQ(*offset, Offset(11 + i));
  }
  std::vector<std::string> values;
  while (values.size() < 100) {
    const auto result = PollUntilReached(*reader);
    ASSERT_TRUE(result.ok()) << result.status();
    for (const RecordPtr& record : result->records) values.push_back(record->record.value);
  }
  for (int i = 0; i < 100; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], std::to_string(10 + i));
  EXPECT_EQ(log_->End(journey_)->value(), 111);
}

TEST_F(KafkaFaultsTest, AfterADeliveryTimeoutTheSessionEndsAndTheNextStartsClean) {
  options_.delivery_timeout = absl::Seconds(2);
  Open();
  Fill(1);
  {
    auto producer = *log_->OpenProducer();
    Standstill standstill;
    auto first = AppendAsync(*producer, journey_, Make("timed out"));
    auto second = AppendAsync(*producer, journey_, Make("after it"));
    EXPECT_EQ(Await(std::move(first)).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(Await(std::move(second)).status().code(), absl::StatusCode::kAborted);
    standstill.End();
    EXPECT_EQ(AppendAndWait(*producer, journey_, Make("refused")).status().code(), absl::StatusCode::kAborted);
  }
  // The broker may be busy with what it missed for longer than the short timeout.
  absl::StatusOr<Offset> anew = absl::UnavailableError("");
  for (int i = 0; i < 30 && !anew.ok(); ++i) anew = AppendAndWait(**log_->OpenProducer(), journey_, Make("anew"));
  ASSERT_TRUE(anew.ok()) << anew.status();
  EXPECT_TRUE(log_->Health().ok()) << log_->Health();
  const auto records = ReadAll(*log_, journey_);
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->at(static_cast<size_t>(anew->value()))->record.value, "anew");
  for (const RecordPtr& record : *records) EXPECT_NE(record->record.value, "refused");
}

TEST_F(KafkaFaultsTest, AppendBlocksWhileTooMuchWaitsAndGoesOn) {
  options_.max_waiting_bytes = 64 << 10;
  Open();
  std::atomic<int> appended = 0;
  std::jthread appender;
  {
    Standstill standstill;
    appender = std::jthread([&] {
      auto producer = *log_->OpenProducer();
      for (int i = 0; i < 200; ++i) {
        producer->Append(journey_, Make(std::string(1000, 'x')), [](const absl::StatusOr<Offset>&) {});
        ++appended;
      }
    });
    // The callbacks that would make room come after the standstill.
    auto reader = *log_->OpenReader(journey_, Offset(0));
    EXPECT_FALSE(reader->Poll({}).ok());
    EXPECT_LE(appended, 64);
  }
  appender.join();
  EXPECT_EQ(appended, 200);
  EXPECT_EQ(log_->End(journey_)->value(), 201);
}

TEST_F(KafkaFaultsTest, AReaderGoesOnWhereItWasWhenTheBrokerWasRestarted) {
  Open();
  Fill(20);
  auto reader = *log_->OpenReader(journey_, Offset(0));
  ASSERT_EQ(reader->Poll({.max_records = 5})->records.size(), 5u);
  ASSERT_EQ(Restart(), 0);
  Fill(5);
  std::vector<Offset> offsets;
  while (reader->position() < Offset(26)) {
    const auto result = PollUntilReached(*reader);
    ASSERT_TRUE(result.ok()) << result.status();
    for (const RecordPtr& record : result->records) offsets.push_back(record->offset);
  }
  ASSERT_EQ(offsets.size(), 21u);
  for (int i = 0; i < 21; ++i) EXPECT_EQ(offsets[static_cast<size_t>(i)], Offset(5 + i));
}

TEST_F(KafkaFaultsTest, ATopicThatWasMadeAnewUnderAReaderIsDataLossForGood) {
  Open();
  Fill(20);
  const PartitionRef other{"journey", Partition(2)};
  auto reader = *log_->OpenReader(journey_, Offset(0));
  auto sought = *log_->OpenReader(journey_, Offset(0));
  ASSERT_EQ(reader->Poll({})->records.size(), 21u);
  ASSERT_EQ(sought->Poll({})->records.size(), 21u);
  ASSERT_EQ(Restart(), 0);
  ASSERT_EQ(Script(fmt::format("topics --name {} --delete --topic {}journey", Cluster(), options_.topic_prefix)), 0);
  // The same id again, and more records than before, of the same values.
  absl::StatusOr<TopicsReport> applied = absl::UnavailableError("");
  for (int i = 0; i < 10 && !applied.ok(); ++i) applied = ApplyTopics(options_);
  ASSERT_TRUE(applied.ok()) << applied.status();
  auto anew = OpenKafkaLog(options_);
  ASSERT_TRUE(anew.ok()) << anew.status();
  EXPECT_EQ((*anew)->id(), log_->id());
  {
    auto producer = *(*anew)->OpenProducer();
    for (int i = 0; i < 40; ++i) producer->Append(journey_, Make(std::to_string(i)), nullptr);
  }
  EXPECT_EQ(PollUntilReached(*reader).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(reader->position(), Offset(21));
  EXPECT_EQ(reader->Poll({}).status().code(), absl::StatusCode::kDataLoss) << "for good";
  sought->Seek(Offset(4));
  EXPECT_EQ(PollUntilReached(*sought).status().code(), absl::StatusCode::kDataLoss) << "elsewhere too";
}

}  // namespace
}  // namespace tributary::eventlog
