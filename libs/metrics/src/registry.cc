#include "tributary/metrics/registry.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "fmt/format.h"
#include "prometheus/text_serializer.h"
#include "src/state.h"

namespace tributary::metrics {
namespace {

[[noreturn]] void Mistake(std::string_view name, std::string_view what) {
  fmt::print(stderr, "metric {}: {}\n", name, what);
  std::abort();
}

bool IsNameCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

void CheckName(std::string_view name, bool counter) {
  if (!name.starts_with("tributary_") || !std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    Mistake(name, "a name is tributary_<area>_<what>_<unit> in lower case");
  }
  if (name.ends_with("_total") != counter) Mistake(name, "counters, and only counters, end in _total");
}

template <typename T>
constexpr const char* kKind = "";
template <>
constexpr const char* kKind<prometheus::Counter> = "counter";
template <>
constexpr const char* kKind<prometheus::Gauge> = "gauge";
template <>
constexpr const char* kKind<prometheus::Histogram> = "histogram";

}  // namespace

void Registry::State::ClaimName(const std::string& name, const char* kind) {
  const auto [it, fresh] = kinds_.emplace(name, kind);
  if (!fresh && it->second != kind) {
    Mistake(name, fmt::format("is a {} already and cannot be a {} too", it->second, kind));
  }
}

template <typename T, typename... Args>
std::shared_ptr<T> Registry::State::Get(Table<T> State::*table, const Key& key, const std::string& help,
                                        const Args&... args) {
  MutexLock lock(mutex_);
  Series<T>& series = (this->*table)[key];
  if (auto live = series.handle.lock()) return live;
  try {
    if (series.metric == nullptr) {
      ClaimName(key.first, kKind<T>);
      series.family = &prometheus::detail::Builder<T>().Name(key.first).Help(help).Register(registry_);
    } else {
      // The last handle is being dropped by another thread, which finds its id outdated.
      series.family->Remove(series.metric);
    }
    series.metric = &series.family->Add(key.second, args...);
  } catch (const std::exception& e) {
    Mistake(key.first, e.what());
  }
  series.id = ++last_id_;
  std::shared_ptr<T> handle(
      series.metric, [state = shared_from_this(), table, key, id = series.id](T*) { state->Drop(table, key, id); });
  series.handle = handle;
  return handle;
}

template <typename T>
void Registry::State::Drop(Table<T> State::*table, const Key& key, uint64_t id) {
  MutexLock lock(mutex_);
  auto it = (this->*table).find(key);
  if (it == (this->*table).end() || it->second.id != id) return;
  it->second.family->Remove(it->second.metric);
  (this->*table).erase(it);
}

std::shared_ptr<void> Registry::State::AddCallback(const Key& key, const std::string& help,
                                                   std::function<double()> value) {
  {
    MutexLock lock(mutex_);
    ClaimName(key.first, "callback gauge");
  }
  MutexLock lock(callbacks_mutex_);
  const auto [it, fresh] = callbacks_.try_emplace(key, Callback{help, std::move(value)});
  if (!fresh) Mistake(key.first, "a callback gauge has these labels already");
  return std::shared_ptr<void>(&it->second, [state = shared_from_this(), key](void*) {
    MutexLock drop_lock(state->callbacks_mutex_);
    state->callbacks_.erase(key);
  });
}

std::vector<prometheus::MetricFamily> Registry::State::Collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  MutexLock lock(callbacks_mutex_);
  const std::string* family = nullptr;
  for (const auto& [key, callback] : callbacks_) {  // sorted by name, so that a family is one run
    if (family == nullptr || *family != key.first) {
      families.push_back({key.first, callback.help, prometheus::MetricType::Gauge, {}});
      family = &key.first;
    }
    prometheus::ClientMetric sample;
    for (const auto& [name, label] : key.second) sample.label.push_back({name, label});
    sample.gauge.value = callback.value();
    families.back().metric.push_back(std::move(sample));
  }
  return families;
}

void Counter::Inc(double by) {
  if (series_ != nullptr) series_->Increment(by);
}

double Counter::Value() const { return series_ == nullptr ? 0 : series_->Value(); }

void Gauge::Set(double value) {
  if (series_ != nullptr) series_->Set(value);
}

void Gauge::Add(double by) {
  if (series_ != nullptr) series_->Increment(by);
}

double Gauge::Value() const { return series_ == nullptr ? 0 : series_->Value(); }

void Histogram::Observe(double value) {
  if (series_ != nullptr) series_->Observe(value);
}

const std::vector<double>& LatencyBuckets() {
  static const auto* const kBuckets = new std::vector<double>{
      0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return *kBuckets;
}

Registry::Registry() : state_(std::make_shared<State>()) {}
Registry::~Registry() = default;

Counter Registry::GetCounter(std::string_view name, std::string_view help, const Labels& labels) {
  CheckName(name, /*counter=*/true);
  return Counter(state_->Get(&State::counters, {std::string(name), labels}, std::string(help)));
}

Gauge Registry::GetGauge(std::string_view name, std::string_view help, const Labels& labels) {
  CheckName(name, /*counter=*/false);
  return Gauge(state_->Get(&State::gauges, {std::string(name), labels}, std::string(help)));
}

Histogram Registry::GetHistogram(std::string_view name, std::string_view help, const std::vector<double>& buckets,
                                 const Labels& labels) {
  CheckName(name, /*counter=*/false);
  return Histogram(state_->Get(&State::histograms, {std::string(name), labels}, std::string(help), buckets));
}

CallbackGauge Registry::AddCallbackGauge(std::string_view name, std::string_view help, const Labels& labels,
                                         std::function<double()> value) {
  CheckName(name, /*counter=*/false);
  return CallbackGauge(state_->AddCallback({std::string(name), labels}, std::string(help), std::move(value)));
}

std::string Registry::Text() const { return prometheus::TextSerializer().Serialize(state_->Collect()); }

}  // namespace tributary::metrics
