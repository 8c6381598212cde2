// An embedded log in a directory of the test's own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"

namespace tributary::eventlog {

class ScratchLogTest : public testing::Test {
 protected:
  void SetUp() override {
    const testing::TestInfo* const test = testing::UnitTest::GetInstance()->current_test_info();
    options_.path = testing::TempDir() + "/" + test->test_suite_name() + "." + test->name() + "/log";
    std::filesystem::remove_all(options_.path);
    options_.logs = {{"journey", 2}, {"registry", 1}};
    options_.clock = &clock_;
    options_.random = &random_;
  }
  void TearDown() override {
    log_.reset();
    std::filesystem::remove_all(std::filesystem::path(options_.path).parent_path());
  }

  // Closes what is open, then opens by `options_`.
  absl::Status Open() {
    log_.reset();
    auto log = OpenEmbeddedLog(options_);
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    return absl::OkStatus();
  }
  void MustOpen() {
    const absl::Status status = Open();
    ASSERT_TRUE(status.ok()) << status;
  }
  std::unique_ptr<Producer> NewProducer() { return *log_->OpenProducer(); }
  static Record Make(std::string value) {
    return Record{.key = "k", .type = "test", .headers = {}, .value = std::move(value)};
  }
  absl::StatusOr<Offset> Append(std::string value) {
    return AppendAndWait(*NewProducer(), journey_, Make(std::move(value)));
  }
  absl::StatusOr<std::vector<std::string>> Values() {
    auto records = ReadAll(*log_, journey_, Offset(1));
    if (!records.ok()) return records.status();
    std::vector<std::string> values;
    for (const RecordPtr& record : *records) values.push_back(record->record.value);
    return values;
  }

  const PartitionRef journey_{"journey", Partition(0)};
  FakeClock clock_;
  SeededRandom random_{42};
  EmbeddedLogOptions options_;
  std::unique_ptr<EventLog> log_;
};

}  // namespace tributary::eventlog
