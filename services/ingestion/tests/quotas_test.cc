#include "ingestion/quotas.h"

#include "gtest/gtest.h"

namespace tributary::ingestion::testing {
namespace {

WorkspaceEntry Workspace(const std::string& id, int64_t events_per_second, int64_t burst_events = 0) {
  WorkspaceEntry workspace;
  workspace.workspace_id = id;
  workspace.events_per_second = events_per_second;
  workspace.burst_events = burst_events;
  return workspace;
}

class QuotasTest : public ::testing::Test {
 protected:
  FakeClock clock_;
  Quotas quotas_{&clock_};
};

TEST_F(QuotasTest, WithoutAQuotaEverythingPasses) {
  const WorkspaceEntry workspace = Workspace("w", 0, 10);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(quotas_.Take(workspace, 1'000'000), absl::ZeroDuration());
}

TEST_F(QuotasTest, ABurstPassesAndWhatFollowsWaitsItsTime) {
  const WorkspaceEntry workspace = Workspace("w", 100, 500);
  EXPECT_EQ(quotas_.Take(workspace, 500), absl::ZeroDuration());
  EXPECT_EQ(quotas_.Take(workspace, 50), absl::Milliseconds(500));
  clock_.Advance(absl::Milliseconds(499));
  EXPECT_EQ(quotas_.Take(workspace, 50), absl::Milliseconds(1));
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(quotas_.Take(workspace, 50), absl::ZeroDuration());
  EXPECT_GT(quotas_.Take(workspace, 1), absl::ZeroDuration());
}

TEST_F(QuotasTest, OnAverageTheRateHoldsWhateverTheBatches) {
  const WorkspaceEntry workspace = Workspace("w", 100);
  int64_t taken = 0;
  for (int64_t batch = 1; taken < 10'000; batch = batch % 400 + 7) {
    while (true) {
      const absl::Duration wait = quotas_.Take(workspace, batch);
      if (wait == absl::ZeroDuration()) break;
      clock_.Advance(wait);
    }
    taken += batch;
  }
  const absl::Duration elapsed = clock_.Now() - FakeClock().Now();
  // What came at first, the bucket's 100, and the last batch, which need not be paid for yet.
  EXPECT_NEAR(absl::ToDoubleSeconds(elapsed), static_cast<double>(taken) / 100, 1 + 4.1);
}

TEST_F(QuotasTest, MoreThanTheBucketHoldsPassesWhenItIsFullAndIsPaidForLater) {
  const WorkspaceEntry workspace = Workspace("w", 100, 10);
  EXPECT_EQ(quotas_.Take(workspace, 1'000), absl::ZeroDuration());
  EXPECT_EQ(quotas_.Take(workspace, 1), absl::Milliseconds(9'910));
  clock_.Advance(absl::Milliseconds(9'910));
  EXPECT_EQ(quotas_.Take(workspace, 1), absl::ZeroDuration());
}

TEST_F(QuotasTest, APauseSavesNoMoreThanTheBurst) {
  const WorkspaceEntry workspace = Workspace("w", 100);
  EXPECT_EQ(quotas_.Take(workspace, 100), absl::ZeroDuration());
  clock_.Advance(absl::Hours(10));
  EXPECT_EQ(quotas_.Take(workspace, 100), absl::ZeroDuration());
  EXPECT_GT(quotas_.Take(workspace, 1), absl::ZeroDuration());
}

TEST_F(QuotasTest, WorkspacesDoNotShareAndAChangedQuotaCountsAtOnce) {
  EXPECT_EQ(quotas_.Take(Workspace("a", 10), 10), absl::ZeroDuration());
  EXPECT_GT(quotas_.Take(Workspace("a", 10), 10), absl::ZeroDuration());
  EXPECT_EQ(quotas_.Take(Workspace("b", 10), 10), absl::ZeroDuration());
  EXPECT_EQ(quotas_.Take(Workspace("a", 1'000), 10), absl::Milliseconds(10));
  EXPECT_EQ(quotas_.Take(Workspace("a", 0), 10), absl::ZeroDuration());
}

}  // namespace
}  // namespace tributary::ingestion::testing
