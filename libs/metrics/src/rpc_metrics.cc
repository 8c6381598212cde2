#include "tributary/metrics/rpc_metrics.h"

#include <utility>

#include "tributary/base/status.h"

namespace tributary::metrics {
namespace {

constexpr std::string_view kOther = "/other/other";

// "/pkg.Service/Method" to {"pkg.Service", "Method"}.
std::pair<std::string, std::string> Split(std::string_view full_method) {
  if (full_method.starts_with('/')) full_method.remove_prefix(1);
  const size_t slash = full_method.find('/');
  if (slash == std::string_view::npos) return {std::string(full_method), ""};
  return {std::string(full_method.substr(0, slash)), std::string(full_method.substr(slash + 1))};
}

}  // namespace

RpcMetrics::RpcMetrics(Registry& registry, std::function<bool(std::string_view)> known)
    : registry_(registry), known_(std::move(known)) {}

RpcMetrics::Method& RpcMetrics::Find(std::string_view full_method) {
  auto it = methods_.find(ToAbsl(full_method));
  if (it != methods_.end()) return *it->second;
  if (full_method != kOther && !known_(full_method)) return Find(kOther);
  auto method = std::make_unique<Method>();
  std::tie(method->service, method->name) = Split(full_method);
  const Labels labels{{"service", method->service}, {"method", method->name}};
  method->duration = registry_.GetHistogram("tributary_rpc_duration_seconds",
                                            "Time from a call's arrival to its status.", LatencyBuckets(), labels);
  method->in_flight = registry_.GetGauge("tributary_rpc_in_flight", "Calls that run now.", labels);
  CounterOf(*method, absl::StatusCode::kOk);  // so that a rate exists before the first call ends
  return *methods_.emplace(std::string(full_method), std::move(method)).first->second;
}

Counter& RpcMetrics::CounterOf(Method& method, absl::StatusCode code) {
  size_t index = static_cast<size_t>(code);
  if (index >= method.by_code.size()) {
    code = absl::StatusCode::kUnknown;
    index = static_cast<size_t>(code);
  }
  if (!method.code_seen[index]) {
    method.by_code[index] = registry_.GetCounter(
        "tributary_rpc_requests_total", "Finished calls by status code.",
        {{"service", method.service}, {"method", method.name}, {"code", absl::StatusCodeToString(code)}});
    method.code_seen[index] = true;
  }
  return method.by_code[index];
}

void RpcMetrics::Started(std::string_view full_method) {
  MutexLock lock(mutex_);
  Find(full_method).in_flight.Add(1);
}

void RpcMetrics::Finished(std::string_view full_method, absl::StatusCode code, absl::Duration duration) {
  MutexLock lock(mutex_);
  Method& method = Find(full_method);
  method.in_flight.Add(-1);
  CounterOf(method, code).Inc();
  method.duration.Observe(duration);
}

}  // namespace tributary::metrics
