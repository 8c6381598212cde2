#include <atomic>
#include <future>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingestion/front.h"
#include "tests/harness.h"
#include "tributary/base/status.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/status.h"

namespace tributary::ingestion::testing {
namespace {

using events::v1::CustomerEvent;
using Stub = v1::IngestionService::Stub;
using ::testing::HasSubstr;
using ::testing::Not;

v1::IngestRequest Events(const Platform& platform, int count, const std::string& prefix = "e") {
  v1::IngestRequest request;
  for (int i = 0; i < count; ++i) {
    *request.add_events() = GoodEvent(fmt::format("{}{}", prefix, i), platform.clock.Now());
  }
  return request;
}

auto IngestLater(const Platform& platform, const std::string& secret, const v1::IngestRequest& request) {
  return std::async(std::launch::async,
                    [&platform, secret, request] { return platform.Call(secret, &Stub::Ingest, request); });
}

TEST(IngestTest, AcceptedEventsAreInTheWorkspacesPartitionInOrder) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  const auto response = platform.Call(key, &Stub::Ingest, Events(platform, 3));
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->results_size(), 3);
  const auto records = platform.RecordsOf(platform.intake());
  ASSERT_EQ(records.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(response->results(i).index(), i);
    EXPECT_EQ(response->results(i).status(), v1::IngestResult::STATUS_ACCEPTED);
    CustomerEvent event;
    ASSERT_TRUE(event.ParseFromString(records[i]->record.value));
    EXPECT_EQ(event.event_id(), fmt::format("e{}", i));
    EXPECT_EQ(event.source_id(), "web");
    EXPECT_EQ(event.workspace_id(), "default");
    EXPECT_EQ(event.source_priority(), 7);
    EXPECT_THAT(records[i]->record.key, Not(HasSubstr("4711")));
    EXPECT_TRUE(records[i]->record.headers.empty());
  }
  const auto token = processor::DecodeToken(response->token());
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(*token, (std::vector<processor::TokenPosition>{{platform.intake(), records[2]->offset}}));
}

TEST(IngestTest, TooFarBehindCallsAreRefusedWithADelayUntilItIsWorkedOff) {
  std::atomic<int64_t> lag = 99;
  Platform platform({.max_lag_records = 100}, {.lag = [&lag](eventlog::Partition) { return lag.load(); }});
  const std::string key = platform.MakeSource("web");
  EXPECT_TRUE(platform.Call(key, &Stub::Ingest, Events(platform, 1)).ok());
  lag = 100;
  platform.clock.Advance(absl::Milliseconds(10));
  const auto refused = platform.Call(key, &Stub::Ingest, Events(platform, 1, "refused"));
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_EQ(DetailOf(refused.status())->reason, "INGEST_OVERLOADED");
  EXPECT_GT(rpc::RetryAfterOf(refused.status()), absl::ZeroDuration());
  lag = 0;
  platform.clock.Advance(absl::Milliseconds(10));
  EXPECT_TRUE(platform.Call(key, &Stub::Ingest, Events(platform, 1, "later")).ok());
  EXPECT_EQ(platform.RecordsOf(platform.intake()).size(), 2u);
}

TEST(IngestTest, OneBadEventDoesNotKeepOutTheOthers) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  v1::IngestRequest request = Events(platform, 3);
  request.mutable_events(1)->clear_event_id();
  const auto response = platform.Call(key, &Stub::Ingest, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->results(1).status(), v1::IngestResult::STATUS_REJECTED);
  EXPECT_EQ(response->results(1).error().field(), "event_id");
  EXPECT_EQ(response->results(2).status(), v1::IngestResult::STATUS_ACCEPTED);
  EXPECT_EQ(platform.RecordsOf(platform.intake()).size(), 2u);
}

TEST(IngestTest, WithoutAnAcceptedEventThereIsNoToken) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  v1::IngestRequest request;
  request.add_events();
  const auto response = platform.Call(key, &Stub::Ingest, request);
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->token(), "");
  EXPECT_EQ(platform.front->ingestor().in_flight_bytes(), 0u);
}

TEST(IngestTest, ACallIsAnsweredWhenAllIsDurable) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  platform.log->Hold();
  auto answer = IngestLater(platform, key, Events(platform, 5));
  platform.log->AwaitHeld(5);
  EXPECT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  EXPECT_GT(platform.front->ingestor().in_flight_bytes(), 0u);
  platform.log->Release();
  const auto response = answer.get();
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(platform.RecordsOf(platform.intake()).size(), 5u);
  EXPECT_EQ(platform.front->ingestor().in_flight_bytes(), 0u);
}

TEST(IngestTest, BeyondTheBudgetCallsAreRefusedWithADelayAndNothingIsTaken) {
  Platform platform({.max_in_flight_bytes = 4'000, .retry_after = absl::Milliseconds(300)});
  const std::string key = platform.MakeSource("web");
  platform.log->Hold();
  auto first = IngestLater(platform, key, Events(platform, 5));
  platform.log->AwaitHeld(5);
  const absl::Status refused = platform.Call(key, &Stub::Ingest, Events(platform, 5, "x")).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(refused)->reason, "INGEST_OVERLOADED");
  EXPECT_EQ(rpc::RetryAfterOf(refused), absl::Milliseconds(300));
  platform.log->Release();
  ASSERT_TRUE(first.get().ok());
  EXPECT_TRUE(platform.Call(key, &Stub::Ingest, Events(platform, 5, "x")).ok()) << "there is room again";
  EXPECT_EQ(platform.RecordsOf(platform.intake()).size(), 10u);
}

TEST(IngestTest, AfterAFailureOfTheLogTheCallerIsToldToSendAgainAndThatWorks) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  platform.log->Hold();
  auto failed = IngestLater(platform, key, Events(platform, 2));
  platform.log->AwaitHeld(2);
  platform.log->FailHeld();
  const absl::Status status = failed.get().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(DetailOf(status)->reason, "LOG_UNAVAILABLE");
  EXPECT_TRUE(rpc::RetryAfterOf(status).has_value());
  EXPECT_TRUE(platform.Call(key, &Stub::Ingest, Events(platform, 2)).ok()) << "by a new session";
  EXPECT_EQ(platform.front->ingestor().in_flight_bytes(), 0u);
}

TEST(IngestTest, ACallHasBounds) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  EXPECT_EQ(DetailOf(platform.Call(key, &Stub::Ingest, {}).status())->reason, "REQUIRED");
  const absl::Status many = platform.Call(key, &Stub::Ingest, Events(platform, 1001)).status();
  EXPECT_EQ(DetailOf(many)->reason, "TOO_MANY");
  EXPECT_EQ(DetailOf(many)->field, "events");
  v1::IngestRequest large = Events(platform, 20);
  for (CustomerEvent& event : *large.mutable_events()) event.set_conversation_id(std::string(220'000, 'x'));
  EXPECT_EQ(DetailOf(platform.Call(key, &Stub::Ingest, large).status())->reason, "TOO_LARGE");
}

TEST(IngestTest, AnAdminNamesTheSourceAndAnOperatorTheWorkspace) {
  Platform platform;
  platform.MakeSource("web");
  v1::IngestRequest request = Events(platform, 1);
  EXPECT_EQ(platform.Call(platform.access.admin_secret, &Stub::Ingest, request)->results(0).error().field(),
            "source_id");
  request.mutable_events(0)->set_source_id("web");
  EXPECT_EQ(platform.Call(platform.access.admin_secret, &Stub::Ingest, request)->results(0).status(),
            v1::IngestResult::STATUS_ACCEPTED);
  EXPECT_EQ(platform.Call(platform.access.operator_secret, &Stub::Ingest, request).status().code(),
            absl::StatusCode::kInvalidArgument);
  request.set_workspace_id("default");
  EXPECT_TRUE(platform.Call(platform.access.operator_secret, &Stub::Ingest, request).ok());
  request.set_workspace_id("elsewhere");
  EXPECT_EQ(platform.Call(platform.access.admin_secret, &Stub::Ingest, request).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tributary::ingestion::testing
