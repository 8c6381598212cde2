#include "kafka/topics.h"

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kafka/producer.h"
#include "src/log_specs.h"
#include "tests/kafka_scratch.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {
namespace {

using testing::HasSubstr;

class KafkaTopicsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(options_.brokers.empty()) << "TRIBUTARY_TEST_KAFKA does not name a broker";
    admin_ = *kafka::Admin::Open(options_);
  }

  absl::Status Create(const kafka::NewTopicSpec& topic) {
    TRIBUTARY_RETURN_IF_ERROR(admin_->Create(topic));
    // Told by the broker a little later.
    while (!admin_->Describe(topic.name).value_or(std::nullopt).has_value()) std::this_thread::yield();
    return absl::OkStatus();
  }
  kafka::NewTopicSpec Journey() const { return kafka::WantedTopic(options_, options_.logs[0]); }
  // What opening and applying both say.
  void ExpectRefusedNaming(const std::vector<std::string>& parts) {
    for (const absl::Status& status : {OpenKafkaLog(options_).status(), ApplyTopics(options_).status()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      for (const std::string& part : parts) EXPECT_THAT(std::string(status.message()), HasSubstr(part));
    }
  }

  SystemClock clock_;
  SystemRandom random_;
  KafkaOptions options_ = TestOptions(testing::UnitTest::GetInstance()->current_test_info()->name(), clock_, random_);
  std::unique_ptr<kafka::Admin> admin_;
};

TEST_F(KafkaTopicsTest, ApplyMakesWhatIsMissingAndThenOnlyChecks) {
  const auto made = ApplyTopics(options_);
  ASSERT_TRUE(made.ok()) << made.status();
  ASSERT_EQ(made->topics.size(), 2u);
  EXPECT_EQ(made->topics[0].topic, options_.topic_prefix + "journey");
  EXPECT_TRUE(made->topics[0].created);
  EXPECT_EQ(made->topics[0].partitions, 4);
  EXPECT_EQ(made->topics[0].replication, 1);
  EXPECT_EQ(made->topics[0].genesis_written, 4);
  const auto checked = ApplyTopics(options_);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->log_id, made->log_id);
  for (const TopicReport& topic : checked->topics) {
    EXPECT_FALSE(topic.created);
    EXPECT_EQ(topic.genesis_written, 0);
  }
  EXPECT_EQ((*OpenKafkaLog(options_))->id(), made->log_id);
}

TEST_F(KafkaTopicsTest, OpeningWithoutTopicsSaysHowToMakeThem) {
  const absl::Status status = OpenKafkaLog(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(options_.topic_prefix + "journey"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("tributary topics apply"));
}

TEST_F(KafkaTopicsTest, AnotherPartitionCountIsRefused) {
  ASSERT_TRUE(ApplyTopics(options_).ok());
  options_.logs[0].partitions = 5;
  ExpectRefusedNaming({"journey.partitions", "is 4", "wanted is 5"});
}

TEST_F(KafkaTopicsTest, TooFewCopiesAreRefusedUnlessForDevelopment) {
  ASSERT_TRUE(ApplyTopics(options_).ok());
  options_.dev = false;
  ExpectRefusedNaming({"journey.replication", "is 1", "wanted is at least 3"});
}

TEST_F(KafkaTopicsTest, EachSettingThatDiffersIsRefusedByName) {
  const std::map<std::string, std::string> others = {
      {"cleanup.policy", "compact"},     {"max.message.bytes", "1000000"}, {"message.timestamp.type", "CreateTime"},
      {"retention.bytes", "1073741824"}, {"retention.ms", "604800000"},    {"unclean.leader.election.enable", "true"}};
  const std::string prefix = options_.topic_prefix;
  for (const auto& [setting, value] : others) {
    options_.topic_prefix = prefix + setting + ".";
    kafka::NewTopicSpec topic = Journey();
    const std::string wanted = topic.settings.at(setting);
    topic.settings[setting] = value;
    ASSERT_TRUE(Create(topic).ok());
    ExpectRefusedNaming({"journey." + setting, "is " + value, wanted});
  }
}

TEST_F(KafkaTopicsTest, FewerSynchronousCopiesThanTwoAreRefused) {
  kafka::FoundTopic found{.name = "journey", .partitions = 4, .replication = 3};
  options_.dev = false;
  found.settings = Journey().settings;
  EXPECT_TRUE(kafka::CheckTopic(options_, options_.logs[0], found).ok());
  found.settings["min.insync.replicas"] = "1";
  EXPECT_THAT(std::string(kafka::CheckTopic(options_, options_.logs[0], found).message()),
              HasSubstr("journey.min.insync.replicas: is 1, wanted is at least 2"));
}

TEST_F(KafkaTopicsTest, AnInterruptedApplyIsFinishedByTheNext) {
  ASSERT_TRUE(Create(Journey()).ok());
  ASSERT_TRUE(Create(kafka::WantedTopic(options_, options_.logs[1])).ok());
  const absl::Status unfinished = OpenKafkaLog(options_).status();
  EXPECT_EQ(unfinished.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(unfinished.message()), HasSubstr("tributary topics apply"));
  const auto finished = ApplyTopics(options_);
  ASSERT_TRUE(finished.ok()) << finished.status();
  EXPECT_FALSE(finished->topics[0].created);
  EXPECT_EQ(finished->topics[0].genesis_written, 4);
  EXPECT_EQ((*OpenKafkaLog(options_))->id(), finished->log_id);
}

TEST_F(KafkaTopicsTest, SeveralMayApplyAtOnceAndAgree) {
  std::vector<absl::StatusOr<TopicsReport>> reports(4, absl::UnknownError("not run"));
  {
    std::vector<std::jthread> threads;
    for (auto& report : reports) threads.emplace_back([&] { report = ApplyTopics(options_); });
  }
  const auto log = OpenKafkaLog(options_);
  ASSERT_TRUE(log.ok()) << log.status();
  for (const auto& report : reports) {
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->log_id, (*log)->id());
  }
}

TEST_F(KafkaTopicsTest, PartitionsOfAnotherLogAreDataLoss) {
  ASSERT_TRUE(Create(Journey()).ok());
  kafka::Partitions partitions;
  const PartitionRef ref{"journey", Partition(2)};
  partitions.emplace(ref, std::make_unique<kafka::KafkaPartition>(ref, Journey().name));
  kafka::Waker waker;
  {
    kafka::KafkaProducer producer(partitions,
                                  *kafka::ProducerConnection::Open(options_, waker, std::make_shared<HealthState>()));
    ASSERT_TRUE(AppendAndWait(producer, ref, GenesisRecord("another log")).ok());
  }
  EXPECT_EQ(ApplyTopics(options_).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_FALSE(OpenKafkaLog(options_).ok());
}

TEST_F(KafkaTopicsTest, SettingsOtherThanOfTlsAndSaslAreRefusedByName) {
  options_.security = {{"acks", "0"}};
  const absl::Status status = OpenKafkaLog(options_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailOf(status)->field, "security.acks");
  options_.security = {{"security.protocol", "carrier_pigeon"}};
  EXPECT_EQ(DetailOf(OpenKafkaLog(options_).status())->field, "security.protocol");
}

TEST_F(KafkaTopicsTest, OptionsOutOfBoundsAreRefusedByField) {
  const auto field = [](const KafkaOptions& options) { return DetailOf(OpenKafkaLog(options).status())->field; };
  KafkaOptions options = options_;
  options.brokers.clear();
  EXPECT_EQ(field(options), "brokers");
  options = options_;
  options.topic_prefix = "a/b";
  EXPECT_EQ(field(options), "topic_prefix");
  options = options_;
  options.id_log = "elsewhere";
  EXPECT_EQ(field(options), "id_log");
  options = options_;
  options.delivery_timeout = absl::Milliseconds(1);
  EXPECT_EQ(field(options), "delivery_timeout");
  options = options_;
  options.reader_bytes = 1;
  EXPECT_EQ(field(options), "reader_bytes");
}

}  // namespace
}  // namespace tributary::eventlog
