#include "ingestion/stream_admission.h"

#include <atomic>
#include <future>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/metrics/registry.h"

namespace tributary::ingestion::testing {
namespace {

using ::testing::ElementsAre;

class StreamAdmissionTest : public ::testing::Test {
 protected:
  StreamAdmissionTest() {
    quiet_->workspace_id = "quiet";
    quiet_->intake_partition = eventlog::Partition(3);
    busy_->workspace_id = "busy";
    busy_->intake_partition = eventlog::Partition(1);
    limited_->workspace_id = "limited";
    limited_->events_per_second = 100;
  }

  StreamAdmission::Ticket Submit(const std::string& name, const std::shared_ptr<WorkspaceEntry>& workspace, bool bulk,
                                 int64_t events = 100) {
    return admission_.Submit({.workspace = workspace, .events = events, .bytes = 1'000, .bulk = bulk},
                             [this, name](Ingestor::Room room) {
                               admitted_.push_back(name);
                               if (keep_rooms_) rooms_.push_back(std::move(room));
                             });
  }
  double Waiting(const char* reason) {
    return metrics_
        .GetGauge("tributary_ingest_streams_waiting", "Streams whose next batch must wait, by why",
                  {{"reason", reason}})
        .Value();
  }
  double Waited(const char* reason) {
    return metrics_
        .GetCounter("tributary_ingest_stream_wait_seconds_total", "How long batches of streams waited, by why",
                    {{"reason", reason}})
        .Value();
  }

  FakeClock clock_;
  metrics::Registry metrics_;
  std::map<int32_t, int64_t> lag_;
  Ingestor ingestor_{
      {.clock = &clock_, .lag = [this](eventlog::Partition partition) { return lag_[partition.value()]; }},
      {.max_in_flight_bytes = 110'000, .max_lag_records = 20'000}};
  StreamAdmission admission_{
      {.clock = &clock_,
       .ingestor = &ingestor_,
       .lag = [this](eventlog::Partition partition) { return lag_[partition.value()]; },
       .metrics = &metrics_},
      {.bulk = {.high_water_records = 1'000, .low_water_records = 500}, .poll_interval = absl::ZeroDuration()}};
  std::shared_ptr<WorkspaceEntry> quiet_ = std::make_shared<WorkspaceEntry>();
  std::shared_ptr<WorkspaceEntry> busy_ = std::make_shared<WorkspaceEntry>();
  std::shared_ptr<WorkspaceEntry> limited_ = std::make_shared<WorkspaceEntry>();
  std::vector<std::string> admitted_;
  bool keep_rooms_ = false;
  std::vector<Ingestor::Room> rooms_;
};

TEST_F(StreamAdmissionTest, BulkWaitsWhileTheLagIsHighAndLivePasses) {
  lag_[1] = 1'000;
  Submit("bulk", busy_, true);
  Submit("live", busy_, false);
  Submit("bulk elsewhere", quiet_, true);
  EXPECT_THAT(admitted_, ElementsAre("live", "bulk elsewhere"));
  lag_[1] = 500;
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("live", "bulk elsewhere")) << "until it is below the low mark";
  lag_[1] = 499;
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("live", "bulk elsewhere", "bulk"));
  lag_[1] = 899;
  Submit("more bulk", busy_, true);
  EXPECT_EQ(admitted_.back(), "more bulk") << "up to the high mark";
}

TEST_F(StreamAdmissionTest, FarBehindLiveBatchesWaitToo) {
  lag_[1] = 20'000;
  Submit("live", busy_, false);
  Submit("live elsewhere", quiet_, false);
  EXPECT_THAT(admitted_, ElementsAre("live elsewhere"));
  EXPECT_EQ(Waiting("lag"), 1);
  lag_[1] = 19'999;
  clock_.Advance(absl::Milliseconds(10));
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("live elsewhere", "live"));
}

TEST_F(StreamAdmissionTest, WhatWasLetInCountsUntilItIsSettled) {
  const StreamAdmission::Batch batch{.workspace = busy_, .events = 600, .bytes = 1'000, .bulk = true};
  Submit("first", busy_, true, 600);
  Submit("second", busy_, true, 600);
  Submit("third", busy_, true, 600);
  EXPECT_THAT(admitted_, ElementsAre("first", "second"));
  admission_.Settled(batch);
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "second"));
  admission_.Settled(batch);
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "second", "third"));
}

TEST_F(StreamAdmissionTest, BeyondTheQuotaABatchWaitsItsTime) {
  Submit("first", limited_, false);
  Submit("second", limited_, false);
  Submit("of another", quiet_, false);
  EXPECT_THAT(admitted_, ElementsAre("first", "of another"));
  EXPECT_EQ(Waiting("quota"), 1);
  clock_.Advance(absl::Milliseconds(999));
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "of another"));
  clock_.Advance(absl::Milliseconds(1));
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "of another", "second"));
  EXPECT_EQ(Waiting("quota"), 0);
  EXPECT_NEAR(Waited("quota"), 1, 1e-9);
}

TEST_F(StreamAdmissionTest, WithoutRoomABatchWaitsAndTakesNothingOfTheQuota) {
  keep_rooms_ = true;
  Submit("first", quiet_, false);
  Submit("second", quiet_, false);
  Submit("third", limited_, false);
  EXPECT_THAT(admitted_, ElementsAre("first", "second"));
  EXPECT_EQ(Waiting("memory"), 1);
  rooms_.clear();
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "second", "third"));
}

TEST_F(StreamAdmissionTest, WaitingTimeIsCountedByItsReasonAlsoWhenThatChanges) {
  lag_[0] = 5'000;
  Submit("first", limited_, false);
  Submit("second", limited_, true);
  EXPECT_EQ(Waiting("lag"), 1);
  clock_.Advance(absl::Milliseconds(400));
  lag_[0] = 0;
  admission_.Poll();
  EXPECT_EQ(Waiting("lag"), 0);
  EXPECT_EQ(Waiting("quota"), 1);
  clock_.Advance(absl::Milliseconds(600));
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("first", "second"));
  EXPECT_NEAR(Waited("lag"), 0.4, 1e-9);
  EXPECT_NEAR(Waited("quota"), 0.6, 1e-9);
}

TEST_F(StreamAdmissionTest, WhatIsWithdrawnIsNeverAdmitted) {
  lag_[1] = 5'000;
  const StreamAdmission::Ticket bulk = Submit("bulk", busy_, true);
  const StreamAdmission::Ticket live = Submit("live", busy_, false);
  EXPECT_TRUE(admission_.Withdraw(bulk));
  EXPECT_FALSE(admission_.Withdraw(bulk));
  EXPECT_FALSE(admission_.Withdraw(live)) << "it was admitted";
  lag_[1] = 0;
  admission_.Poll();
  EXPECT_THAT(admitted_, ElementsAre("live"));
  EXPECT_EQ(Waiting("lag"), 0);
}

TEST_F(StreamAdmissionTest, AfterTheStopNothingIsAdmitted) {
  lag_[1] = 5'000;
  Submit("bulk", busy_, true);
  admission_.Stop();
  lag_[1] = 0;
  admission_.Poll();
  Submit("live", busy_, false);
  EXPECT_TRUE(admitted_.empty());
}

TEST(StreamAdmissionThread, LooksByItself) {
  FakeClock clock;
  std::atomic<int64_t> lag = 10'000;
  std::promise<void> admitted;
  auto workspace = std::make_shared<WorkspaceEntry>();
  Ingestor ingestor({.clock = &clock}, {});
  StreamAdmission admission(
      {.clock = &clock, .ingestor = &ingestor, .lag = [&](eventlog::Partition) { return lag.load(); }}, {});
  admission.Submit({.workspace = workspace, .events = 1, .bytes = 1, .bulk = true},
                   [&](Ingestor::Room) { admitted.set_value(); });
  lag = 0;
  admitted.get_future().wait();
}

}  // namespace
}  // namespace tributary::ingestion::testing
