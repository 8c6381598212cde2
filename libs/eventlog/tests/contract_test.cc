#include "tributary/eventlog/testing/contract.h"

#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/memory_log.h"

namespace tributary::eventlog {
namespace {

ContractFactory Embedded(std::string name, size_t tail_bytes) {
  auto clock = std::make_shared<SystemClock>();
  auto random = std::make_shared<SystemRandom>();
  return {.name = std::move(name), .open = [=](const std::string& dir, const std::vector<LogSpec>& logs) {
            EmbeddedLogOptions options;
            options.path = dir;
            options.logs = logs;
            options.clock = clock.get();
            options.random = random.get();
            options.tail_bytes = tail_bytes;
            return OpenEmbeddedLog(options);
          }};
}

ContractFactory Memory(std::string name, bool synchronous) {
  auto clock = std::make_shared<SystemClock>();
  return {
      .name = std::move(name),
      .open = [=](const std::string&, const std::vector<LogSpec>& logs) -> absl::StatusOr<std::unique_ptr<EventLog>> {
        return MakeMemoryLog({.logs = logs, .clock = clock.get(), .synchronous = synchronous});
      },
      .durable = false};
}

INSTANTIATE_TEST_SUITE_P(AllLogs, EventLogContract,
                         testing::Values(Embedded("Embedded", 64 << 20), Embedded("EmbeddedWithoutTail", 0),
                                         Embedded("EmbeddedWithSmallTail", 4 << 10), Memory("Memory", false),
                                         Memory("MemorySynchronous", true)),
                         ContractName);

}  // namespace
}  // namespace tributary::eventlog
