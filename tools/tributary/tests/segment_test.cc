// What `tributary segment`, `tributary tier` and `tributary profile segments` ask, and what they print of the answers.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/rule_text.h"
#include "tributary/profile/v1/profile.grpc.pb.h"
#include "tributary/profile/v1/segment.grpc.pb.h"
#include "tributary/rpc/server.h"

namespace tributary::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers as it was told to, and keeps what it was asked.
class Segments final : public profile::v1::SegmentService::Service {
 public:
  grpc::Status UpdateSegment(grpc::ServerContext*, const profile::v1::UpdateSegmentRequest* request,
                             profile::v1::UpdateSegmentResponse* response) override {
    update = *request;
    *response->mutable_segment() = segment;
    response->set_token("t1");
    return grpc::Status::OK;
  }
  grpc::Status GetSegment(grpc::ServerContext*, const profile::v1::GetSegmentRequest* request,
                          profile::v1::GetSegmentResponse* response) override {
    get = *request;
    clock.Advance(absl::Seconds(10));
    *response->mutable_segment() = segment;
    if (looks_until_done-- > 0) response->mutable_segment()->mutable_take_in()->set_done(false);
    return grpc::Status::OK;
  }
  grpc::Status ListSegments(grpc::ServerContext*, const profile::v1::ListSegmentsRequest*,
                            profile::v1::ListSegmentsResponse* response) override {
    if (!segment.segment_id().empty()) *response->add_segments() = segment;
    return grpc::Status::OK;
  }
  grpc::Status DeleteSegment(grpc::ServerContext*, const profile::v1::DeleteSegmentRequest* request,
                             profile::v1::DeleteSegmentResponse*) override {
    if (request->segment_id() != segment.segment_id()) return {grpc::StatusCode::NOT_FOUND, "there is no such segment"};
    return grpc::Status::OK;
  }
  // Two pages of two.
  grpc::Status ListSegmentMembers(grpc::ServerContext*, const profile::v1::ListSegmentMembersRequest* request,
                                  profile::v1::ListSegmentMembersResponse* response) override {
    const bool first = request->page_token().empty();
    for (const int number : first ? std::vector<int>{1, 2} : std::vector<int>{3, 4}) {
      auto& member = *response->add_members();
      member.set_profile_id(fmt::format("p0-{}-0", number));
      member.mutable_entered_at()->set_seconds(1'767'225'600 + number);
      member.set_reason(events::v1::MEMBERSHIP_REASON_TIME);
    }
    if (first) response->set_next_page_token("next");
    return grpc::Status::OK;
  }
  grpc::Status ListProfileSegments(grpc::ServerContext*, const profile::v1::ListProfileSegmentsRequest*,
                                   profile::v1::ListProfileSegmentsResponse* response) override {
    for (const char* id : {"bangkok", "vip"}) {
      auto& in = *response->add_segments();
      in.set_segment_id(id);
      in.mutable_entered_at()->set_seconds(1'767'225'600);
      in.set_reason(events::v1::MEMBERSHIP_REASON_EVENT);
    }
    response->set_value_tier("gold");
    return grpc::Status::OK;
  }
  grpc::Status UpdateValueTiers(grpc::ServerContext*, const profile::v1::UpdateValueTiersRequest* request,
                                profile::v1::UpdateValueTiersResponse* response) override {
    *response->mutable_value_tiers() = request->value_tiers();
    response->mutable_value_tiers()->set_revision(1);
    response->mutable_value_tiers()->mutable_take_in()->set_profiles_total(200);
    return grpc::Status::OK;
  }
  grpc::Status GetValueTiers(grpc::ServerContext*, const profile::v1::GetValueTiersRequest*,
                             profile::v1::GetValueTiersResponse*) override {
    return grpc::Status::OK;
  }

  profile::v1::UpdateSegmentRequest update;
  profile::v1::GetSegmentRequest get;
  profile::v1::Segment segment;
  int looks_until_done = 0;
  FakeClock clock;  // each look takes ten seconds
};

class Profiles final : public profile::v1::ProfileService::Service {
 public:
  grpc::Status GetProfile(grpc::ServerContext*, const profile::v1::GetProfileRequest* request,
                          profile::v1::GetProfileResponse* response) override {
    response->mutable_profile()->set_profile_id(request->profile().profile_id());
    response->mutable_profile()->set_value_tier("gold");
    response->mutable_profile()->add_segment_ids("bangkok");
    response->mutable_profile()->add_segment_ids("vip");
    return grpc::Status::OK;
  }
};

class SegmentCommandTest : public testing::Test {
 protected:
  SegmentCommandTest() {
    auto& segment = segments_.segment;
    segment.set_segment_id("vip");
    segment.set_display_name("Very important");
    segment.set_rule_text("net_revenue.THB > 5000 THB");
    segment.set_revision(2);
    segment.set_size(1234);
    segment.mutable_take_in()->set_done(true);
    segment.mutable_take_in()->set_profiles_done(430);
    segment.mutable_take_in()->set_profiles_total(1000);
    segment.mutable_created_at()->set_seconds(1'767'225'600);
    segment.mutable_updated_at()->set_seconds(1'767'225'660);
  }

  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Session session{.out = out_, .err = err_, .in = in_, .clock = segments_.clock, .random = random_};
    arguments.insert(arguments.end(), {"--server", fmt::format("127.0.0.1:{}", server_->port()), "--credential", "s"});
    return RunCommandLine(session, std::move(arguments));
  }

  Segments segments_;
  Profiles profiles_;
  std::unique_ptr<rpc::Server> server_ = rpc::Server::Start({}, {&segments_, &profiles_}).value();
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  SeededRandom random_{1};
};

TEST_F(SegmentCommandTest, ApplySendsWhatIsNamedAndNothingElse) {
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--rule", "order_count > 3"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), "segment vip has revision 2\n");
  EXPECT_EQ(err_.str(), "How far it is: tributary segment show vip\n");
  EXPECT_THAT(segments_.update.update_mask().paths(), ElementsAre("rule"));
  EXPECT_EQ(segments_.update.segment().rule_text(), "order_count > 3");
  EXPECT_TRUE(segments_.update.allow_missing());
  EXPECT_FALSE(segments_.update.request_id().empty());
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--name", "", "--description", "d"}), kOk) << err_.str();
  EXPECT_THAT(segments_.update.update_mask().paths(), ElementsAre("display_name", "description"));
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip"}), kUsage);
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--rule", "x", "--file", "y"}), kUsage);
}

TEST_F(SegmentCommandTest, ApplyReadsARuleFromAFileOrStandardInput) {
  in_.str("order_count > 3 # three\n");
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--file", "-"}), kOk) << err_.str();
  EXPECT_EQ(segments_.update.segment().rule_text(), "order_count > 3 # three\n");
  const std::string path = (std::filesystem::path(testing::TempDir()) / "segment_test.rule").string();
  std::ofstream(path) << "order_count\n  > many";
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--file", path}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("line 2, column 5"));
  EXPECT_THAT(err_.str(), HasSubstr("\n    > many\n      ^\n"));
  std::filesystem::remove(path);
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--file", path}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("--file: cannot be read"));
}

TEST_F(SegmentCommandTest, ApplyWaitsUntilAllAreTakenIn) {
  segments_.looks_until_done = 1;
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--name", "VIP", "--wait"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), "segment vip has revision 2 and 1,234 members\n");
  EXPECT_EQ(segments_.get.token(), "t1");
  EXPECT_EQ(segments_.looks_until_done, -1);
}

TEST_F(SegmentCommandTest, ApplyThatHasWaitedLongEnoughSaysHowFarItIs) {
  segments_.looks_until_done = 1000;
  EXPECT_EQ(Run({"segment", "apply", "--id", "vip", "--name", "VIP", "--wait", "--wait-timeout", "20"}), kFailed);
  EXPECT_EQ(out_.str(), "");
  EXPECT_EQ(err_.str(),
            "tributary: the segment is defined, but after 20 s only 430 of 1,000 profiles have been looked at\n"
            "The server goes on; how far it is: tributary segment show vip\n");
  EXPECT_EQ(segments_.looks_until_done, 998);
}

TEST_F(SegmentCommandTest, ShowsListsAndDeletes) {
  EXPECT_EQ(Run({"segment", "list"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(segment  name            revision  members  taken in  rule
vip      Very important         2    1,234  done      net_revenue.THB > 5000 THB
)");
  segments_.segment.mutable_take_in()->set_done(false);
  EXPECT_EQ(Run({"segment", "show", "vip", "--time-zone", "Asia/Bangkok"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(segment      vip
name         Very important
rule         net_revenue.THB > 5000 THB
revision     2
members      1,234
taken in     43 % (430 of 1,000)
created      2026-01-01 07:00:00
changed      2026-01-01 07:01:00
)");
  EXPECT_EQ(Run({"segment", "show", "vip", "--json"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr(R"("size":"1234")"));
  EXPECT_EQ(Run({"segment", "delete", "vip"}), kOk);
  EXPECT_EQ(out_.str(), "segment vip is deleted\n");
  EXPECT_EQ(Run({"segment", "delete", "vap"}), kFailed);
  segments_.segment.Clear();
  EXPECT_EQ(Run({"segment", "list"}), kOk);
  EXPECT_EQ(out_.str(), "no segments\n");
}

TEST_F(SegmentCommandTest, MembersArePagedUpToTheLimit) {
  EXPECT_EQ(Run({"segment", "members", "vip", "--limit", "3"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(profile  since (UTC)          by
p0-1-0   2026-01-01 00:00:01  time
p0-2-0   2026-01-01 00:00:02  time
p0-3-0   2026-01-01 00:00:03  time
)");
  EXPECT_EQ(err_.str(), "The first 3 are shown; --limit 0 shows all.\n");
  EXPECT_EQ(Run({"segment", "members", "vip", "--limit", "0", "--json"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr(R"({"profile_id":"p0-4-0","reason":"MEMBERSHIP_REASON_TIME","entered_at":"2026)"));
}

TEST_F(SegmentCommandTest, CheckShowsTheRuleOrWhereItIsWrong) {
  EXPECT_EQ(Run({"segment", "check", "--rule", "(count(order_stated within 4w)>=3 and recency < 1w)"}), kOk);
  EXPECT_EQ(out_.str(), R"(count(order_stated within 28d) >= 3 and recency < 7d
looks at fields: last_order_at
looks at events: order_stated
)");
  EXPECT_EQ(Run({"segment", "check", "--rule", "count(order_stated) >= 3"}), kOk);
  EXPECT_EQ(out_.str(), "count(order_stated) >= 3\nlooks at events: order_stated\n") << "it looks at no field";
  EXPECT_EQ(Run({"segment", "check", "--rule", "order_count >= 3"}), kOk);
  EXPECT_EQ(out_.str(), "order_count >= 3\nlooks at fields: order_count\n") << "it looks at no event";
  EXPECT_EQ(Run({"segment", "check", "--rule", "traits.city = \"เชียงใหม่\" adn inactive(1d)"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("Did you mean `and`?"));
  // The marks above and below of the Thai text take no column.
  EXPECT_THAT(err_.str(), HasSubstr("\n  traits.city = \"เชียงใหม่\" adn inactive(1d)\n                          ^\n"));
  EXPECT_EQ(Run({"segment", "check", "--rule", "inactive(1d)", "--json"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr("\"rule_text\":\"inactive(1d)\""));
  EXPECT_THAT(out_.str(), HasSubstr("\"body_types\":[\"*\"]"));
  EXPECT_EQ(Run({"segment", "check"}), kUsage);
}

TEST_F(SegmentCommandTest, TiersAreDefinedInWholeAndShown) {
  EXPECT_EQ(
      Run({"tier", "apply", "--measure", "net_revenue.THB", "--tier", "silver=10000 THB", "--tier", "gold=50000 THB"}),
      kOk)
      << err_.str();
  EXPECT_EQ(out_.str(), R"(net_revenue.THB by revision 1, taken in: 0 % (0 of 200)

tier     at least  members
silver  10000 THB        0
gold    50000 THB        0
)");
  EXPECT_EQ(Run({"tier", "show"}), kOk);
  EXPECT_EQ(out_.str(), "no tiers\n");
  EXPECT_EQ(Run({"tier", "apply", "--none"}), kOk);
  EXPECT_EQ(Run({"tier", "apply", "--measure", "gender", "--tier", "a=1"}), kFailed);
  EXPECT_THAT(err_.str(), HasSubstr("`gender` is text"));
  EXPECT_EQ(Run({"tier", "apply", "--measure", "order_count", "--tier", "a"}), kUsage);
  EXPECT_EQ(Run({"tier", "apply", "--measure", "order_count"}), kUsage);
  EXPECT_EQ(Run({"tier", "apply", "--none", "--tier", "a=1"}), kUsage);
}

TEST_F(SegmentCommandTest, AProfileShowsItsTierAndSegments) {
  EXPECT_EQ(Run({"profile", "get", "p0-1-0", "--time-zone", "UTC"}), kOk) << err_.str();
  EXPECT_THAT(out_.str(), HasSubstr("tier        gold\nsegments    bangkok, vip\n"));
  EXPECT_EQ(Run({"profile", "segments", "p0-1-0"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(segment  since (UTC)          by
bangkok  2026-01-01 00:00:00  event
vip      2026-01-01 00:00:00  event
)");
}

}  // namespace
}  // namespace tributary::cli
