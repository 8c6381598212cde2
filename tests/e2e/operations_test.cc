// What operators ask for by name: tasks, and records of a log by their types.
#include <sstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "platform.h"

namespace tributary::e2e {
namespace {

using ::testing::HasSubstr;

class OperationsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
    ASSERT_EQ(platform_.Cli({"source", "create", "web"}).exit_code, 0);
  }

  // One event of `id`, identity's decision of it included.
  void Ingest(const std::string& id) {
    const std::filesystem::path file = platform_.folder() / (id + ".ndjson");
    WriteAll(file, fmt::format(R"({{"event_id":"{0}","source_id":"web","occurred_at":"2026-01-05T10:00:00Z",)"
                               R"("identifiers":[{{"type":"email","value":"{0}@example.com"}}],)"
                               R"("tracked":{{"name":"Seen"}}}})"
                               "\n",
                               id));
    const Finished sent = platform_.Cli({"ingest", file.string(), "--wait"});
    ASSERT_EQ(sent.exit_code, 0) << sent.out;
  }

  // The records of all partitions of intake that a tail with `types` shows, with their values.
  std::vector<nlohmann::json> Tail(const std::string& types) {
    std::vector<nlohmann::json> records;
    const absl::StatusOr<std::vector<operations::v1::Task>> tasks = platform_.Tasks();
    EXPECT_TRUE(tasks.ok()) << tasks.status();
    if (!tasks.ok()) return records;
    for (const operations::v1::Task& task : *tasks) {
      if (task.processor() != "identity") continue;
      std::vector<std::string> tail{"log",      "tail",  fmt::format("intake/{}", task.partition()), "--from", "0",
                                    "--values", "--json"};
      if (!types.empty()) tail.insert(tail.end(), {"--types", types});
      const Finished told = platform_.Cli(tail);
      EXPECT_EQ(told.exit_code, 0) << told.out;
      std::istringstream lines(told.out);
      for (std::string line; std::getline(lines, line);) {
        records.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
      }
    }
    return records;
  }

  static bool Decides(const nlohmann::json& record, const std::string& type) {
    if (record["type"] != "decision_batch") return false;
    for (const auto& decision : record["value"].value("decisions", nlohmann::json::array())) {
      if (decision["type"] == type) return true;
    }
    return false;
  }

  Platform platform_;
};

TEST_F(OperationsTest, ATaskThatIsNotThereIsNoSuchTaskWhateverIsAskedOfIt) {
  for (const std::vector<std::string>& asked :
       {std::vector<std::string>{"verify"}, {"tasks"}, {"dead-letters", "list"}}) {
    for (const std::vector<std::string>& named :
         {std::vector<std::string>{"--processor", "profil"}, {"--log", "journal"}, {"--partition", "99"}}) {
      std::vector<std::string> command = asked;
      command.insert(command.end(), named.begin(), named.end());
      const Finished refused = platform_.Cli(command);
      EXPECT_EQ(refused.exit_code, 1) << asked[0] << " " << named[0] << ": " << refused.out;
      EXPECT_THAT(refused.out, HasSubstr("(NO_SUCH_TASK)")) << asked[0] << " " << named[0];
    }
    std::vector<std::string> all = asked;
    all.insert(all.end(), {"--processor", "profile"});
    EXPECT_EQ(platform_.Cli(all).exit_code, 0) << asked[0];
  }
  const Finished redriven = platform_.Cli({"dead-letters", "redrive", "profile", "journey", "99", "0"});
  EXPECT_EQ(redriven.exit_code, 1);
  EXPECT_THAT(redriven.out, HasSubstr("(NO_SUCH_TASK)"));
}

TEST_F(OperationsTest, ATailByTypesShowsRecordsOfThemAndBatchesThatDecideThem) {
  ASSERT_NO_FATAL_FAILURE(Ingest("a"));
  ASSERT_NO_FATAL_FAILURE(Ingest("b"));
  ASSERT_NO_FATAL_FAILURE(Ingest("a"));
  const std::vector<nlohmann::json> duplicates = Tail("duplicate_seen");
  ASSERT_EQ(duplicates.size(), 1U);
  EXPECT_EQ(duplicates[0]["type"], "decision_batch");
  EXPECT_TRUE(Decides(duplicates[0], "duplicate_seen")) << duplicates[0].dump();
  const std::vector<nlohmann::json> events = Tail("customer_event");
  EXPECT_EQ(events.size(), 3U);
  for (const nlohmann::json& event : events) EXPECT_EQ(event["type"], "customer_event");

  int expected = 0;
  for (const nlohmann::json& record : Tail("")) {
    expected += record["type"] == "customer_event" || Decides(record, "event_resolved") ? 1 : 0;
  }
  EXPECT_GE(expected, 4);
  EXPECT_EQ(Tail("customer_event,event_resolved").size(), static_cast<size_t>(expected));
  EXPECT_EQ(Tail("no_such_type").size(), 0U);
}

}  // namespace
}  // namespace tributary::e2e
