#include "tributary/rpc/status.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusTest, EveryCodeGoesThereAndBack) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "what happened");
    const grpc::Status wire = ToGrpc(status);
    EXPECT_EQ(static_cast<int>(wire.error_code()), code);
    EXPECT_EQ(FromGrpc(wire).code(), status.code());
    EXPECT_EQ(FromGrpc(wire).message(), status.message());
  }
}

TEST(StatusTest, ReasonFieldAndMendGoThereAndBack) {
  const absl::Status status =
      InvalidField("EVENT_TOO_OLD", "events[3].occurred_at", "lies before 1990", "Send the time");
  const absl::Status back = FromGrpc(ToGrpc(status));
  ASSERT_TRUE(DetailOf(back).has_value());
  EXPECT_EQ(DetailOf(back)->reason, "EVENT_TOO_OLD");
  EXPECT_EQ(DetailOf(back)->field, "events[3].occurred_at");
  EXPECT_EQ(DetailOf(back)->mend, "Send the time");
  EXPECT_EQ(back.message(), status.message());
  EXPECT_EQ(RetryAfterOf(back), std::nullopt);
}

TEST(StatusTest, OtherClientsFindTheStandardDetails) {
  const google::rpc::Status details = Details(ToGrpc(WithRetryAfter(
      InvalidField("EVENT_TOO_OLD", "occurred_at", "is old", "Send another"), absl::Milliseconds(2500))));
  ASSERT_EQ(details.details_size(), 3);
  EXPECT_EQ(details.code(), 3);
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(details.details(0).UnpackTo(&info));
  EXPECT_EQ(info.reason(), "EVENT_TOO_OLD");
  EXPECT_EQ(info.domain(), "tributary");
  EXPECT_EQ(info.metadata().at("field"), "occurred_at");
  google::rpc::BadRequest bad;
  ASSERT_TRUE(details.details(1).UnpackTo(&bad));
  ASSERT_EQ(bad.field_violations_size(), 1);
  EXPECT_EQ(bad.field_violations(0).field(), "occurred_at");
  EXPECT_EQ(bad.field_violations(0).description(), "Send another");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(2).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 2);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);
}

TEST(StatusTest, ARefusalThatPassesAlwaysSaysWhenToTryAgain) {
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(absl::UnavailableError("moving")))), kDefaultRetryAfter);
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(absl::ResourceExhaustedError("full")))), kDefaultRetryAfter);
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(absl::NotFoundError("none")))), std::nullopt);
  const absl::Status status = WithRetryAfter(absl::ResourceExhaustedError("full"), absl::Milliseconds(30));
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(status))), absl::Milliseconds(30));
}

TEST(StatusTest, AnOkStatusCarriesNothing) {
  EXPECT_TRUE(WithRetryAfter(absl::OkStatus(), absl::Seconds(1)).ok());
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).error_details().empty());
}

TEST(StatusTest, ForeignOrBrokenDetailsAreLeftOut) {
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "none", "\xff not a message")),
            absl::NotFoundError("none"));
  google::rpc::ErrorInfo info;
  info.set_reason("THEIRS");
  info.set_domain("example.com");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  const absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "none", details.SerializeAsString()));
  EXPECT_EQ(DetailOf(status), std::nullopt);
}

TEST(DescribeTest, NamesCodeReasonFieldAndMendOnceEach) {
  EXPECT_EQ(Describe(InvalidField("EVENT_TOO_OLD", "events[3].occurred_at", "lies before 1990", "Send the time")),
            "INVALID_ARGUMENT (EVENT_TOO_OLD): events[3].occurred_at: lies before 1990\nmend: Send the time");
  EXPECT_EQ(Describe(WithRetryAfter(absl::ResourceExhaustedError("full"), absl::Seconds(2))),
            "RESOURCE_EXHAUSTED: full\ntry again in 2s");
  EXPECT_EQ(Describe(absl::OkStatus()), "OK");
}

}  // namespace
}  // namespace tributary::rpc
