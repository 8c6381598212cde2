// Counters, gauges and histograms, kept in one Registry per process and read by an Exposer.
//
// Names are `tributary_<area>_<what>[_<unit>]`, lower case, base units (seconds, bytes, records); counters,
// and only counters, end in `_total`. Label values come from small sets that are known when the code is
// written or the process is configured (a method, a processor, a partition, a status code): never an id, an
// address, a message or anything else that a customer or a client chooses, because each value is a time
// series that lives in memory and because metrics must hold no personal data.
//
// Everything here is thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace tributary::metrics {

using Labels = std::map<std::string, std::string>;

// The three handles are cheap to copy. A series is exposed as long as one of its handles lives: a task that
// leaves this process takes its series with it. A handle may outlive its Registry. A handle made by its
// default constructor belongs to no registry and counts nowhere.

// A number that only grows.
class Counter {
 public:
  Counter() = default;
  // `by` >= 0; a negative one is ignored.
  void Inc(double by = 1);
  // 0 for a handle without a registry.
  double Value() const;

 private:
  friend class Registry;
  explicit Counter(std::shared_ptr<prometheus::Counter> series) : series_(std::move(series)) {}
  std::shared_ptr<prometheus::Counter> series_;
};

// A number that goes up and down.
class Gauge {
 public:
  Gauge() = default;
  void Set(double value);
  // `by` may be negative.
  void Add(double by);
  // 0 for a handle without a registry.
  double Value() const;

 private:
  friend class Registry;
  explicit Gauge(std::shared_ptr<prometheus::Gauge> series) : series_(std::move(series)) {}
  std::shared_ptr<prometheus::Gauge> series_;
};

// A distribution of observations over fixed buckets. One short lock per observation.
class Histogram {
 public:
  Histogram() = default;
  void Observe(double value);
  // Observes it in seconds.
  void Observe(absl::Duration value) { Observe(absl::ToDoubleSeconds(value)); }

 private:
  friend class Registry;
  explicit Histogram(std::shared_ptr<prometheus::Histogram> series) : series_(std::move(series)) {}
  std::shared_ptr<prometheus::Histogram> series_;
};

// Upper bounds for latencies, in seconds: 100 us to 30 s, about three to a decade.
const std::vector<double>& LatencyBuckets();

// Keeps a function registered whose value is read at every scrape. Move-only. Once the destructor has
// returned, the function is not running and will not be called again; so do not destroy it while holding a
// lock that the function takes.
class [[nodiscard]] CallbackGauge {
 public:
  CallbackGauge() = default;
  CallbackGauge(CallbackGauge&&) = default;
  CallbackGauge& operator=(CallbackGauge&&) = default;

 private:
  friend class Registry;
  explicit CallbackGauge(std::shared_ptr<void> registration) : registration_(std::move(registration)) {}
  std::shared_ptr<void> registration_;
};

// A wrong name, or a name used for two kinds of metric, is a mistake in our code and ends the process with a
// message that names it. Asking again for the same name and labels gives a handle of the same series; help
// and buckets are those of the first call.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  // `buckets`: upper bounds, rising; a last one without bound is implied.
  Histogram GetHistogram(std::string_view name, std::string_view help, const std::vector<double>& buckets,
                         const Labels& labels = {});

  // `value` is called from the exposer's threads, one call at a time; it must be quick and must neither add
  // nor drop callback gauges. The name must be that of no other kind of metric, nor may name and labels be in
  // use twice.
  CallbackGauge AddCallbackGauge(std::string_view name, std::string_view help, const Labels& labels,
                                 std::function<double()> value);

  // All series in Prometheus' text format 0.0.4, as a scrape sees them.
  std::string Text() const;

 private:
  friend class Exposer;
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::metrics
