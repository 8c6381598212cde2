#include <filesystem>
#include <fstream>
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "input/event_json.h"
#include "nlohmann/json.hpp"
#include "tributary/generator/truth.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;

class GenerateTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           fmt::format("generate_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::string Path(const char* name) const { return (dir_ / name).string(); }
  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    return RunCommandLine(session, std::move(arguments));
  }
  int RunHistory(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"generate", "--kind", "history", "--out", Path("events"), "--people", "30"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments);
  }

  std::filesystem::path dir_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(GenerateTest, HistoryIsWrittenForIngestWithTheTruthBesideIt) {
  ASSERT_EQ(RunHistory({"--truth", Path("truth"), "--start", "2026-02-01", "--days", "40", "--json"}), kOk)
      << err_.str();
  const auto summary = nlohmann::json::parse(out_.str());
  EXPECT_EQ(summary["sources"].size(), 8);

  std::ifstream file(Path("events"));
  NdjsonReader reader(file, {});
  std::ifstream truth_file(Path("truth"));
  const generator::Truth truth = generator::ParseTruth(truth_file).value();
  EXPECT_EQ(summary["identifiers"], truth.identifiers.size());
  size_t events = 0;
  ReadEvent read;
  while (reader.Next(read)) {
    ASSERT_TRUE(read.status.ok()) << read.status;
    ASSERT_LT(events, truth.events.size());
    EXPECT_EQ(read.event.event_id(), truth.events[events++].event_id);
    EXPECT_GE(read.event.occurred_at().seconds(), 1'769'878'800);  // 2026-02-01 in Bangkok
    EXPECT_LT(read.event.occurred_at().seconds(), 1'769'878'800 + 40 * 86'400);
  }
  EXPECT_EQ(events, truth.events.size());
  EXPECT_EQ(summary["events"], events);
}

TEST_F(GenerateTest, WithoutTruthNoneIsWritten) {
  ASSERT_EQ(RunHistory({"--days", "30"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("example customer"));
  EXPECT_FALSE(std::filesystem::exists(Path("truth")));
}

TEST_F(GenerateTest, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(RunHistory({"--start", "1st of May"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("--start"));
  EXPECT_EQ(RunHistory({"--days", "29"}), kUsage);
  EXPECT_EQ(RunHistory({"--truth", (dir_ / "no" / "where").string()}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("--truth"));
  EXPECT_EQ(Run({"generate", "--kind", "purchases", "--out", Path("p"), "--truth", Path("truth")}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--kind history"));
}

}  // namespace
}  // namespace tributary::cli
