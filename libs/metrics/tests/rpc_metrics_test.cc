#include "tributary/metrics/rpc_metrics.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tributary::metrics {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool IsProfiles(std::string_view full_method) { return full_method.starts_with("/pkg.v1.Profiles/"); }

TEST(RpcMetricsTest, RateErrorsAndDurationAreKeptPerMethod) {
  Registry registry;
  RpcMetrics metrics(registry, IsProfiles);
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
  RpcMetrics metrics(registry, IsProfiles);
  for (int i = 0; i < 10; ++i) {
    const std::string method = fmt::format("/pkg.v1.Invented/M{}", i);
    metrics.Started(method);
    metrics.Finished(method, absl::StatusCode::kUnimplemented, absl::ZeroDuration());
  }
  const std::string text = registry.Text();
  EXPECT_THAT(
      text, HasSubstr("tributary_rpc_requests_total{code=\"UNIMPLEMENTED\",method=\"other\",service=\"other\"} 10\n"));
  EXPECT_THAT(text, Not(HasSubstr("Invented")));
}

TEST(RpcMetricsTest, ACodeThatGrpcDoesNotKnowIsUnknown) {
  Registry registry;
  RpcMetrics metrics(registry, IsProfiles);
  metrics.Started("/pkg.v1.Profiles/Get");
  metrics.Finished("/pkg.v1.Profiles/Get", static_cast<absl::StatusCode>(99), absl::ZeroDuration());
  EXPECT_THAT(
      registry.Text(),
      HasSubstr("tributary_rpc_requests_total{code=\"UNKNOWN\",method=\"Get\",service=\"pkg.v1.Profiles\"} 1\n"));
}

}  // namespace
}  // namespace tributary::metrics
