// What is behind a Registry: prometheus-cpp's registry, the live series and the callbacks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "tributary/base/mutex.h"
#include "tributary/metrics/registry.h"

namespace tributary::metrics {

class Registry::State final : public prometheus::Collectable, public std::enable_shared_from_this<State> {
 public:
  using Key = std::pair<std::string, Labels>;
  template <typename T>
  struct Series {
    std::weak_ptr<T> handle;
    T* metric = nullptr;
    prometheus::Family<T>* family = nullptr;
    uint64_t id = 0;
  };
  template <typename T>
  using Table = std::map<Key, Series<T>>;

  // The series of (name, labels), made from `args` if it has no handle yet.
  template <typename T, typename... Args>
  std::shared_ptr<T> Get(Table<T> State::*table, const Key& key, const std::string& help, const Args&... args);
  std::shared_ptr<void> AddCallback(const Key& key, const std::string& help, std::function<double()> value);

  std::vector<prometheus::MetricFamily> Collect() const override;

  Table<prometheus::Counter> counters TRIBUTARY_GUARDED_BY(mutex_);
  Table<prometheus::Gauge> gauges TRIBUTARY_GUARDED_BY(mutex_);
  Table<prometheus::Histogram> histograms TRIBUTARY_GUARDED_BY(mutex_);

 private:
  struct Callback {
    std::string help;
    std::function<double()> value;
  };

  template <typename T>
  void Drop(Table<T> State::*table, const Key& key, uint64_t id);
  // Ends the process if `name` already stands for another kind of metric.
  void ClaimName(const std::string& name, const char* kind) TRIBUTARY_REQUIRES(mutex_);

  mutable Mutex mutex_;
  prometheus::Registry registry_;
  std::map<std::string, std::string> kinds_ TRIBUTARY_GUARDED_BY(mutex_);
  uint64_t last_id_ TRIBUTARY_GUARDED_BY(mutex_) = 0;
  // Held while callbacks run, and so apart from mutex_: a callback may use handles.
  mutable Mutex callbacks_mutex_;
  std::map<Key, Callback> callbacks_ TRIBUTARY_GUARDED_BY(callbacks_mutex_);
};

}  // namespace tributary::metrics
