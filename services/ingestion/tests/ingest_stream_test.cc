#include "ingestion/ingest_stream.h"

#include <atomic>
#include <optional>

#include "gmock/gmock.h"
#include "grpcpp/support/sync_stream.h"
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
using ::testing::ElementsAre;

std::string ReasonOf(const absl::Status& status) { return DetailOf(status).value_or(ErrorDetail{}).reason; }

// A client of one stream.
class StreamClient {
 public:
  StreamClient(const Platform& platform, std::string_view secret)
      : platform_(platform), client_(platform.Connect(secret)), stub_(client_.channel()) {
    client_.Prepare(context_);
    stream_ = stub_.IngestStream(&context_);
  }

  v1::IngestStreamWindow Open(bool bulk = false, const std::string& workspace = "") {
    v1::IngestStreamRequest request;
    request.mutable_open()->set_bulk(bulk);
    request.mutable_open()->set_workspace_id(workspace);
    stream_->Write(request);
    v1::IngestStreamResponse response;
    EXPECT_TRUE(stream_->Read(&response));
    EXPECT_TRUE(response.has_opened());
    return response.opened();
  }
  // Events are named "<sequence>-<i>".
  v1::IngestStreamRequest Batch(int64_t sequence, int events) const {
    v1::IngestStreamRequest request;
    request.mutable_batch()->set_sequence(sequence);
    for (int i = 0; i < events; ++i) {
      *request.mutable_batch()->add_events() = GoodEvent(fmt::format("{}-{}", sequence, i), platform_.clock.Now());
    }
    return request;
  }
  bool Send(int64_t sequence, int events) { return Send(Batch(sequence, events)); }
  bool Send(const v1::IngestStreamRequest& request) { return stream_->Write(request); }
  // Nothing once the stream has ended.
  std::optional<v1::IngestStreamAcknowledgement> Next() {
    v1::IngestStreamResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    EXPECT_TRUE(response.has_acknowledged());
    return response.acknowledged();
  }
  void ReadToTheEnd() {
    for (v1::IngestStreamResponse response; stream_->Read(&response);) {
    }
  }
  int64_t NextSequence() {
    const auto next = Next();
    return next.has_value() ? next->sequence() : -1;
  }
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }
  absl::Status Finish() { return rpc::FromGrpc(stream_->Finish()); }

 private:
  const Platform& platform_;
  rpc::Client client_;
  Stub stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::IngestStreamRequest, v1::IngestStreamResponse>> stream_;
};

std::vector<std::string> IdsIn(Platform& platform) {
  std::vector<std::string> ids;
  for (const eventlog::RecordPtr& record : platform.RecordsOf(platform.intake())) {
    CustomerEvent event;
    EXPECT_TRUE(event.ParseFromString(record->record.value));
    ids.push_back(event.event_id());
  }
  return ids;
}

TEST(IngestStreamTest, BatchesAreTakenAndAcknowledgedInOrderAndAHalfCloseEndsIt) {
  Platform platform;
  StreamClient client(platform, platform.MakeSource("web"));
  const v1::IngestStreamWindow window = client.Open();
  EXPECT_EQ(window.batches(), 16);
  EXPECT_EQ(window.bytes(), 8 << 20);
  for (int64_t sequence : {1, 2, 7}) ASSERT_TRUE(client.Send(sequence, 2));
  client.HalfClose();
  for (int64_t sequence : {1, 2, 7}) {
    const auto acknowledged = client.Next();
    ASSERT_TRUE(acknowledged.has_value());
    EXPECT_EQ(acknowledged->sequence(), sequence);
    ASSERT_EQ(acknowledged->results_size(), 2);
    EXPECT_EQ(acknowledged->results(1).index(), 1);
    EXPECT_EQ(acknowledged->results(1).status(), v1::IngestResult::STATUS_ACCEPTED);
    const auto token = processor::DecodeToken(acknowledged->token());
    ASSERT_TRUE(token.ok());
    EXPECT_EQ(token->front().partition, platform.intake());
  }
  EXPECT_EQ(client.Next(), std::nullopt);
  EXPECT_TRUE(client.Finish().ok());
  EXPECT_THAT(IdsIn(platform), ElementsAre("1-0", "1-1", "2-0", "2-1", "7-0", "7-1"));
}

TEST(IngestStreamTest, OneBadEventDoesNotKeepOutTheOthersNorEndTheStream) {
  Platform platform;
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open();
  v1::IngestStreamRequest request = client.Batch(1, 3);
  request.mutable_batch()->mutable_events(1)->clear_event_id();
  client.Send(request);
  request = client.Batch(2, 1);
  request.mutable_batch()->mutable_events(0)->clear_event_id();
  client.Send(request);
  const auto first = client.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->results(1).error().field(), "event_id");
  EXPECT_EQ(first->results(2).status(), v1::IngestResult::STATUS_ACCEPTED);
  const auto second = client.Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->token(), "") << "nothing was accepted";
  client.HalfClose();
  EXPECT_TRUE(client.Finish().ok());
}

TEST(IngestStreamTest, ABatchThatIsSettledAtOnceIsAcknowledgedAfterThoseBeforeIt) {
  Platform platform;
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open();
  platform.log->Hold();
  client.Send(1, 1);
  platform.log->AwaitHeld(1);
  v1::IngestStreamRequest rejected = client.Batch(2, 1);
  rejected.mutable_batch()->mutable_events(0)->clear_event_id();
  client.Send(rejected);
  client.Send(3, 1);
  platform.log->AwaitHeld(2);
  platform.log->Release();
  for (int64_t sequence = 1; sequence <= 3; ++sequence) EXPECT_EQ(client.NextSequence(), sequence);
}

TEST(IngestStreamTest, NothingIsReadBeyondTheWindow) {
  Platform platform({}, {.options = {.window_batches = 2}});
  StreamClient client(platform, platform.MakeSource("web"));
  EXPECT_EQ(client.Open().batches(), 2);
  platform.log->Hold();
  for (int64_t sequence = 1; sequence <= 5; ++sequence) client.Send(sequence, 3);
  platform.log->AwaitHeld(6);
  // Round trips for a server that would read on to show it.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(platform.Call(platform.access.admin_secret, &Stub::GetWorkspace, {}).ok());
  EXPECT_EQ(platform.log->held(), 6u);
  platform.log->Release();
  client.HalfClose();
  for (int64_t sequence = 1; sequence <= 5; ++sequence) EXPECT_EQ(client.NextSequence(), sequence);
  EXPECT_TRUE(client.Finish().ok());
}

TEST(IngestStreamTest, ABatchLargerThanTheWindowsBytesIsTakenAlone) {
  Platform platform({}, {.options = {.window_bytes = 1}});
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open();
  for (int64_t sequence = 1; sequence <= 3; ++sequence) client.Send(sequence, 10);
  for (int64_t sequence = 1; sequence <= 3; ++sequence) EXPECT_EQ(client.NextSequence(), sequence);
}

TEST(IngestStreamTest, AfterAFailureOfTheLogNothingMoreIsAcknowledgedAndSendingAgainWorks) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  {
    StreamClient client(platform, key);
    client.Open();
    client.Send(1, 2);
    EXPECT_EQ(client.NextSequence(), 1);
    platform.log->Hold();
    client.Send(2, 2);
    client.Send(3, 2);
    platform.log->AwaitHeld(4);
    platform.log->FailHeld();
    EXPECT_EQ(client.Next(), std::nullopt);
    const absl::Status status = client.Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(status), "LOG_UNAVAILABLE");
  }
  StreamClient client(platform, key);
  client.Open();
  client.Send(2, 2);
  EXPECT_EQ(client.NextSequence(), 2);
  EXPECT_THAT(IdsIn(platform), ElementsAre("1-0", "1-1", "2-0", "2-1"));
}

TEST(IngestStreamTest, NothingBehindABatchThatFailedIsAcknowledgedThoughItMayBeDurable) {
  Platform platform;
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open();
  platform.log->Hold();
  client.Send(1, 1);
  client.Send(2, 1);
  client.Send(3, 1);
  platform.log->AwaitHeld(3);
  platform.log->FailHeld(1);
  EXPECT_EQ(client.Next(), std::nullopt);
  EXPECT_EQ(ReasonOf(client.Finish()), "LOG_UNAVAILABLE");
  EXPECT_THAT(IdsIn(platform), ElementsAre("2-0", "3-0"));
}

TEST(IngestStreamTest, AClientThatGoesLosesNothingThatWasAcknowledged) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  {
    StreamClient client(platform, key);
    client.Open();
    for (int64_t sequence = 1; sequence <= 16; ++sequence) client.Send(sequence, 5);
    for (int64_t sequence = 1; sequence <= 9; ++sequence) ASSERT_EQ(client.NextSequence(), sequence);
    client.Cancel();
    EXPECT_EQ(client.Finish().code(), absl::StatusCode::kCancelled);
  }
  const std::vector<std::string> ids = IdsIn(platform);
  ASSERT_GE(ids.size(), 45u);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], fmt::format("{}-{}", i / 5 + 1, i % 5));
}

TEST(IngestStreamTest, ABadMessageEndsTheStreamAfterWhatCameBeforeItWasAcknowledged) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  v1::IngestStreamRequest again;
  again.mutable_open();
  const StreamClient maker(platform, key);
  const std::pair<v1::IngestStreamRequest, std::pair<std::string, std::string>> bad[] = {
      {again, {"REQUIRED", "batch"}},
      {v1::IngestStreamRequest(), {"REQUIRED", "batch"}},
      {maker.Batch(1, 1), {"OUT_OF_SEQUENCE", "batch.sequence"}},
      {maker.Batch(2, 0), {"REQUIRED", "events"}},
      {maker.Batch(2, 1'001), {"TOO_MANY", "events"}}};
  for (const auto& [message, expected] : bad) {
    StreamClient client(platform, key);
    client.Open();
    client.Send(1, 1);
    client.Send(message);
    EXPECT_EQ(client.NextSequence(), 1);
    EXPECT_EQ(client.Next(), std::nullopt);
    const absl::Status status = client.Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ReasonOf(status), expected.first);
    EXPECT_EQ(DetailOf(status).value_or(ErrorDetail{}).field, expected.second);
  }
  StreamClient unopened(platform, key);
  unopened.Send(1, 1);
  EXPECT_EQ(DetailOf(unopened.Finish()).value_or(ErrorDetail{}).field, "open");
}

TEST(IngestStreamTest, TheWorkspaceIsTheCredentialsOrNamedByAnOperator) {
  Platform platform;
  platform.MakeSource("web");
  StreamClient nameless(platform, platform.access.operator_secret);
  v1::IngestStreamRequest open;
  open.mutable_open();
  nameless.Send(open);
  EXPECT_EQ(DetailOf(nameless.Finish()).value_or(ErrorDetail{}).field, "open.workspace_id");
  StreamClient stranger(platform, platform.access.admin_secret);
  open.mutable_open()->set_workspace_id("elsewhere");
  stranger.Send(open);
  EXPECT_EQ(stranger.Finish().code(), absl::StatusCode::kNotFound);
  StreamClient named(platform, platform.access.operator_secret);
  named.Open(false, "default");
  v1::IngestStreamRequest batch = named.Batch(1, 1);
  batch.mutable_batch()->mutable_events(0)->set_source_id("web");
  named.Send(batch);
  EXPECT_EQ(named.NextSequence(), 1);
}

TEST(IngestStreamTest, ACredentialThatIsVoidEndsTheStreamWithItsNextBatch) {
  Platform platform;
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open();
  client.Send(1, 1);
  EXPECT_EQ(client.NextSequence(), 1);
  v1::RotateSourceWriteKeyRequest rotate;
  rotate.set_source_id("web");
  ASSERT_TRUE(platform.Call(platform.access.admin_secret, &Stub::RotateSourceWriteKey, rotate).ok());
  client.Send(2, 1);
  EXPECT_EQ(client.Next(), std::nullopt);
  EXPECT_EQ(client.Finish().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(IdsIn(platform), ElementsAre("1-0"));
}

TEST(IngestStreamTest, BulkWaitsWhileTheLagIsHighAndLiveStreamsAndCallsPass) {
  std::atomic<int64_t> lag = 5'000;
  Platform platform({}, {.lag = [&](eventlog::Partition) { return lag.load(); }});
  const std::string key = platform.MakeSource("web");
  StreamClient bulk(platform, key);
  bulk.Open(/*bulk=*/true);
  bulk.Send(1, 2);
  StreamClient live(platform, key);
  live.Open();
  live.Send(5, 1);
  EXPECT_EQ(live.NextSequence(), 5);
  v1::IngestRequest call;
  *call.add_events() = GoodEvent("call", platform.clock.Now());
  EXPECT_TRUE(platform.Call(key, &Stub::Ingest, call).ok());
  EXPECT_THAT(IdsIn(platform), ElementsAre("5-0", "call"));
  lag = 0;
  EXPECT_EQ(bulk.NextSequence(), 1);
}

TEST(IngestStreamTest, ABulkBatchIsLetInBySlicesAndAcknowledgedAsOne) {
  Platform platform({}, {.options = {.bulk_slice_events = 3}});
  StreamClient client(platform, platform.MakeSource("web"));
  client.Open(/*bulk=*/true);
  v1::IngestStreamRequest batch = client.Batch(1, 8);
  batch.mutable_batch()->mutable_events(4)->clear_event_id();
  client.Send(batch);
  const auto acknowledged = client.Next();
  ASSERT_TRUE(acknowledged.has_value());
  ASSERT_EQ(acknowledged->results_size(), 8);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(acknowledged->results(i).index(), i);
    EXPECT_EQ(acknowledged->results(i).status(),
              i == 4 ? v1::IngestResult::STATUS_REJECTED : v1::IngestResult::STATUS_ACCEPTED);
  }
  EXPECT_THAT(IdsIn(platform), ElementsAre("1-0", "1-1", "1-2", "1-3", "1-5", "1-6", "1-7"));
  const auto token = processor::DecodeToken(acknowledged->token());
  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->front().offset, platform.RecordsOf(platform.intake()).back()->offset);
}

TEST(IngestStreamTest, BetweenTheSlicesOfABulkBatchLiveEventsPass) {
  std::atomic<int64_t> lag = 0;
  Platform platform({}, {.options = {.bulk_slice_events = 2}, .lag = [&](eventlog::Partition) { return lag.load(); }});
  const std::string key = platform.MakeSource("web");
  StreamClient bulk(platform, key);
  bulk.Open(/*bulk=*/true);
  platform.log->Hold();  // what is on its way counts as lag
  v1::IngestStreamRequest large = bulk.Batch(1, 150);
  bulk.Send(large);
  platform.log->AwaitHeld(100);
  StreamClient live(platform, key);
  live.Open();
  live.Send(5, 1);
  platform.log->AwaitHeld(101);
  platform.log->Release();
  EXPECT_EQ(live.NextSequence(), 5);
  EXPECT_EQ(bulk.NextSequence(), 1);
  const std::vector<std::string> ids = IdsIn(platform);
  ASSERT_EQ(ids.size(), 151u);
  EXPECT_EQ(ids[100], "5-0");
}

TEST(IngestStreamTest, AnEndBetweenSlicesAcknowledgesNothingOfTheirBatch) {
  Platform platform({}, {.options = {.bulk_slice_events = 50}});
  StreamClient bulk(platform, platform.MakeSource("web"));
  bulk.Open(/*bulk=*/true);
  platform.log->Hold();
  bulk.Send(1, 150);
  platform.log->AwaitHeld(100);
  platform.front->StopStreams();
  platform.log->Release();
  EXPECT_EQ(bulk.Next(), std::nullopt);
  EXPECT_EQ(ReasonOf(bulk.Finish()), "SERVER_STOPPING");
  EXPECT_EQ(IdsIn(platform).size(), 100u);
  EXPECT_EQ(platform.front->ingestor().in_flight_bytes(), 0u);
}

TEST(IngestStreamTest, BeyondTheQuotaCallsAreRefusedWithADelayAndStreamsWait) {
  Platform platform;
  const std::string key = platform.MakeSource("web");
  v1::UpdateWorkspaceRequest update;
  update.mutable_workspace()->set_workspace_id("default");
  update.mutable_workspace()->mutable_ingest_quota()->set_events_per_second(10);
  ASSERT_TRUE(platform.Call(platform.access.operator_secret, &Stub::UpdateWorkspace, update).ok());
  StreamClient client(platform, key);
  client.Open();
  client.Send(1, 10);
  EXPECT_EQ(client.NextSequence(), 1);
  v1::IngestRequest call;
  for (int i = 0; i < 5; ++i) *call.add_events() = GoodEvent(fmt::format("c{}", i), platform.clock.Now());
  const absl::Status refused = platform.Call(key, &Stub::Ingest, call).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused), "QUOTA_EXCEEDED");
  EXPECT_EQ(rpc::RetryAfterOf(refused), absl::Milliseconds(500));
  client.Send(2, 10);
  client.HalfClose();
  platform.clock.Advance(absl::Seconds(1));
  EXPECT_EQ(client.NextSequence(), 2);
  EXPECT_TRUE(client.Finish().ok());
  EXPECT_EQ(IdsIn(platform).size(), 20u);
}

TEST(IngestStreamTest, WithoutRoomAStreamWaitsWhereACallIsRefused) {
  Platform platform({.max_in_flight_bytes = 4'000});
  const std::string key = platform.MakeSource("web");
  StreamClient client(platform, key);
  client.Open();
  platform.log->Hold();
  client.Send(1, 5);
  client.Send(2, 5);
  platform.log->AwaitHeld(5);
  EXPECT_EQ(platform.log->held(), 5u);
  platform.log->Release();
  EXPECT_EQ(client.NextSequence(), 1);
  EXPECT_EQ(client.NextSequence(), 2);
}

TEST(IngestStreamTest, TheStopAcknowledgesWhatIsOnItsWayAndTakesNoMore) {
  Platform platform({}, {.lag = [](eventlog::Partition) { return 10'000; }});
  const std::string key = platform.MakeSource("web");
  StreamClient live(platform, key);
  live.Open();
  StreamClient bulk(platform, key);
  bulk.Open(/*bulk=*/true);
  bulk.Send(1, 1);
  StreamClient idle(platform, key);
  idle.Open();
  platform.log->Hold();
  live.Send(1, 3);
  platform.log->AwaitHeld(3);
  platform.front->StopStreams();
  platform.log->Release();
  EXPECT_EQ(live.NextSequence(), 1);
  for (StreamClient* client : {&live, &bulk, &idle}) {
    EXPECT_EQ(client->Next(), std::nullopt);
    const absl::Status status = client->Finish();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(status), "SERVER_STOPPING");
  }
  StreamClient late(platform, key);
  EXPECT_EQ(ReasonOf(late.Finish()), "SERVER_STOPPING");
  EXPECT_THAT(IdsIn(platform), ElementsAre("1-0", "1-1", "1-2"));
}

TEST(IngestStreamTest, AClientThatGoesWhileItsBatchWaitsLeavesNothingBehind) {
  std::atomic<int64_t> lag = 10'000;
  Platform platform({}, {.options = {.max_streams = 1}, .lag = [&](eventlog::Partition) { return lag.load(); }});
  const std::string key = platform.MakeSource("web");
  {
    StreamClient client(platform, key);
    client.Open(/*bulk=*/true);
    client.Send(1, 1);
    StreamClient another(platform, key);
    EXPECT_EQ(ReasonOf(another.Finish()), "TOO_MANY_STREAMS");
    client.Cancel();
    EXPECT_EQ(client.Finish().code(), absl::StatusCode::kCancelled);
  }
  lag = 0;
  absl::Status status;
  do {  // until the server, too, has let go of the first
    StreamClient next(platform, key);
    v1::IngestStreamRequest open;
    open.mutable_open();
    next.Send(open);
    next.HalfClose();
    next.ReadToTheEnd();
    status = next.Finish();
  } while (ReasonOf(status) == "TOO_MANY_STREAMS");
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(platform.front->ingestor().in_flight_bytes(), 0u);
}

}  // namespace
}  // namespace tributary::ingestion::testing
