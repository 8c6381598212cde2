#include "input/sender.h"

#include <mutex>
#include <set>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/rpc/status.h"

namespace tributary::cli {
namespace {

using ::testing::ElementsAre;

Batch BatchOf(int64_t first_line, int events) {
  Batch batch;
  for (int i = 0; i < events; ++i) {
    batch.request.add_events()->set_event_id(fmt::format("{}", first_line + i));
    batch.lines.push_back(first_line + i);
  }
  batch.through = first_line + events - 1;
  return batch;
}

ingestion::v1::IngestResponse AcceptAll(const ingestion::v1::IngestRequest& request) {
  ingestion::v1::IngestResponse response;
  for (int i = 0; i < request.events_size(); ++i) {
    response.add_results()->set_status(ingestion::v1::IngestResult::STATUS_ACCEPTED);
  }
  response.set_token("after-" + request.events(0).event_id());
  return response;
}

class SenderTest : public testing::Test {
 protected:
  Sender::Options Options(int in_flight) {
    return {.in_flight = in_flight, .give_up_after = absl::Seconds(60), .pause = [this](absl::Duration delay) {
              const std::lock_guard lock(mutex_);
              pauses_.push_back(delay);
              clock_.Advance(delay);
            }};
  }
  AcknowledgedFn Note() {
    return [this](const Acknowledged& batch) {
      through_.push_back(batch.through);
      accepted_ += batch.accepted;
      for (const Rejection& rejection : batch.rejected) rejected_.push_back(rejection.line);
    };
  }

  FakeClock clock_;
  SeededRandom random_{1};
  std::mutex mutex_;
  std::vector<absl::Duration> pauses_;
  std::vector<int64_t> through_;
  std::vector<int64_t> rejected_;
  int64_t accepted_ = 0;
};

TEST_F(SenderTest, TellsInOrderWhateverIsAnsweredFirst) {
  std::mutex mutex;
  std::condition_variable changed;
  std::set<std::string> answered;
  Sender sender(
      Options(3),
      [&](const ingestion::v1::IngestRequest& request) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        const std::string id = request.events(0).event_id();
        std::unique_lock lock(mutex);
        if (id == "1") changed.wait(lock, [&] { return answered.contains("11") && answered.contains("21"); });
        answered.insert(id);
        changed.notify_all();
        return AcceptAll(request);
      },
      Note(), clock_, random_);
  for (int64_t line : {1, 11, 21}) ASSERT_TRUE(sender.Submit(BatchOf(line, 10)).ok());
  ASSERT_TRUE(sender.Finish().ok());
  EXPECT_THAT(through_, ElementsAre(10, 20, 30));
  EXPECT_EQ(accepted_, 30);
}

TEST_F(SenderTest, ReportsRejectedAndUnreadableLinesTogetherByLine) {
  Sender sender(
      Options(1),
      [](const ingestion::v1::IngestRequest& request) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        auto response = AcceptAll(request);
        response.mutable_results(1)->set_status(ingestion::v1::IngestResult::STATUS_REJECTED);
        return response;
      },
      Note(), clock_, random_);
  Batch batch = BatchOf(1, 3);
  batch.lines = {1, 4, 5};
  batch.unreadable = {{.line = 2}, {.line = 6}};
  batch.through = 6;
  ASSERT_TRUE(sender.Submit(std::move(batch)).ok());
  ASSERT_TRUE(sender.Finish().ok());
  EXPECT_THAT(rejected_, ElementsAre(2, 4, 6));
  EXPECT_EQ(accepted_, 2);
}

TEST_F(SenderTest, ABatchOfUnreadableLinesAloneIsNotSent) {
  Sender sender(
      Options(1),
      [](const ingestion::v1::IngestRequest&) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        return absl::InternalError("must not be called");
      },
      Note(), clock_, random_);
  Batch batch;
  batch.unreadable = {{.line = 7}};
  batch.through = 7;
  ASSERT_TRUE(sender.Submit(std::move(batch)).ok());
  EXPECT_TRUE(sender.Finish().ok());
  EXPECT_THAT(rejected_, ElementsAre(7));
}

TEST_F(SenderTest, WaitsAtLeastAsLongAsTheServerAdvises) {
  int calls = 0;
  Sender sender(
      Options(1),
      [&](const ingestion::v1::IngestRequest& request) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        if (++calls <= 2) return rpc::WithRetryAfter(absl::ResourceExhaustedError("busy"), absl::Seconds(3));
        return AcceptAll(request);
      },
      Note(), clock_, random_);
  ASSERT_TRUE(sender.Submit(BatchOf(1, 1)).ok());
  ASSERT_TRUE(sender.Finish().ok());
  EXPECT_EQ(accepted_, 1);
  ASSERT_EQ(pauses_.size(), 2u);
  for (const absl::Duration pause : pauses_) EXPECT_GE(pause, absl::Seconds(3));
}

TEST_F(SenderTest, GivesUpAServerThatStaysAwayAndNotOneThatIsBusy) {
  int calls = 0;
  Sender sender(
      Options(1),
      [&](const ingestion::v1::IngestRequest&) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        return ++calls <= 100 ? absl::ResourceExhaustedError("busy") : absl::UnavailableError("away");
      },
      Note(), clock_, random_);
  ASSERT_TRUE(sender.Submit(BatchOf(1, 1)).ok());
  EXPECT_EQ(sender.Finish().code(), absl::StatusCode::kUnavailable);
  absl::Duration waited;
  for (const absl::Duration pause : pauses_) waited += pause;
  EXPECT_GT(waited, absl::Seconds(400));  // 100 refusals, then a minute without an answer
  EXPECT_GT(calls, 105);
  EXPECT_EQ(accepted_, 0);
}

TEST_F(SenderTest, AnErrorThatRetryingCannotMendEndsItAtOnce) {
  int calls = 0;
  Sender sender(
      Options(1),
      [&](const ingestion::v1::IngestRequest&) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        ++calls;
        return absl::PermissionDeniedError("no");
      },
      Note(), clock_, random_);
  ASSERT_TRUE(sender.Submit(BatchOf(1, 1)).ok());
  EXPECT_EQ(sender.Finish().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(sender.Submit(BatchOf(2, 1)).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(calls, 1);
}

TEST_F(SenderTest, KeepsTheTokensThatCoverAllOthers) {
  Sender sender(
      Options(1),
      [](const ingestion::v1::IngestRequest& request) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        return AcceptAll(request);
      },
      Note(), clock_, random_);
  for (int64_t line = 1; line <= 5; ++line) ASSERT_TRUE(sender.Submit(BatchOf(line, 1)).ok());
  ASSERT_TRUE(sender.Finish().ok());
  EXPECT_THAT(sender.Tokens(), ElementsAre("after-5"));
}

TEST_F(SenderTest, KeepsTheTokenOfACallThatWasUnderWayMeanwhile) {
  std::mutex mutex;
  std::condition_variable changed;
  int others = 0;
  Sender sender(
      Options(2),
      [&](const ingestion::v1::IngestRequest& request) -> absl::StatusOr<ingestion::v1::IngestResponse> {
        const bool slow = request.events(0).event_id() == "1";
        std::unique_lock lock(mutex);
        if (slow) changed.wait(lock, [&] { return others == 3; });
        if (!slow) {
          ++others;
          changed.notify_all();
        }
        return AcceptAll(request);
      },
      Note(), clock_, random_);
  for (int64_t line = 1; line <= 4; ++line) ASSERT_TRUE(sender.Submit(BatchOf(line, 1)).ok());
  ASSERT_TRUE(sender.Finish().ok());
  EXPECT_THAT(sender.Tokens(), testing::UnorderedElementsAre("after-1", "after-4"));
}

}  // namespace
}  // namespace tributary::cli
