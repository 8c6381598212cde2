#include "app.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AppTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(testing::TempDir()) /
           fmt::format("cli_app_{}", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    session.data_dir = dir_.string();
    return RunCommandLine(session, std::move(arguments));
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = (dir_ / name).string();
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path dir_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(AppTest, EveryCommandHasHelpWithAnExample) {
  EXPECT_EQ(Run({"--help"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr("Exit codes"));
  const std::vector<std::vector<std::string>> commands = {{"ingest"},
                                                          {"import"},
                                                          {"import", "csv"},
                                                          {"profile"},
                                                          {"profile", "get"},
                                                          {"profile", "list"},
                                                          {"profile", "traits"},
                                                          {"profile", "consents"},
                                                          {"journey"},
                                                          {"orders"},
                                                          {"totals"},
                                                          {"source"},
                                                          {"source", "create"},
                                                          {"source", "list"},
                                                          {"source", "get"},
                                                          {"source", "disable"},
                                                          {"source", "enable"},
                                                          {"source", "rotate-key"},
                                                          {"workspace", "create"},
                                                          {"workspace", "update"},
                                                          {"workspace", "list"},
                                                          {"credential", "create"},
                                                          {"credential", "list"},
                                                          {"credential", "revoke"},
                                                          {"tasks"},
                                                          {"log", "tail"},
                                                          {"dead-letters", "list"},
                                                          {"dead-letters", "redrive"},
                                                          {"verify"},
                                                          {"segment"},
                                                          {"segment", "apply"},
                                                          {"segment", "list"},
                                                          {"segment", "show"},
                                                          {"segment", "members"},
                                                          {"segment", "delete"},
                                                          {"segment", "check"},
                                                          {"tier"},
                                                          {"tier", "apply"},
                                                          {"tier", "show"},
                                                          {"profile", "segments"},
                                                          {"explain"}};
  for (auto command : commands) {
    command.emplace_back("--help");
    EXPECT_EQ(Run(command), kOk) << command[0];
    EXPECT_THAT(out_.str(), HasSubstr("Example:\n  tributary " + command[0]));
  }
}

TEST_F(AppTest, WrongUsageIsTwo) {
  EXPECT_EQ(Run({}), kUsage);
  EXPECT_EQ(Run({"flow"}), kUsage);
  EXPECT_EQ(Run({"source", "create"}), kUsage);
  EXPECT_EQ(Run({"journey"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("no customer is named"));
  EXPECT_EQ(Run({"journey", "p0-1-0", "--email", "a@example.com"}), kUsage);
  EXPECT_EQ(Run({"ingest", "-", "--resume"}), kUsage);
  EXPECT_EQ(Run({"ingest", "x", "--batch", "1001"}), kUsage);
}

TEST_F(AppTest, NamesTheCommandThatThereIsNot) {
  EXPECT_EQ(Run({"totl", "--json"}), kUsage);
  EXPECT_EQ(err_.str(), "tributary: there is no command `totl`; see `tributary --help`\n");
  EXPECT_EQ(Run({"profile", "wach", "--email", "a@example.com"}), kUsage);
  EXPECT_EQ(err_.str(), "tributary: there is no command `profile wach`; see `tributary profile --help`\n");
  EXPECT_EQ(Run({"profile"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("A subcommand is required"));
}

TEST_F(AppTest, ANegativeNumberIsAnsweredWithWholeNumbers) {
  EXPECT_EQ(Run({"profile", "list", "--limit", "-1"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("Value -1 not in range 0 to 2147483647"));
  EXPECT_EQ(Run({"dead-letters", "redrive", "profile", "journey", "0", "-1"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("not in range 0 to 9223372036854775807"));
}

TEST_F(AppTest, NamesEveryWayToNameACustomer) {
  EXPECT_EQ(Run({"profile", "get"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--customer-id, --email, --phone, --loyalty-card, --identifier"));
}

TEST_F(AppTest, SaysHowToFindAServerThatIsNotKnown) {
  EXPECT_EQ(Run({"totals"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("tributary serve"));
  EXPECT_EQ(Run({"totals", "--server", "127.0.0.1:1", "--credential", "x", "--timeout", "1"}), kUnreachable);
}

TEST_F(AppTest, FindsServerAndSecretInTheClientFile) {
  Write("client.json", R"({"address":"127.0.0.1:7070","workspace_id":"w","admin_secret":"a","operator_secret":"o"})");
  Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
  session.data_dir = dir_.string();
  EXPECT_EQ(FindServer(session, Need::kWorkspace)->secret, "a");
  EXPECT_EQ(FindServer(session, Need::kOperator)->secret, "o");
  EXPECT_EQ(FindServer(session, Need::kOperator)->target, "127.0.0.1:7070");
  session.credential = "mine";
  EXPECT_EQ(FindServer(session, Need::kOperator)->secret, "mine");
  session.credential.clear();
  session.credential_file = Write("secret", "from-file\n");
  EXPECT_EQ(FindServer(session, Need::kWorkspace)->secret, "from-file");
}

TEST_F(AppTest, SendsTheSecretOfTheClientFileToNoOtherServer) {
  Write("client.json", R"({"address":"127.0.0.1:7070","admin_secret":"a","operator_secret":"o"})");
  Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
  session.data_dir = dir_.string();
  session.server = "elsewhere.test:7070";
  EXPECT_EQ(FindServer(session, Need::kWorkspace).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(AppTest, DryRunReadsEverythingAndNeedsNoServer) {
  const std::string file = Write("master.txt",
                                 " customer_id  date number_of_cds  dollar_value\r\n"
                                 " 00001 19970101  1   11.77\r\n 00002 19970112  1   12.00\r\n"
                                 " 00002 19970112  5   77.00\r\n");
  EXPECT_EQ(Run({"import", "csv", file, "--format", "cdnow", "--source", "cdnow", "--dry-run", "--json"}), kOk);
  const auto summary = nlohmann::json::parse(out_.str());
  EXPECT_EQ(summary["rows"], 3);
  EXPECT_EQ(summary["rejected"], 0);
  EXPECT_EQ(summary["totals"]["USD"], "100.77");
  EXPECT_EQ(summary["first"][1]["occurred_at"], "1997-01-12T00:00:00Z");
  EXPECT_EQ(summary["first"][1]["identifiers"][0]["value"], "00002");
  EXPECT_EQ(summary["first"][2]["order_stated"]["lines"][0]["quantity"]["units"], "5");
}

TEST_F(AppTest, DryRunTakesTheSampleFileByTheMastersNumber) {
  const std::string file = Write("sample.txt", " 00004 0001 19970101  2   29.33\n 00021 0002 19970101  3   63.34\n");
  EXPECT_EQ(Run({"import", "csv", file, "--format", "cdnow-sample", "--source", "cdnow", "--dry-run", "--json"}), kOk);
  const auto summary = nlohmann::json::parse(out_.str());
  EXPECT_EQ(summary["rows"], 2);
  EXPECT_EQ(summary["totals"]["USD"], "92.67");
  EXPECT_EQ(summary["first"][0]["identifiers"][0]["value"], "00004");
}

TEST_F(AppTest, DryRunReportsBadRowsInAFileAndByItsExitCode) {
  const std::string file = Write("sales.csv", "member,date,total\nm1,2026-01-05,abc\nm2,2026-01-05,7\n");
  const std::string rejects = (dir_ / "rejects.ndjson").string();
  EXPECT_EQ(Run({"import", "csv", file, "--source", "tills", "--customer-id", "member", "--time", "date", "--amount",
                 "total", "--currency", "THB", "--dry-run", "--rejects", rejects}),
            kSomeRejected);
  EXPECT_THAT(err_.str(), HasSubstr("line 2: amount: is no amount"));
  std::ifstream in(rejects);
  std::string line;
  ASSERT_TRUE(std::getline(in, line));
  const auto rejection = nlohmann::json::parse(line);
  EXPECT_EQ(rejection["line"], 2);
  EXPECT_EQ(rejection["field"], "amount");
  EXPECT_EQ(rejection["reason"], "MALFORMED_AMOUNT");
  EXPECT_THAT(line, Not(HasSubstr("abc")));
  EXPECT_FALSE(std::getline(in, line));
}

TEST_F(AppTest, NamesTheOptionOfAColumnThatIsNotThere) {
  const std::string file = Write("sales.csv", "member,date,total\n");
  EXPECT_EQ(Run({"import", "csv", file, "--source", "tills", "--customer-id", "buyer", "--time", "date", "--amount",
                 "total", "--currency", "THB", "--dry-run"}),
            kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("--customer-id: names a column that is not there"));
}

}  // namespace
}  // namespace tributary::cli
