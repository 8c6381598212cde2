// A process that appends is killed at random moments; what it acknowledged must be there, and nothing twice.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/crash_record.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {
namespace {

constexpr int kRounds = 8;

// Lets a child append until it has acknowledged `reports`, kills it, and returns all that it acknowledged.
std::vector<CrashReport> RunAndKill(const std::string& directory, int round, size_t reports) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const std::string round_text = std::to_string(round);
  // The copy in the child stays open over exec.
  const int in_child = 3;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], in_child);
  std::string program = EVENTLOG_CRASH_CHILD;
  std::string arguments[] = {directory, round_text, std::to_string(in_child)};
  char* argv[] = {program.data(), arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
  pid_t child = 0;
  const int spawned = posix_spawn(&child, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  EXPECT_EQ(spawned, 0);
  std::vector<CrashReport> acknowledged;
  bool killed = false;
  CrashReport report;
  while (spawned == 0 && read(ends[0], &report, sizeof(report)) == sizeof(report)) {
    acknowledged.push_back(report);
    if (killed || acknowledged.size() < reports) continue;
    kill(child, SIGKILL);
    killed = true;  // what is in the pipe still counts
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself: " << status;
  return acknowledged;
}

class CrashTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove_all(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::vector<std::vector<RecordPtr>> ReadEverything() {
    EmbeddedLogOptions options;
    options.path = directory_;
    options.logs = {{"journey", kCrashPartitions}};
    options.clock = &clock_;
    options.random = &random_;
    auto log = OpenEmbeddedLog(options);
    EXPECT_TRUE(log.ok()) << log.status();
    std::vector<std::vector<RecordPtr>> partitions;
    for (int32_t partition = 0; log.ok() && partition < kCrashPartitions; ++partition) {
      auto records = ReadAll(**log, {"journey", Partition(partition)});
      EXPECT_TRUE(records.ok()) << records.status();
      partitions.push_back(*std::move(records));
    }
    return partitions;
  }

  // Offsets without a gap; of each appender in each round the first so many of its records, in order, whole.
  static void CheckSequences(const std::vector<RecordPtr>& records, int32_t partition) {
    std::map<std::string, int64_t> next;  // by appender and round
    for (size_t i = 0; i < records.size(); ++i) {
      ASSERT_EQ(records[i]->offset, Offset(static_cast<int64_t>(i)));
      const Record& record = records[i]->record;
      if (record.type == kGenesisType) continue;
      const int32_t round = std::stoi(record.key);
      const int32_t appender = std::stoi(record.key.substr(record.key.find('/') + 1));
      int64_t& sequence = next.emplace(record.key, partition).first->second;
      ASSERT_EQ(record.value, CrashValue(round, appender, sequence)) << "appender " << record.key;
      sequence += kCrashPartitions;
    }
  }

  const std::string directory_ = fmt::format("{}/eventlog_crash_test_{}", testing::TempDir(), getpid());
  SystemClock clock_;
  SystemRandom random_;
};

TEST_F(CrashTest, WhatWasAcknowledgedSurvivesKill9WithoutGapsAndNothingIsTwice) {
  std::vector<CrashReport> acknowledged;
  for (int round = 0; round < kRounds; ++round) {
    const size_t reports = 1 + random_.Next64() % (round % 2 == 0 ? 200 : 10'000);
    SCOPED_TRACE(fmt::format("round {}, killed after {} acknowledgements", round, reports));
    for (const CrashReport& report : RunAndKill(directory_, round, reports)) acknowledged.push_back(report);
    ASSERT_FALSE(HasFailure());
    const auto partitions = ReadEverything();
    ASSERT_EQ(partitions.size(), static_cast<size_t>(kCrashPartitions));
    for (int32_t partition = 0; partition < kCrashPartitions; ++partition) {
      CheckSequences(partitions[partition], partition);
    }
    std::set<std::pair<int32_t, int64_t>> places;
    for (const CrashReport& report : acknowledged) {
      const int32_t partition = CrashPartition(report.sequence);
      ASSERT_TRUE(places.emplace(partition, report.offset).second) << "acknowledged twice: offset " << report.offset;
      ASSERT_LT(report.offset, static_cast<int64_t>(partitions[partition].size())) << "acknowledged, not there";
      const Record& record = partitions[partition][report.offset]->record;
      ASSERT_EQ(record.key, CrashKey(report.round, report.appender));
      ASSERT_EQ(record.value, CrashValue(report.round, report.appender, report.sequence));
    }
  }
}

}  // namespace
}  // namespace tributary::eventlog
