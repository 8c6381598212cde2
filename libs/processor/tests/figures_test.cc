// What a task's metrics show is how it stands, also when it has nothing to do for long.
#include <gmock/gmock.h>

#include "tests/bench.h"
#include "tributary/metrics/registry.h"

namespace tributary::processor {
namespace {

using ::testing::HasSubstr;

std::string Line(std::string_view name, int value) {
  return fmt::format("tributary_task_{}{{log=\"journey\",partition=\"0\",processor=\"tally\"}} {}\n", name, value);
}

TEST(Figures, OfATaskThatHasGoneIdleAreItsLast) {
  Bench bench;
  metrics::Registry registry;
  Instance a(bench, {}, {}, nullptr, metrics::TaskMetrics(registry, "tally", "journey", 0));
  a.Run();
  // The clock stands still: all of this happens soon after the figures were shown.
  for (int i = 0; i < 30; ++i) bench.Append(Word("x"));
  while (a.status().visible.value() + 1 == a.status().end.value()) a.task().Step();
  EXPECT_TRUE(a.Run());
  EXPECT_THAT(registry.Text(), HasSubstr(Line("lag_records", 0)));
  EXPECT_THAT(registry.Text(), HasSubstr(Line("records_total", 30)));
  EXPECT_THAT(registry.Text(), HasSubstr(Line("decisions_total", 30)));
  EXPECT_THAT(registry.Text(), HasSubstr(Line("freshness_seconds", 0)));
}

TEST(Figures, OfATaskThatHasHaltedSayHowFarItIsBehind) {
  Bench bench;
  metrics::Registry registry;
  Instance a(bench, {}, {}, nullptr, metrics::TaskMetrics(registry, "tally", "journey", 0));
  a.Run();
  const int64_t lag_before = a.status().end.value() - 1 - a.status().visible.value();
  EXPECT_EQ(lag_before, 0);
  bench.Append(Word("broken"));
  EXPECT_FALSE(a.Run());
  EXPECT_THAT(registry.Text(), HasSubstr(Line("lag_records", 1)));
}

}  // namespace
}  // namespace tributary::processor
