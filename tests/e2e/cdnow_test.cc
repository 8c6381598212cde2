// The real CDNOW file: 23,570 customers, 69,659 orders, 2,500,315.63 dollars, and never a cent more or less.
#include <cstdlib>

#include "gtest/gtest.h"
#include "history.h"
#include "platform.h"

namespace tributary::e2e {
namespace {

constexpr char kSource[] = "cdnow";

class CdnowTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* given = std::getenv("TRIBUTARY_CDNOW");
    ASSERT_NE(given, nullptr) << "TRIBUTARY_CDNOW must name CDNOW_master.txt";
    file_ = given;
    expected_ = AddUp(file_);
    ASSERT_EQ(expected_.totals.profiles, 23'570);
    ASSERT_EQ(expected_.totals.orders, 69'659);
    ASSERT_EQ(expected_.totals.gross["USD"], "2500315.63");
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
  }

  std::vector<std::string> ImportCommand() const {
    return platform_.Command({"import", "csv", file_.string(), "--format", "cdnow", "--source", kSource,
                              "--create-source", "--resume", "--progress-file",
                              (platform_.folder() / "progress").string(), "--wait"});
  }

  void ExpectExactlyTheFile() {
    const auto totals = platform_.Sum();
    ASSERT_TRUE(totals.ok()) << totals.status();
    EXPECT_EQ(*totals, expected_.totals);
    ExpectEachCustomer(platform_, kSource, expected_);
  }

  void ExpectClean() {
    const Finished verified = platform_.Cli({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out;
  }

  Platform platform_;
  std::filesystem::path file_;
  ExpectedHistory expected_;
};

TEST_F(CdnowTest, ImportIsExactForEachCustomerAndImportingAgainAddsNothing) {
  const Finished imported = RunToEnd(ImportCommand(), absl::Minutes(5));
  ASSERT_EQ(imported.exit_code, 0) << imported.out;
  std::cout << imported.out;
  ExpectExactlyTheFile();
  const Finished again = RunToEnd(ImportCommand(), absl::Minutes(5));
  ASSERT_EQ(again.exit_code, 0) << again.out;
  ExpectExactlyTheFile();
  ExpectClean();
}

TEST_F(CdnowTest, KilledMidwayAndResumedItIsExactAllTheSame) {
  {
    Process importing(ImportCommand(), platform_.folder() / "import.log");
    ASSERT_TRUE(WaitUntil([this] { return platform_.IntakeRecords() > expected_.totals.orders / 4; }, importing,
                          absl::Minutes(5)))
        << ReadAll(platform_.folder() / "import.log");
    platform_.Kill();
    // The client is killed as well, before it finds a server again.
  }
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  const auto partial = platform_.Sum();
  ASSERT_TRUE(partial.ok()) << partial.status();
  ASSERT_LT(partial->orders, expected_.totals.orders) << "the import had ended before the kill";
  const Finished resumed = RunToEnd(ImportCommand(), absl::Minutes(5));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.out;
  std::cout << resumed.out;
  ExpectExactlyTheFile();
  ExpectClean();
}

}  // namespace
}  // namespace tributary::e2e
