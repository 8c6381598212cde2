// Appends without end from several threads and reports what was acknowledged, until it is killed.
//   eventlog_crash_child <directory> <round> <file descriptor of the pipe>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "tests/crash_record.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"

namespace tributary::eventlog {
namespace {

void AppendForEver(EventLog& log, int32_t round, int32_t appender, int pipe) {
  auto producer = *log.OpenProducer();
  for (int64_t sequence = 0;; ++sequence) {
    Record record{.key = CrashKey(round, appender),
                  .type = "crash",
                  .headers = {},
                  .value = CrashValue(round, appender, sequence)};
    producer->Append({"journey", Partition(CrashPartition(sequence))}, std::move(record),
                     [=](absl::StatusOr<Offset> offset) {
                       if (!offset.ok()) std::abort();
                       const CrashReport report{round, appender, sequence, offset->value()};
                       if (write(pipe, &report, sizeof(report)) != sizeof(report)) std::abort();
                     });
  }
}

int Run(const char* directory, int32_t round, int pipe) {
  SystemClock clock;
  SystemRandom random;
  EmbeddedLogOptions options;
  options.path = directory;
  options.logs = {{"journey", kCrashPartitions}};
  options.clock = &clock;
  options.random = &random;
  options.max_waiting_bytes = 256 << 10;
  auto log = OpenEmbeddedLog(options);
  if (!log.ok()) return 1;
  std::vector<std::jthread> threads;
  for (int32_t appender = 0; appender < kCrashAppenders; ++appender) {
    threads.emplace_back([&, appender] { AppendForEver(**log, round, appender, pipe); });
  }
  threads.clear();
  return 0;
}

}  // namespace
}  // namespace tributary::eventlog

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  return tributary::eventlog::Run(argv[1], std::atoi(argv[2]), std::atoi(argv[3]));
}
