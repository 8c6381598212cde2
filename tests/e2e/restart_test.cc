// Stopping, starting and rebuilding change nothing of what is known.
#include <map>
#include <string>
#include <tuple>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "platform.h"

namespace tributary::e2e {
namespace {

class RestartTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
    const std::string file = (platform_.folder() / "purchases.txt").string();
    const Finished generated =
        RunToEnd(platform_.Command({"generate", "--kind", "purchases", "--customers", "300", "--out", file}));
    ASSERT_EQ(generated.exit_code, 0) << generated.out;
    const Finished imported =
        platform_.Cli({"import", "csv", file, "--format", "cdnow", "--source", "shop", "--create-source", "--wait"});
    ASSERT_EQ(imported.exit_code, 0) << imported.out;
    const auto totals = platform_.Sum();
    ASSERT_TRUE(totals.ok()) << totals.status();
    ASSERT_EQ(totals->profiles, 300);
    before_ = *totals;
  }

  // Once all tasks have seen the end of their log: where each log ends, by task.
  std::map<std::string, int64_t> LogEnds() {
    std::map<std::string, int64_t> ends;
    const bool idle = WaitUntil(
        [&] {
          const auto tasks = platform_.Tasks();
          if (!tasks.ok() || tasks->empty()) return false;
          for (const operations::v1::Task& task : *tasks) {
            if (task.state() != operations::v1::TASK_STATE_RUNNING || task.lag() != 0) return false;
            ends[task.processor() + "/" + task.log() + "/" + std::to_string(task.partition())] = task.log_end();
          }
          return true;
        },
        platform_.server());
    EXPECT_TRUE(idle);
    return ends;
  }

  Platform platform_;
  Totals before_;
};

TEST_F(RestartTest, SecondStartAfterSigtermReplaysNothingAndDecidesNothing) {
  ASSERT_EQ(platform_.Stop(), 0);
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  const std::map<std::string, int64_t> ends = LogEnds();
  const auto tasks = platform_.Tasks();
  ASSERT_TRUE(tasks.ok());
  for (const operations::v1::Task& task : *tasks) {
    EXPECT_EQ(task.batches(), 0) << task.processor() << " on " << task.log() << " " << task.partition();
  }
  EXPECT_EQ(platform_.Sum().value(), before_);
  ASSERT_EQ(platform_.Stop(), 0);
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  EXPECT_EQ(LogEnds(), ends);
}

TEST_F(RestartTest, RebuiltProjectionsHaveTheDigestsTheyHadAndAnswerTheSame) {
  ASSERT_EQ(platform_.Stop(), 0);
  const Finished rebuilt = platform_.Cli({"rebuild", "--json"});
  ASSERT_EQ(rebuilt.exit_code, 0) << rebuilt.out;
  std::istringstream lines(rebuilt.out);
  std::string line;
  int tasks = 0;
  while (std::getline(lines, line)) {
    const nlohmann::json task = nlohmann::json::parse(line, nullptr, false);
    if (!task.is_object() || !task.contains("digest_before")) continue;
    ++tasks;
    EXPECT_EQ(task["digest_before"], task["digest_after"]) << line;
    EXPECT_FALSE(task["digest_before"].get<std::string>().empty()) << line;
  }
  EXPECT_GE(tasks, 3) << rebuilt.out;
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  EXPECT_EQ(platform_.Sum().value(), before_);
  const Finished verified = platform_.Cli({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << verified.out;
}

TEST_F(RestartTest, ASecondServerOnTheSameDataIsRefused) {
  Process second(platform_.Command({"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}),
                 platform_.folder() / "second.log");
  const auto exit_code = second.WaitFor(absl::Seconds(30));
  ASSERT_TRUE(exit_code.has_value()) << "two servers run on one data directory";
  EXPECT_NE(*exit_code, 0);
  EXPECT_EQ(platform_.Sum().value(), before_);
}

}  // namespace
}  // namespace tributary::e2e
