#include "tributary/metrics/registry.h"

#include <atomic>
#include <thread>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RegistryTest, CountersGaugesAndHistogramsAreExposedWithTheirLabels) {
  Registry registry;
  Counter counter = registry.GetCounter("tributary_test_events_total", "Events.", {{"kind", "web"}});
  Gauge gauge = registry.GetGauge("tributary_test_depth", "Depth.");
  Histogram histogram = registry.GetHistogram("tributary_test_wait_seconds", "Wait.", {0.1, 1});
  counter.Inc();
  counter.Inc(2);
  gauge.Set(7);
  gauge.Add(-2);
  histogram.Observe(absl::Milliseconds(50));
  histogram.Observe(5.0);

  EXPECT_EQ(counter.Value(), 3);
  EXPECT_EQ(gauge.Value(), 5);
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("# TYPE tributary_test_events_total counter"));
  EXPECT_THAT(text, HasSubstr("tributary_test_events_total{kind=\"web\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("tributary_test_depth 5\n"));
  EXPECT_THAT(text, HasSubstr("tributary_test_wait_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_test_wait_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("tributary_test_wait_seconds_count 2\n"));
}

TEST(RegistryTest, TheSameNameAndLabelsAreOneSeries) {
  Registry registry;
  Counter first = registry.GetCounter("tributary_test_events_total", "Events.", {{"kind", "web"}});
  Counter second = registry.GetCounter("tributary_test_events_total", "Events.", {{"kind", "web"}});
  Counter other = registry.GetCounter("tributary_test_events_total", "Events.", {{"kind", "app"}});
  first.Inc();
  second.Inc();
  EXPECT_EQ(first.Value(), 2);
  EXPECT_EQ(other.Value(), 0);
}

TEST(RegistryTest, ASeriesIsExposedUntilItsLastHandleGoes) {
  Registry registry;
  Gauge first = registry.GetGauge("tributary_test_lag_records", "Lag.", {{"partition", "3"}});
  Gauge second = first;
  first.Set(9);
  first = Gauge();
  EXPECT_THAT(registry.Text(), HasSubstr("tributary_test_lag_records{partition=\"3\"} 9"));
  second = Gauge();
  EXPECT_THAT(registry.Text(), Not(HasSubstr("partition=\"3\"")));
  Gauge again = registry.GetGauge("tributary_test_lag_records", "Lag.", {{"partition", "3"}});
  EXPECT_THAT(registry.Text(), HasSubstr("tributary_test_lag_records{partition=\"3\"} 0"));
}

TEST(RegistryTest, AHandleMayOutliveItsRegistry) {
  Counter counter;
  {
    Registry registry;
    counter = registry.GetCounter("tributary_test_events_total", "Events.");
  }
  counter.Inc();
  EXPECT_EQ(counter.Value(), 1);
}

TEST(RegistryTest, AHandleWithoutARegistryCountsNowhere) {
  Counter counter;
  Gauge gauge;
  Histogram histogram;
  counter.Inc();
  gauge.Set(3);
  gauge.Add(1);
  histogram.Observe(1.0);
  EXPECT_EQ(counter.Value(), 0);
  EXPECT_EQ(gauge.Value(), 0);
}

TEST(RegistryTest, ACallbackGaugeIsReadAtEveryScrapeUntilItIsDropped) {
  Registry registry;
  double bytes = 10;
  {
    CallbackGauge first =
        registry.AddCallbackGauge("tributary_test_memory_bytes", "Memory.", {{"part", "cache"}}, [&] { return bytes; });
    CallbackGauge second =
        registry.AddCallbackGauge("tributary_test_memory_bytes", "Memory.", {{"part", "index"}}, [] { return 1.0; });
    CallbackGauge moved = std::move(first);
    EXPECT_THAT(registry.Text(), HasSubstr("tributary_test_memory_bytes{part=\"cache\"} 10\n"));
    bytes = 20;
    const std::string text = registry.Text();
    EXPECT_THAT(text, HasSubstr("tributary_test_memory_bytes{part=\"cache\"} 20\n"));
    EXPECT_THAT(text, HasSubstr("tributary_test_memory_bytes{part=\"index\"} 1\n"));
    EXPECT_EQ(text.find("# TYPE tributary_test_memory_bytes"), text.rfind("# TYPE tributary_test_memory_bytes"));
  }
  EXPECT_THAT(registry.Text(), Not(HasSubstr("tributary_test_memory_bytes")));
}

TEST(RegistryTest, ManyThreadsLoseNoCount) {
  Registry registry;
  Counter total = registry.GetCounter("tributary_test_events_total", "Events.");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        registry.GetCounter("tributary_test_events_total", "Events.").Inc();
        // Taken and dropped by all at once: each finds either the living series or a new one.
        registry.GetCounter("tributary_test_passing_total", "Passing.").Inc();
        if (i % 100 == 0) {
          EXPECT_FALSE(registry.Text().empty());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(total.Value(), 4000);
  EXPECT_THAT(registry.Text(), Not(HasSubstr("tributary_test_passing_total")));
}

TEST(RegistryDeathTest, MistakesInNamesEndTheProcessAndSaySo) {
  Registry registry;
  const Gauge gauge = registry.GetGauge("tributary_test_depth", "Depth.");
  EXPECT_DEATH(registry.GetGauge("depth", "Depth."), "metric depth: a name is tributary_");
  EXPECT_DEATH(registry.GetGauge("tributary_Depth", "Depth."), "lower case");
  EXPECT_DEATH(registry.GetCounter("tributary_test_events", "Events."), "end in _total");
  EXPECT_DEATH(registry.GetGauge("tributary_test_events_total", "Events."), "end in _total");
  EXPECT_DEATH(registry.GetHistogram("tributary_test_depth", "Depth.", {1}), "is a gauge already");
  EXPECT_DEATH((void)registry.AddCallbackGauge("tributary_test_depth", "Depth.", {}, [] { return 0.0; }),
               "is a gauge already");
}

}  // namespace
}  // namespace tributary::metrics
