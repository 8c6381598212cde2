#include "tributary/rpc/ownership.h"

#include <cmath>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::rpc {
namespace {

using ::testing::ElementsAre;

constexpr int32_t kPartitions = 4096;

std::vector<int32_t> Owners(std::string_view service, int32_t replicas) {
  const Ownership ownership(service, replicas);
  std::vector<int32_t> owners;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    owners.push_back(ownership.OwnerOf("journey", partition));
  }
  return owners;
}

// Part of what instances of different releases agree on: never to be changed.
TEST(OwnershipTest, OwnersAreTheSameInEveryRelease) {
  EXPECT_THAT(Ownership("profile", 2).OwnedBy(0, "journey", 16), ElementsAre(1, 3, 4, 7, 8, 9, 10));
  EXPECT_THAT(Ownership("profile", 3).OwnedBy(0, "journey", 16), ElementsAre(1, 4, 8, 9, 10));
  EXPECT_THAT(Ownership("profile", 3).OwnedBy(1, "journey", 16), ElementsAre(6, 11, 12, 14, 15));
  EXPECT_THAT(Ownership("profile", 3).OwnedBy(2, "journey", 16), ElementsAre(0, 2, 3, 5, 7, 13));
  EXPECT_THAT(Ownership("identity", 3).OwnedBy(2, "intake", 16), ElementsAre(2, 3, 4, 8, 10, 13, 14));
  EXPECT_EQ(Ownership("feedback", 1024).OwnerOf("journey", 63), 487);
}

TEST(OwnershipTest, EveryPartitionHasOneOwnerAmongTheInstances) {
  for (const int32_t replicas : {1, 2, 3, 7, 64}) {
    const Ownership ownership("profile", replicas);
    size_t owned = 0;
    for (int32_t ordinal = 0; ordinal < replicas; ++ordinal) {
      for (const int32_t partition : ownership.OwnedBy(ordinal, "journey", 64)) {
        EXPECT_EQ(ownership.OwnerOf("journey", partition), ordinal);
        ++owned;
      }
    }
    EXPECT_EQ(owned, 64u) << replicas;
  }
}

// Of a binomial distribution; five deviations leave out less than one in a million.
void ExpectAbout(double share, int count, const std::string& what) {
  const double expected = kPartitions * share;
  const double deviation = std::sqrt(kPartitions * share * (1 - share));
  EXPECT_NEAR(count, expected, 5 * deviation) << what;
}

TEST(OwnershipTest, InstancesOwnAboutTheSameNumber) {
  for (int32_t replicas = 2; replicas <= 32; ++replicas) {
    std::vector<int> owned(static_cast<size_t>(replicas));
    for (const int32_t owner : Owners("profile", replicas)) ++owned.at(static_cast<size_t>(owner));
    for (const int count : owned) ExpectAbout(1.0 / replicas, count, std::to_string(replicas));
  }
}

// Read backwards it is about shrinking: only what the last one owned moves.
TEST(OwnershipTest, GrowingByOneMovesItsShareAndOnlyToTheNewOne) {
  for (const std::string_view service : {"profile", "identity"}) {
    std::vector<int32_t> before = Owners(service, 1);
    for (int32_t replicas = 2; replicas <= 32; ++replicas) {
      const std::vector<int32_t> after = Owners(service, replicas);
      int moved = 0;
      for (size_t i = 0; i < after.size(); ++i) {
        if (after[i] == before[i]) continue;
        ++moved;
        ASSERT_EQ(after[i], replicas - 1) << service << " " << i;
      }
      ExpectAbout(1.0 / replicas, moved, std::to_string(replicas));
      before = after;
    }
  }
}

TEST(OwnershipTest, ServicesAndLogsAreSpreadIndependently) {
  const std::vector<int32_t> profile = Owners("profile", 4);
  const std::vector<int32_t> feedback = Owners("feedback", 4);
  const Ownership ownership("profile", 4);
  int same_service = 0;
  int same_log = 0;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    const auto at = static_cast<size_t>(partition);
    same_service += profile[at] == feedback[at] ? 1 : 0;
    same_log += profile[at] == ownership.OwnerOf("registry", partition) ? 1 : 0;
  }
  ExpectAbout(0.25, same_service, "services");
  ExpectAbout(0.25, same_log, "logs");
}

}  // namespace
}  // namespace tributary::rpc
