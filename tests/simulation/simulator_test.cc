#include <string>

#include "gtest/gtest.h"
#include "run.h"

namespace tributary::simulation {
namespace {

constexpr uint64_t kCleanSeeds = 1000;
constexpr uint64_t kMostSeedsToCatch = 300;

std::string ReplayLine(uint64_t seed) {
  return "replay: tributary_simulator --seeds=1 --verbose --first-seed=" + std::to_string(seed);
}

TEST(SimulatorTest, HistoriesWithFaultsOfTheWorldEndAsTheLogSays) {
  for (uint64_t seed = 1; seed <= kCleanSeeds; ++seed) {
    const Outcome outcome = RunSeed(seed, {});
    ASSERT_EQ(outcome.failure, "") << ReplayLine(seed);
  }
}

// The first seed that catches it, or 0.
uint64_t CaughtAt(const Plants& plants) {
  for (uint64_t seed = 1; seed <= kMostSeedsToCatch; ++seed) {
    if (!RunSeed(seed, plants).failure.empty()) return seed;
  }
  return 0;
}

class PlantedFaultTest : public ::testing::TestWithParam<PlantedFault> {};

TEST_P(PlantedFaultTest, IsCaught) { EXPECT_NE(CaughtAt(GetParam().plants), 0u); }

INSTANTIATE_TEST_SUITE_P(All, PlantedFaultTest, ::testing::ValuesIn(PlantedFaults()),
                         [](const auto& fault) { return std::string(fault.param.name); });

TEST(SimulatorTest, AFailingSeedReplaysTheSame) {
  Plants plants;
  plants.task.skip_compare_and_set = true;
  const uint64_t seed = CaughtAt(plants);
  ASSERT_NE(seed, 0u);
  const Outcome first = RunSeed(seed, plants);
  const Outcome again = RunSeed(seed, plants, /*keep_story=*/true);
  EXPECT_EQ(first.failure, again.failure);
  EXPECT_EQ(first.trace, again.trace);
  EXPECT_FALSE(again.story.empty());
}

TEST(SimulatorTest, AnotherSeedIsAnotherHistory) { EXPECT_NE(RunSeed(1, {}).trace, RunSeed(2, {}).trace); }

}  // namespace
}  // namespace tributary::simulation
