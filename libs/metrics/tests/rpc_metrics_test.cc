#include "tributary/metrics/rpc_metrics.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(RpcMetricsTest, RateErrorsAndDurationAreKeptPerMethod) {
  Registry registry;
  RpcMetrics metrics(registry);
  metrics.Started("/pkg.v1.Profiles/Get");
  metrics.Started("/pkg.v1.Profiles/Get");
  EXPECT_THAT(registry.Text(), HasSubstr("tributary_rpc_in_flight{method=\"Get\",service=\"pkg.v1.Profiles\"} 2\n"));
  metrics.Finished("/pkg.v1.Profiles/Get", absl::StatusCode::kOk, absl::Milliseconds(2));
  metrics.Finished("/pkg.v1.Profiles/Get", absl::StatusCode::kNotFound, absl::Seconds(2));

  const std::string text = registry.Text();
  EXPECT_THAT(text,
              HasSubstr("tributary_rpc_requests_total{code=\"OK\",method=\"Get\",service=\"pkg.v1.Profiles\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("tributary_rpc_requests_total{code=\"NOT_FOUND\",method=\"Get\",service=\"pkg.v1.Profiles\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_rpc_duration_seconds_count{method=\"Get\",service=\"pkg.v1.Profiles\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("service=\"pkg.v1.Profiles\",le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("tributary_rpc_in_flight{method=\"Get\",service=\"pkg.v1.Profiles\"} 0\n"));
}

TEST(RpcMetricsTest, InventedMethodNamesAreCountedTogether) {
  Registry registry;
  RpcMetrics metrics(registry);
  for (size_t i = 0; i < RpcMetrics::kMaxMethods + 10; ++i) {
    const std::string method = fmt::format("/pkg.v1.Invented/M{}", i);
    metrics.Started(method);
    metrics.Finished(method, absl::StatusCode::kUnimplemented, absl::ZeroDuration());
  }
  const std::string text = registry.Text();
  EXPECT_THAT(
      text, HasSubstr("tributary_rpc_requests_total{code=\"UNIMPLEMENTED\",method=\"other\",service=\"other\"} 10\n"));
  EXPECT_THAT(text, Not(HasSubstr(fmt::format("\"M{}\"", RpcMetrics::kMaxMethods))));
}

TEST(RpcMetricsTest, ACodeThatGrpcDoesNotKnowIsUnknown) {
  Registry registry;
  RpcMetrics metrics(registry);
  metrics.Started("/a.B/C");
  metrics.Finished("/a.B/C", static_cast<absl::StatusCode>(99), absl::ZeroDuration());
  EXPECT_THAT(registry.Text(),
              HasSubstr("tributary_rpc_requests_total{code=\"UNKNOWN\",method=\"C\",service=\"a.B\"} 1\n"));
}

}  // namespace
}  // namespace tributary::metrics
