#include <string>

#include "gtest/gtest.h"
#include "kafka/handle.h"
#include "tests/kafka_scratch.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {
namespace {

// What kafka-consumer-groups would show; -1001 if the group has none, -1 if nobody tells. Not by
// rd_kafka_ListConsumerGroupOffsets: that of librdkafka 2.0.2 crashes where a fresh coordinator answers with an error.
int64_t CommittedOffset(const KafkaOptions& options, const std::string& group, const std::string& topic) {
  const auto client = *kafka::Handle::Open(options, RD_KAFKA_CONSUMER, {{"group.id", group}}, 0);
  const kafka::PartitionList list(rd_kafka_topic_partition_list_new(1));
  const rd_kafka_topic_partition_t* const asked = rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 1);
  return rd_kafka_committed(client->get(), list.get(), 5'000) == RD_KAFKA_RESP_ERR_NO_ERROR ? asked->offset : -1;
}

TEST(KafkaPositions, AReportedPositionIsItsGroupsOffset) {
  SystemClock clock;
  SystemRandom random;
  const KafkaOptions options = TestOptions("positions", clock, random);
  ASSERT_FALSE(options.brokers.empty()) << "TRIBUTARY_TEST_KAFKA does not name a broker";
  ASSERT_TRUE(ApplyTopics(options).ok());
  auto log = OpenKafkaLog(options);
  ASSERT_TRUE(log.ok()) << log.status();
  (*log)->ReportPosition("profile", {"journey", Partition(1)}, Offset(7));
  (*log)->ReportPosition("profile", {"journey", Partition(1)}, Offset(9));
  (*log)->ReportPosition("profile", {"nowhere", Partition(1)}, Offset(9));
  // A new cluster makes its topic of groups first, and the log tries again every second.
  const absl::Duration until = clock.Monotonic() + absl::Seconds(60);
  int64_t offset = -1;
  while (offset != 9 && clock.Monotonic() < until) {
    offset = CommittedOffset(options, options.topic_prefix + "profile", options.topic_prefix + "journey");
  }
  EXPECT_EQ(offset, 9);
}

}  // namespace
}  // namespace tributary::eventlog
