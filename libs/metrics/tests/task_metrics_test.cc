#include "tributary/metrics/task_metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLabels[] = "{log=\"intake\",partition=\"3\",processor=\"identity\"}";

TEST(TaskMetricsTest, EverySeriesOfATaskIsExposedUnderItsName) {
  Registry registry;
  TaskMetrics task(registry, "identity", "intake", 3);
  const std::string text = registry.Text();
  for (const char* what :
       {"records_total", "decisions_total", "batches_total", "empty_batches_total", "void_batches_total",
        "dead_letters_total", "relayed_total", "commands_total", "timers_fired_total", "holes_total", "open_holes",
        "lag_records", "freshness_seconds", "commit_seconds_count"}) {
    EXPECT_THAT(text, HasSubstr(std::string("tributary_task_") + what + kLabels + " 0\n"));
  }
}

TEST(TaskMetricsTest, TasksAreCountedApart) {
  Registry registry;
  TaskMetrics third(registry, "identity", "intake", 3);
  TaskMetrics fourth(registry, "identity", "intake", 4);
  third.records.Inc(5);
  third.commit_seconds.Observe(absl::Milliseconds(3));
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr(std::string("tributary_task_records_total") + kLabels + " 5\n"));
  EXPECT_THAT(text,
              HasSubstr("tributary_task_records_total{log=\"intake\",partition=\"4\",processor=\"identity\"} 0\n"));
}

TEST(TaskMetricsTest, ATaskThatMovedAwayIsNoLongerReported) {
  Registry registry;
  {
    TaskMetrics task(registry, "identity", "intake", 3);
    task.lag_records.Set(1000);
  }
  EXPECT_THAT(registry.Text(), Not(HasSubstr("tributary_task_")));
}

}  // namespace
}  // namespace tributary::metrics
