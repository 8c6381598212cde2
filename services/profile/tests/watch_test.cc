#include "profile/watch.h"

#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "profile/definition_commands.h"
#include "profile/segment_request.h"
#include "profile/tests/front_fixture.h"
#include "profile/tests/statements.h"
#include "tributary/rpc/status.h"

namespace tributary::profile::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

v1::WatchProfileRequest Watching(const std::string& profile) {
  v1::WatchProfileRequest request;
  request.mutable_profile()->set_profile_id(profile);
  request.set_include_entries(true);
  return request;
}

std::vector<std::string> EntriesOf(const v1::WatchProfileResponse& response) {
  std::vector<std::string> ids;
  for (const v1::JourneyEntry& entry : response.entries()) ids.push_back(entry.event().event_id());
  return ids;
}

// A reader of one stream.
class Reader {
 public:
  Reader(uint16_t port, const std::string& secret, const v1::WatchProfileRequest& request)
      : client_(rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", port), .bearer_secret = secret}).value()),
        stub_(ProfileService::NewStub(client_.channel())) {
    client_.Prepare(context_);
    stream_ = stub_->WatchProfile(&context_, request);
  }
  ~Reader() {
    if (stream_ != nullptr) Cut();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  // The next answer; nothing once the stream has ended.
  std::optional<v1::WatchProfileResponse> Next() {
    v1::WatchProfileResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  // Ids of the entries of the next answers, until `count` came.
  std::vector<std::string> Entries(size_t count) {
    std::vector<std::string> ids;
    while (ids.size() < count) {
      const auto response = Next();
      if (!response.has_value()) break;
      for (std::string& id : EntriesOf(*response)) ids.push_back(std::move(id));
      resume_token = response->resume_token();
      ++answers;
    }
    return ids;
  }
  absl::Status End() {
    while (Next().has_value()) continue;
    return rpc::FromGrpc(std::exchange(stream_, nullptr)->Finish());
  }
  void Cut() {
    context_.TryCancel();
    EXPECT_EQ(End().code(), absl::StatusCode::kCancelled);
  }

  std::string resume_token;
  int answers = 0;

 private:
  const rpc::Client client_;
  const std::unique_ptr<ProfileService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchProfileResponse>> stream_;
};

class WatchTest : public ProfileFrontTest {
 protected:
  explicit WatchTest(const ProfileWatches::Options& options = {.between_looks = absl::Milliseconds(1)})
      : ProfileFrontTest(options) {}

  Reader Open(v1::WatchProfileRequest request, const std::string& secret = kAgentSecret) {
    if (request.token().empty()) request.set_token(Token());
    return Reader(server_->port(), secret, request);
  }
  double OpenStreams() { return metrics_.GetGauge("tributary_profile_watches", "").Value(); }
  void WaitForStreams(int open) {
    while (OpenStreams() != open) std::this_thread::yield();
  }
};

TEST_F(WatchTest, TheStateComesFirstAndThenEachChangeInTheOrderOfArrival) {
  Put("p0-1-0", Order("p0-1-0", "a", 100, "A", 0, Cents("THB", 1000)));
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_include_traits(true);
  Reader reader = Open(request);
  auto change = reader.Next();
  ASSERT_TRUE(change.has_value());
  EXPECT_TRUE(change->snapshot());
  EXPECT_FALSE(change->resynchronise());
  EXPECT_EQ(change->profile().order_count(), 1);
  EXPECT_EQ(change->traits().computed().order_count(), 1);
  EXPECT_THAT(EntriesOf(*change), IsEmpty()) << "what was there is read by ListJourneyEntries";

  // Later by arrival, earlier by occurrence.
  Put("p0-1-0", Order("p0-1-0", "b", 50, "B", 0, Cents("THB", 500)));
  change = reader.Next();
  ASSERT_TRUE(change.has_value());
  EXPECT_FALSE(change->snapshot());
  EXPECT_THAT(EntriesOf(*change), ElementsAre("b"));
  EXPECT_EQ(Text(change->profile().revenues(0).net()), "15.00 THB");
  EXPECT_EQ(change->traits().computed().order_count(), 2);

  // An amendment comes with the entry that it amends.
  Put("p0-1-0", Retraction("p0-1-0", "r", 200, "a"));
  change = reader.Next();
  ASSERT_TRUE(change.has_value());
  EXPECT_THAT(EntriesOf(*change), ElementsAre("a", "r"));
  EXPECT_TRUE(change->entries(0).retracted());
  EXPECT_EQ(change->profile().order_count(), 1);

  // Another's changes are no change.
  Put("p0-3-0", Event("p0-3-0", "x", 100));
  Put("p0-2-0", Event("p0-2-0", "y", 100));
  Put("p0-1-0", Event("p0-1-0", "c", 300));
  change = reader.Next();
  ASSERT_TRUE(change.has_value());
  EXPECT_THAT(EntriesOf(*change), ElementsAre("c"));
}

TEST_F(WatchTest, FiguresAloneAreToldIfEntriesAreNotAskedFor) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_include_entries(false);
  Reader reader = Open(request);
  ASSERT_TRUE(reader.Next().has_value());
  Put("p0-1-0", Event("p0-1-0", "b", 100));
  const auto change = reader.Next();
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->profile().entry_count(), 2);
  EXPECT_FALSE(change->has_traits());
  EXPECT_EQ(change->entries_size(), 0);
}

TEST_F(WatchTest, SegmentsThatAreEnteredAndLeftAreTold) {
  const std::string profile = IdIn(0);
  Put(profile, Event(profile, "a", 100));
  Reader reader = Open(Watching(profile));
  const auto first = reader.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->profile().segment_ids(), IsEmpty());
  v1::UpdateSegmentRequest define;
  define.set_allow_missing(true);
  define.mutable_segment()->set_segment_id("two-entries");
  define.mutable_segment()->set_rule_text("entry_count >= 2");
  processor::Task* task = host_.Find("profile", {"journey", processor::Partition(0)});
  std::promise<absl::StatusOr<processor::Reply>> defined;
  task->Submit({"r1", std::string(kUpdateSegment), CommandOf(define, kWorkspace).value().SerializeAsString()},
               [&](absl::StatusOr<processor::Reply> reply) { defined.set_value(std::move(reply)); });
  ASSERT_EQ(defined.get_future().get()->code, absl::StatusCode::kOk);
  // It may be decided after the entry is there, and is told then.
  const auto until = [&](const auto& told) {
    for (;;) {
      auto change = reader.Next();
      if (!change.has_value() || told(*change)) return change;
    }
  };
  Put(profile, Event(profile, "b", 200));
  const auto entered = until([](const auto& change) { return change.entered_segment_ids_size() > 0; });
  ASSERT_TRUE(entered.has_value());
  EXPECT_THAT(entered->entered_segment_ids(), ElementsAre("two-entries"));
  EXPECT_THAT(entered->profile().segment_ids(), ElementsAre("two-entries"));
  Put(profile, Retraction(profile, "r", 300, "b"));
  const auto left = until([](const auto& change) { return change.left_segment_ids_size() > 0; });
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(left->left_segment_ids(), ElementsAre("two-entries"));
  EXPECT_THAT(left->profile().segment_ids(), IsEmpty());
}

TEST_F(WatchTest, AReaderThatResumesMissesNothing) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  std::string resume;
  {
    Reader reader = Open(Watching("p0-1-0"));
    ASSERT_TRUE(reader.Next().has_value());
    Put("p0-1-0", Event("p0-1-0", "b", 200));
    EXPECT_THAT(reader.Entries(1), ElementsAre("b"));
    resume = reader.resume_token;
  }
  Put("p0-1-0", Event("p0-1-0", "c", 50));
  Put("p0-1-0", Correction("p0-1-0", "d", 400, "a", 1, Event("p0-1-0", "a", 500)));
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_resume_token(resume);
  Reader reader = Open(request);
  const auto first = reader.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->snapshot());
  EXPECT_FALSE(first->resynchronise());
  EXPECT_EQ(first->profile().entry_count(), 3);
  EXPECT_THAT(EntriesOf(*first), ElementsAre("c", "a", "d"));
  EXPECT_TRUE(first->entries(1).corrected());
  Put("p0-1-0", Event("p0-1-0", "e", 100));
  EXPECT_THAT(reader.Entries(1), ElementsAre("e"));
}

TEST_F(WatchTest, EveryEntryComesOnceThoughStreamsAreCutAllTheTime) {
  constexpr size_t kEvents = 200;
  Put("p0-1-0", Event("p0-1-0", "first", 1));
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_token(Token());
  {
    Reader reader = Open(request);
    request.set_resume_token(reader.Next()->resume_token());
  }
  std::thread writer([this] {
    for (size_t i = 0; i < kEvents; ++i) Put("p0-1-0", Event("p0-1-0", fmt::format("e{}", i), 100));
  });
  std::vector<std::string> seen;
  while (seen.size() < kEvents) {
    Reader reader = Open(request);
    const std::vector<std::string> ids = reader.Entries(1);
    ASSERT_FALSE(ids.empty());
    seen.insert(seen.end(), ids.begin(), ids.end());
    request.set_resume_token(reader.resume_token);
  }
  writer.join();
  ASSERT_EQ(seen.size(), kEvents);
  for (size_t i = 0; i < kEvents; ++i) EXPECT_EQ(seen[i], fmt::format("e{}", i));
}

TEST_F(WatchTest, TheStreamOfOneThatIsMergedGoesOnWithTheWinnerOnceItIsWhole) {
  const std::string winner = IdIn(0);
  const std::string loser = IdIn(1);
  Put(winner, Order(winner, "w", 100, "W", 0, Cents("THB", 100)));
  Put(loser, Order(loser, "l", 200, "L", 0, Cents("THB", 100)));
  Reader of_loser = Open(Watching(loser));
  Reader of_winner = Open(Watching(winner));
  ASSERT_TRUE(of_winner.Next().has_value());
  const auto before = of_loser.Next();
  ASSERT_TRUE(before.has_value());
  Put(winner, Merge(winner, loser));
  // Half of a customer is told to nobody: the pieces are here only when the loser's partition has heard of it.
  Put(winner, Order(winner, "w2", 300, "W2", 0, Cents("THB", 100)));
  ASSERT_TRUE(Get(IdIn(0, 3)).status().code() == absl::StatusCode::kNotFound);
  Put(loser, Merge(winner, loser));
  for (Reader* reader : {&of_loser, &of_winner}) {
    const auto change = reader->Next();
    ASSERT_TRUE(change.has_value());
    EXPECT_EQ(change->profile_id(), winner);
    EXPECT_EQ(change->merged_into(), reader == &of_loser ? winner : "");
    EXPECT_TRUE(change->resynchronise());
    EXPECT_TRUE(change->snapshot());
    EXPECT_EQ(change->profile().order_count(), 3);
    v1::ListJourneyEntriesRequest journey;
    journey.mutable_profile()->set_profile_id(winner);
    journey.set_token(change->token());
    EXPECT_EQ(Call(&ProfileService::Stub::ListJourneyEntries, journey)->entries_size(), 3);
  }
  Put(winner, Event(winner, "after", 400));
  EXPECT_THAT(of_loser.Entries(1), ElementsAre("after"));
  EXPECT_THAT(of_winner.Entries(1), ElementsAre("after"));

  // Who was cut before the merge is told so, too.
  v1::WatchProfileRequest late = Watching(loser);
  late.set_resume_token(before->resume_token());
  const auto resumed = Open(late).Next();
  ASSERT_TRUE(resumed.has_value());
  EXPECT_EQ(resumed->merged_into(), winner);
  EXPECT_TRUE(resumed->resynchronise());
  EXPECT_EQ(resumed->profile().requested_profile_id(), loser);
  EXPECT_EQ(resumed->profile().entry_count(), 4);
}

TEST_F(WatchTest, PersonalFieldsAreMaskedByRole) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_include_traits(true);
  Reader report = Open(request, kReadSecret);
  Reader agent = Open(request);
  ASSERT_TRUE(report.Next().has_value());
  ASSERT_TRUE(agent.Next().has_value());
  events::v1::CustomerEvent said = Event("p0-1-0", "b", 200);
  said.mutable_traits_stated()->add_names()->set_full("Malee");
  Put("p0-1-0", said);
  const auto masked = report.Next();
  ASSERT_TRUE(masked.has_value());
  EXPECT_EQ(masked->DebugString().find("Malee"), std::string::npos);
  EXPECT_EQ(masked->entries_size(), 1);
  const auto whole = agent.Next();
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->traits().stated().names(0).full(), "Malee");
  EXPECT_EQ(whole->entries(0).event().traits_stated().names(0).full(), "Malee");
}

TEST_F(WatchTest, ASlowReaderGetsEachEntryOnceInFewerAndLargerAnswers) {
  constexpr size_t kEvents = 100;
  Put("p0-1-0", Event("p0-1-0", "first", 1));
  Reader reader = Open(Watching("p0-1-0"));
  ASSERT_TRUE(reader.Next().has_value());
  // More than what gRPC itself keeps on the way.
  const std::string large(200 << 10, 'x');
  for (size_t i = 0; i < kEvents; ++i) {
    events::v1::CustomerEvent event = Event("p0-1-0", fmt::format("e{}", i), 100);
    event.mutable_page_viewed()->set_title(large);
    Put("p0-1-0", event);
    ASSERT_TRUE(Get("p0-1-0").ok());
  }
  const std::vector<std::string> ids = reader.Entries(kEvents);
  ASSERT_EQ(ids.size(), kEvents);
  for (size_t i = 0; i < kEvents; ++i) EXPECT_EQ(ids[i], fmt::format("e{}", i));
  EXPECT_LT(reader.answers, 70);
  EXPECT_GE(reader.answers, 17) << "an answer is about a mebibyte at most";
}

TEST_F(WatchTest, ShutdownEndsStreamsAndRefusesMore) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  Reader reader = Open(Watching("p0-1-0"));
  ASSERT_TRUE(reader.Next().has_value());
  front_->StopStreams();
  ExpectError(reader.End(), absl::StatusCode::kUnavailable, "SERVER_STOPPING", "");
  ExpectError(Open(Watching("p0-1-0")).End(), absl::StatusCode::kUnavailable, "SERVER_STOPPING", "");
}

TEST_F(WatchTest, ACancelledStreamIsForgotten) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  Reader reader = Open(Watching("p0-1-0"));
  ASSERT_TRUE(reader.Next().has_value());
  EXPECT_EQ(OpenStreams(), 1);
  reader.Cut();
  WaitForStreams(0);
}

TEST_F(WatchTest, AWithdrawnCredentialIsToldNothingMore) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  Reader reader = Open(Watching("p0-1-0"), kReadSecret);
  ASSERT_TRUE(reader.Next().has_value());
  credentials_.withdrawn = kReadSecret;
  Put("p0-1-0", Event("p0-1-0", "b", 100));
  EXPECT_EQ(reader.End().code(), absl::StatusCode::kUnauthenticated);
}

TEST_F(WatchTest, WhatIsNotTheCallersIsNotFound) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  ExpectError(Open(Watching("p0-1-0"), kForeignSecret).End(), absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
              "profile");
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_workspace_id(kWorkspace);
  ExpectError(Open(request, kForeignSecret).End(), absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "workspace_id");
  EXPECT_EQ(Open(Watching("p0-1-0"), kIngestSecret).End().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(WatchTest, ErrorsNameFieldAndMend) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  ExpectError(Open(Watching("p0-9-0")).End(), absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile");
  ExpectError(Open(v1::WatchProfileRequest()).End(), absl::StatusCode::kInvalidArgument, "REQUIRED", "profile");
  v1::WatchProfileRequest request = Watching("p0-1-0");
  request.set_resume_token("none of ours");
  ExpectError(Open(request).End(), absl::StatusCode::kInvalidArgument, "INVALID_RESUME_TOKEN", "resume_token");
}

class FewWatchesTest : public WatchTest {
 protected:
  FewWatchesTest() : WatchTest({.max_streams = 1, .between_looks = absl::Milliseconds(1)}) {}
};

TEST_F(FewWatchesTest, MoreStreamsThanTheBoundAreRefused) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  {
    Reader reader = Open(Watching("p0-1-0"));
    ASSERT_TRUE(reader.Next().has_value());
    ExpectError(Open(Watching("p0-1-0")).End(), absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS", "");
  }
  WaitForStreams(0);
  EXPECT_TRUE(Open(Watching("p0-1-0")).Next().has_value());
}

class FewWatchesOfCredentialTest : public WatchTest {
 protected:
  FewWatchesOfCredentialTest()
      : WatchTest({.max_streams = 3, .max_streams_of_credential = 1, .between_looks = absl::Milliseconds(1)}) {}
};

TEST_F(FewWatchesOfCredentialTest, OneCredentialDoesNotTakeTheStreamsOfOthers) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  {
    Reader own = Open(Watching("p0-1-0"), kAgentSecret);
    ASSERT_TRUE(own.Next().has_value());
    ExpectError(Open(Watching("p0-1-0"), kAgentSecret).End(), absl::StatusCode::kResourceExhausted,
                "TOO_MANY_STREAMS_OF_CREDENTIAL", "");
    Reader others = Open(Watching("p0-1-0"), kReadSecret);
    EXPECT_TRUE(others.Next().has_value());
  }
  WaitForStreams(0);
  EXPECT_TRUE(Open(Watching("p0-1-0"), kAgentSecret).Next().has_value()) << "those that have ended do not count";
}

}  // namespace
}  // namespace tributary::profile::testing
