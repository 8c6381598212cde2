// A purchase history comes in whole and once, whatever happens on the way.
#include <signal.h>

#include "gtest/gtest.h"
#include "history.h"
#include "platform.h"
#include "tributary/generator/purchases.h"

namespace tributary::e2e {
namespace {

constexpr char kSource[] = "shop";

class ImportTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = platform_.folder() / "purchases.txt";
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
  }

  void Generate(int customers) {
    const Finished generated = RunToEnd(platform_.Command(
        {"generate", "--kind", "purchases", "--customers", std::to_string(customers), "--out", file_.string()}));
    ASSERT_EQ(generated.exit_code, 0) << generated.out;
    expected_ = AddUp(file_);
    ASSERT_EQ(expected_.totals.profiles, customers);
  }

  std::vector<std::string> ImportCommand(const std::string& more) const {
    return platform_.Command(
        {"import", "csv", file_.string(), "--format", "cdnow", "--source", kSource, "--create-source", more});
  }

  void Import() {
    const Finished imported = RunToEnd(ImportCommand("--wait"));
    ASSERT_EQ(imported.exit_code, 0) << imported.out;
  }

  void ExpectExactlyTheHistory() {
    const auto totals = platform_.Sum();
    ASSERT_TRUE(totals.ok()) << totals.status();
    EXPECT_EQ(*totals, expected_.totals);
    ExpectEachCustomer(platform_, kSource, expected_);
  }

  // Kills the server once some of the rows are in its log, and long before all are.
  void KillServerMidway(Process& importing) {
    ASSERT_TRUE(WaitUntil([this] { return platform_.IntakeRecords() > expected_.totals.orders / 8; }, importing));
    ASSERT_FALSE(importing.WaitFor(absl::ZeroDuration())) << "the import had ended before the kill";
    platform_.Kill();
  }

  void ExpectClean() {
    const Finished verified = platform_.Cli({"verify"});
    EXPECT_EQ(verified.exit_code, 0) << verified.out;
  }

  Platform platform_;
  std::filesystem::path file_;
  ExpectedHistory expected_;
};

TEST_F(ImportTest, TotalsAndEachCustomerAreThoseOfTheFileAndImportingAgainAddsNothing) {
  ASSERT_NO_FATAL_FAILURE(Generate(800));
  ASSERT_NO_FATAL_FAILURE(Import());
  ExpectExactlyTheHistory();
  ASSERT_NO_FATAL_FAILURE(Import());
  ExpectExactlyTheHistory();
  ExpectClean();
}

TEST_F(ImportTest, GeneratorTellsWhatTheImportComesTo) {
  ASSERT_NO_FATAL_FAILURE(Generate(50));
  const auto purchases = generator::MakePurchases({.customers = 50});
  ASSERT_TRUE(purchases.ok());
  const generator::PurchaseTotals totals = generator::Sum(*purchases);
  EXPECT_EQ(totals.rows, expected_.totals.orders);
  EXPECT_EQ(Amount::Of(totals.cents / 100, static_cast<int32_t>(totals.cents % 100) * 10'000'000)->ToString(),
            expected_.totals.gross["USD"]);
}

TEST_F(ImportTest, GoesOnByItselfWhenTheServerIsKilledAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(Generate(8'000));
  Process importing(ImportCommand("--wait"), platform_.folder() / "import.log");
  ASSERT_NO_FATAL_FAILURE(KillServerMidway(importing));
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  ASSERT_EQ(importing.WaitFor(absl::Seconds(60)), 0) << ReadAll(platform_.folder() / "import.log");
  ExpectExactlyTheHistory();
  ExpectClean();
}

TEST_F(ImportTest, KilledTogetherWithTheServerItIsResumedWithoutLossOrDouble) {
  ASSERT_NO_FATAL_FAILURE(Generate(8'000));
  {
    Process importing(ImportCommand("--resume"), platform_.folder() / "import.log");
    ASSERT_NO_FATAL_FAILURE(KillServerMidway(importing));
    importing.Signal(SIGKILL);
    ASSERT_EQ(importing.WaitFor(absl::Seconds(10)), 128 + SIGKILL);
  }
  ASSERT_NO_FATAL_FAILURE(platform_.Start());
  std::vector<std::string> resume = ImportCommand("--resume");
  resume.emplace_back("--wait");
  const Finished resumed = RunToEnd(resume);
  ASSERT_EQ(resumed.exit_code, 0) << resumed.out;
  ExpectExactlyTheHistory();
  ExpectClean();
}

}  // namespace
}  // namespace tributary::e2e
