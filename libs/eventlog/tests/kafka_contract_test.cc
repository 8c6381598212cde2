#include <memory>

#include "tests/kafka_scratch.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/testing/contract.h"

namespace tributary::eventlog {
namespace {

ContractFactory Kafka() {
  auto clock = std::make_shared<SystemClock>();
  auto random = std::make_shared<SystemRandom>();
  return {.name = "Kafka",
          .open = [=](const std::string& dir,
                      const std::vector<LogSpec>& logs) -> absl::StatusOr<std::unique_ptr<EventLog>> {
            if (TestBrokers().empty()) {
              return absl::FailedPreconditionError("TRIBUTARY_TEST_KAFKA does not name a broker");
            }
            KafkaOptions options = TestOptions(dir, *clock, *random);
            options.logs = logs;
            TRIBUTARY_RETURN_IF_ERROR(ApplyTopics(options).status());
            return OpenKafkaLog(options);
          }};
}

INSTANTIATE_TEST_SUITE_P(Kafka, EventLogContract, testing::Values(Kafka()), ContractName);

}  // namespace
}  // namespace tributary::eventlog
