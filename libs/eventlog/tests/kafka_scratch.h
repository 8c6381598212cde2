// Topics of a test's own on the broker that TRIBUTARY_TEST_KAFKA names ("host:port,...").
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "fmt/format.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/kafka/kafka_log.h"
#include "xxhash.h"

namespace tributary::eventlog {

inline std::string TestBrokers() {
  const char* const brokers = std::getenv("TRIBUTARY_TEST_KAFKA");
  return brokers == nullptr ? "" : brokers;
}

// `scratch`: any text; the same gives the same topics until the process ends, and no other test has them.
inline KafkaOptions TestOptions(std::string_view scratch, const Clock& clock, Random& random) {
  static const uint64_t run = SystemRandom().Next64();
  KafkaOptions options;
  options.brokers = TestBrokers();
  options.topic_prefix = fmt::format("test.{:016x}.{:016x}.", run, XXH3_64bits(scratch.data(), scratch.size()));
  options.logs = {{"journey", 4}, {"registry", 1}};
  options.dev = true;
  options.clock = &clock;
  options.random = &random;
  return options;
}

}  // namespace tributary::eventlog
