#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "kafka/handle.h"
#include "tests/kafka_scratch.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {
namespace {

using Request =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, kafka::Destroy<rd_kafka_ListConsumerGroupOffsets_destroy>>;

// What kafka-consumer-groups would show; -1001 if the group has none.
int64_t CommittedOffset(const KafkaOptions& options, const std::string& group, const std::string& topic) {
  const auto client = *kafka::Handle::Open(options, RD_KAFKA_PRODUCER, {}, 0);
  const kafka::PartitionList list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 1);
  const Request request(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), list.get()));
  rd_kafka_ListConsumerGroupOffsets_t* asked = request.get();
  const kafka::Queue answers(rd_kafka_queue_new(client->get()));
  rd_kafka_ListConsumerGroupOffsets(client->get(), &asked, 1, nullptr, answers.get());
  const kafka::Event event(rd_kafka_queue_poll(answers.get(), 10'000));
  if (event == nullptr || rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) return -1;
  size_t count = 0;
  const rd_kafka_group_result_t** const groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event.get()), &count);
  return count == 1 ? rd_kafka_group_result_partitions(groups[0])->elems[0].offset : -1;
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
