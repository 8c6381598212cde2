// SegmentService over real gRPC, on a log of two partitions.
#include "profile/segment_front.h"

#include <thread>

#include "profile/tests/front_fixture.h"

namespace tributary::profile::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using v1::SegmentService;
using Stub = SegmentService::Stub;

constexpr char kMarketerSecret[] = "secret-of-a-marketer";
constexpr char kReaderSecret[] = "secret-of-a-reader";
constexpr char kManagerSecret[] = "secret-of-a-manager";

class SegmentCredentials final : public rpc::CredentialVerifier {
 public:
  absl::StatusOr<rpc::Principal> Verify(std::string_view secret) const override {
    if (secret == kMarketerSecret) return rpc::Principal{kWorkspace, rpc::Role::kMarketer, "c1", ""};
    if (secret == kManagerSecret) return rpc::Principal{kWorkspace, rpc::Role::kManager, "c5", ""};
    if (secret == kReaderSecret) return rpc::Principal{kWorkspace, rpc::Role::kRead, "c2", ""};
    if (secret == kIngestSecret) return rpc::Principal{kWorkspace, rpc::Role::kIngest, "c3", "shop"};
    if (secret == kForeignSecret) return rpc::Principal{"w2", rpc::Role::kAdmin, "c4", ""};
    return absl::UnauthenticatedError("unknown");
  }
};

class SegmentFrontTest : public ProfileFrontTest {
 protected:
  SegmentFrontTest() {
    segments_ = std::make_unique<SegmentFront>(SegmentFront::Deps{.gate = &segment_gate_,
                                                                  .places = {.host = &host_,
                                                                             .read_gate = read_gate_.get(),
                                                                             .journey_partitions = kPartitions,
                                                                             .resolver = &resolver_},
                                                                  .log = log_.get(),
                                                                  .random = &random_});
    segment_server_ = rpc::Server::Start({}, {segments_.get()}).value();
  }
  ~SegmentFrontTest() override { segment_server_->Shutdown(absl::Seconds(5)); }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                               const std::type_identity_t<Request>& request,
                               const std::string& secret = kMarketerSecret) {
    const rpc::Client client =
        rpc::Client::Open({.target = fmt::format("127.0.0.1:{}", segment_server_->port()), .bearer_secret = secret})
            .value();
    return client.Call(*SegmentService::NewStub(client.channel()), method, request);
  }

  v1::UpdateSegmentRequest Wanted(const std::string& id, const std::string& rule) {
    v1::UpdateSegmentRequest request;
    request.mutable_segment()->set_segment_id(id);
    request.mutable_segment()->set_rule_text(rule);
    request.set_allow_missing(true);
    return request;
  }

  // With its take-in done.
  v1::Segment Settled(const std::string& id) {
    v1::GetSegmentRequest request;
    request.set_segment_id(id);
    request.set_token(Token());
    for (;;) {
      const auto got = Ask(&Stub::GetSegment, request);
      EXPECT_TRUE(got.ok()) << got.status();
      if (!got.ok() || got->segment().take_in().done()) return got.ok() ? got->segment() : v1::Segment();
      std::this_thread::yield();
    }
  }

  SegmentCredentials segment_credentials_;
  rpc::CallGate segment_gate_{segment_credentials_, {}};
  std::unique_ptr<SegmentFront> segments_;
  std::unique_ptr<rpc::Server> segment_server_;
};

TEST_F(SegmentFrontTest, ASegmentIsDefinedReadListedAndDeleted) {
  v1::UpdateSegmentRequest wanted = Wanted("buyers", "order_count>=1");
  wanted.mutable_segment()->set_display_name("Buyers");
  const auto made = Ask(&Stub::UpdateSegment, wanted);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->segment().revision(), 1);
  EXPECT_EQ(made->segment().rule_text(), "order_count >= 1");
  EXPECT_EQ(made->segment().take_in().partitions(), kPartitions);
  EXPECT_FALSE(made->segment().take_in().done());
  v1::GetSegmentRequest get;
  get.set_segment_id("buyers");
  get.set_token(made->token());
  const auto got = Ask(&Stub::GetSegment, get, kReaderSecret);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->segment().display_name(), "Buyers");
  EXPECT_TRUE(got->segment().rule().has_comparison());
  v1::DeleteSegmentRequest del;
  del.set_segment_id("buyers");
  const auto deleted = Ask(&Stub::DeleteSegment, del);
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  get.set_token(deleted->token());
  ExpectError(Ask(&Stub::GetSegment, get).status(), absl::StatusCode::kNotFound, "SEGMENT_NOT_FOUND", "segment_id");
}

TEST_F(SegmentFrontTest, MembersArePagedOverThePartitionsAndProfilesShowTheirSegments) {
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(IdIn(i % kPartitions, i / kPartitions));
    Put(ids.back(), Order(ids.back(), "a", 100 + i, "A", 0, Cents("THB", 10000)));
  }
  std::sort(ids.begin(), ids.end());
  ASSERT_TRUE(Ask(&Stub::UpdateSegment, Wanted("buyers", "order_count >= 1")).ok());
  const v1::Segment settled = Settled("buyers");
  EXPECT_EQ(settled.size(), 6);
  EXPECT_EQ(settled.take_in().profiles_total(), 6);
  v1::ListSegmentMembersRequest list;
  list.set_segment_id("buyers");
  list.set_page_size(2);
  std::vector<std::string> listed;
  do {
    const auto page = Ask(&Stub::ListSegmentMembers, list);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->members_size(), 2);
    for (const v1::SegmentMember& member : page->members()) {
      listed.push_back(member.profile_id());
      EXPECT_EQ(member.reason(), events::v1::MEMBERSHIP_REASON_DEFINITION);
    }
    list.set_page_token(page->next_page_token());
  } while (!list.page_token().empty());
  std::sort(listed.begin(), listed.end());
  EXPECT_EQ(listed, ids);
  EXPECT_THAT(Get(ids[0])->profile().segment_ids(), ElementsAre("buyers"));
}

TEST_F(SegmentFrontTest, AReadWithTheTokenOfAnEventSeesWhatItLedTo) {
  v1::UpdateValueTiersRequest tiers;
  tiers.mutable_value_tiers()->set_measure_text("net_revenue.THB");
  for (const auto& [id, bound] : {std::pair("silver", "100 THB"), std::pair("gold", "1000 THB")}) {
    v1::ValueTier& tier = *tiers.mutable_value_tiers()->add_tiers();
    tier.set_tier_id(id);
    tier.set_at_least_text(bound);
  }
  const auto defined = Ask(&Stub::UpdateValueTiers, tiers);
  ASSERT_TRUE(defined.ok()) << defined.status();
  EXPECT_EQ(defined->value_tiers().tiers(1).at_least_text(), "1000 THB");
  ASSERT_TRUE(Ask(&Stub::UpdateSegment, Wanted("a", "order_count >= 1")).ok());
  ASSERT_TRUE(Ask(&Stub::UpdateSegment, Wanted("b", "value_tier = \"gold\"")).ok());
  Settled("a");
  Settled("b");
  const std::string id = IdIn(1);
  Put(id, Order(id, "a", 100, "A", 0, Cents("THB", 100000)));
  v1::ListProfileSegmentsRequest list;
  list.mutable_profile()->set_profile_id(id);
  list.set_page_size(1);
  list.set_token(Token());
  auto page = Ask(&Stub::ListProfileSegments, list);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->value_tier(), "gold");
  ASSERT_EQ(page->segments_size(), 1);
  EXPECT_EQ(page->segments(0).segment_id(), "a");
  list.set_page_token(page->next_page_token());
  page = Ask(&Stub::ListProfileSegments, list);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->segments_size(), 1);
  EXPECT_EQ(page->segments(0).segment_id(), "b");
  EXPECT_EQ(page->next_page_token(), "");
  const auto told = Ask(&Stub::GetValueTiers, v1::GetValueTiersRequest());
  EXPECT_EQ(told->value_tiers().tiers(1).size(), 1);
  EXPECT_EQ(Get(id)->profile().value_tier(), "gold");
}

TEST_F(SegmentFrontTest, ARuleIsCheckedAndShownInBothForms) {
  v1::CheckRuleRequest request;
  request.set_rule_text("count(order_stated within 90d)>=3 and net_revenue.THB > 5 THB");
  const auto checked = Ask(&Stub::CheckRule, request, kReaderSecret);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->rule().all_of().rules_size(), 2);
  EXPECT_THAT(checked->fields(), ElementsAre("net_revenue"));
  EXPECT_THAT(checked->body_types(), ElementsAre("order_stated"));
  request.set_rule_text("order_count >= 1 and\n order_cuont > 2");
  const absl::Status wrong = Ask(&Stub::CheckRule, request).status();
  ExpectError(wrong, absl::StatusCode::kInvalidArgument, "INVALID_RULE", "rule_text");
  EXPECT_THAT(std::string(wrong.message()), HasSubstr("line 2, column 2"));
}

TEST_F(SegmentFrontTest, WhoIsNotShownPersonalDataDoesNotLearnThemByRules) {
  const auto refused = [](const absl::Status& status, const std::string& field, const std::string& named) {
    ExpectError(status, absl::StatusCode::kPermissionDenied, "PERSONAL_FIELD", field);
    EXPECT_THAT(std::string(status.message()), HasSubstr(named));
  };
  const v1::UpdateSegmentRequest of_city = Wanted("a", "order_count >= 1 and traits.city = \"Bangkok\"");
  refused(Ask(&Stub::UpdateSegment, of_city).status(), "segment.rule", "traits");
  refused(Ask(&Stub::UpdateSegment, Wanted("a", "birth_date = \"1990-01-01\" or gender = \"x\"")).status(),
          "segment.rule", "birth_date, gender");
  refused(Ask(&Stub::UpdateSegment, Wanted("a", "count(tracked where properties.seat = \"A1\") > 0")).status(),
          "segment.rule", "properties");
  v1::UpdateValueTiersRequest tiers;
  tiers.mutable_value_tiers()->set_measure_text("count(any where properties.seat = \"A1\")");
  tiers.mutable_value_tiers()->add_tiers()->set_tier_id("gold");
  tiers.mutable_value_tiers()->mutable_tiers(0)->set_at_least_text("1");
  refused(Ask(&Stub::UpdateValueTiers, tiers).status(), "value_tiers.measure", "properties");
  v1::CheckRuleRequest check;
  check.set_rule_text("traits.city exists");
  refused(Ask(&Stub::CheckRule, check).status(), "rule", "traits");
  refused(Ask(&Stub::CheckRule, check, kReaderSecret).status(), "rule", "traits");

  // Who is shown them may define it, and others may name it anew.
  EXPECT_TRUE(Ask(&Stub::CheckRule, check, kManagerSecret).ok());
  const auto defined = Ask(&Stub::UpdateSegment, of_city, kManagerSecret);
  ASSERT_TRUE(defined.ok()) << defined.status();
  v1::UpdateSegmentRequest renamed = of_city;
  renamed.mutable_segment()->set_display_name("Bangkok");
  renamed.mutable_update_mask()->add_paths("display_name");
  const auto told = Ask(&Stub::UpdateSegment, renamed);
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->segment().display_name(), "Bangkok");
  EXPECT_EQ(told->segment().rule_text(), defined->segment().rule_text());
}

TEST_F(SegmentFrontTest, WhatIsWrongIsNamed) {
  const auto refused = [&](const v1::UpdateSegmentRequest& request, const std::string& reason,
                           const std::string& field) {
    ExpectError(Ask(&Stub::UpdateSegment, request).status(), absl::StatusCode::kInvalidArgument, reason, field);
  };
  refused(Wanted("", "order_count >= 1"), "REQUIRED", "segment.segment_id");
  refused(Wanted("No", "order_count >= 1"), "MALFORMED", "segment.segment_id");
  refused(Wanted("a", "order_count >="), "INVALID_RULE", "segment.rule_text");
  v1::UpdateSegmentRequest both = Wanted("a", "order_count >= 1");
  both.mutable_segment()->mutable_rule()->mutable_inactive_for()->set_seconds(5);
  refused(both, "CONTRADICTION", "segment.rule_text");
  v1::UpdateSegmentRequest message = Wanted("a", "");
  message.mutable_segment()->mutable_rule()->mutable_inactive_for();
  refused(message, "INVALID_RULE", "segment.rule.inactive_for");
  v1::UpdateSegmentRequest mask = Wanted("a", "order_count >= 1");
  mask.mutable_update_mask()->add_paths("size");
  refused(mask, "MALFORMED", "update_mask");
  v1::UpdateValueTiersRequest tiers;
  tiers.mutable_value_tiers()->set_measure_text("order_count");
  for (const char* id : {"a", "b"}) {
    tiers.mutable_value_tiers()->add_tiers()->set_tier_id(id);
    tiers.mutable_value_tiers()->mutable_tiers()->rbegin()->set_at_least_text("5");
  }
  const auto tiers_refused = [&](const std::string& reason, const std::string& field) {
    ExpectError(Ask(&Stub::UpdateValueTiers, tiers).status(), absl::StatusCode::kInvalidArgument, reason, field);
  };
  tiers_refused("NOT_ASCENDING", "value_tiers.tiers[1].at_least");
  tiers.mutable_value_tiers()->mutable_tiers(1)->set_at_least_text("5 THB");
  tiers_refused("INVALID_RULE", "value_tiers.tiers[1].at_least_text");
  tiers.mutable_value_tiers()->mutable_tiers(1)->set_at_least_text("6");
  tiers.mutable_value_tiers()->mutable_tiers(1)->set_tier_id("a");
  tiers_refused("DUPLICATE", "value_tiers.tiers[1].tier_id");
  tiers.mutable_value_tiers()->set_measure_text("order_cuont");
  tiers_refused("INVALID_RULE", "value_tiers.measure_text");
  tiers.mutable_value_tiers()->clear_measure_text();
  tiers.mutable_value_tiers()->mutable_measure()->set_field("order_cuont");
  tiers_refused("INVALID_RULE", "value_tiers.measure.field");
}

TEST_F(SegmentFrontTest, RevisionsAndRequestIdsGuardWrites) {
  v1::UpdateSegmentRequest request = Wanted("a", "order_count >= 1");
  request.set_request_id("once");
  ASSERT_TRUE(Ask(&Stub::UpdateSegment, request).ok());
  EXPECT_EQ(Ask(&Stub::UpdateSegment, request)->segment().revision(), 1);
  request.mutable_segment()->set_display_name("other");
  EXPECT_EQ(Ask(&Stub::UpdateSegment, request).status().code(), absl::StatusCode::kAlreadyExists);
  request.clear_request_id();
  request.mutable_segment()->set_revision(7);
  const absl::Status stale = Ask(&Stub::UpdateSegment, request).status();
  EXPECT_EQ(stale.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(DetailOf(stale)->reason, "REVISION_MISMATCH");
  request.mutable_segment()->set_revision(1);
  EXPECT_EQ(Ask(&Stub::UpdateSegment, request)->segment().revision(), 2);
  request.mutable_segment()->set_segment_id("b");
  request.mutable_segment()->clear_revision();
  request.set_allow_missing(false);
  EXPECT_EQ(Ask(&Stub::UpdateSegment, request).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(SegmentFrontTest, RolesAndWorkspacesAreKeptApart) {
  ASSERT_TRUE(Ask(&Stub::UpdateSegment, Wanted("a", "order_count >= 1")).ok());
  EXPECT_EQ(Ask(&Stub::UpdateSegment, Wanted("a", "order_count >= 2"), kReaderSecret).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Ask(&Stub::ListSegments, v1::ListSegmentsRequest(), kIngestSecret).status().code(),
            absl::StatusCode::kPermissionDenied);
  v1::GetSegmentRequest get;
  get.set_segment_id("a");
  EXPECT_EQ(Ask(&Stub::GetSegment, get, kForeignSecret).status().code(), absl::StatusCode::kNotFound);
  get.set_workspace_id(kWorkspace);
  EXPECT_EQ(Ask(&Stub::GetSegment, get, kForeignSecret).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Ask(&Stub::ListSegments, v1::ListSegmentsRequest(), kForeignSecret)->segments(), IsEmpty());
}

TEST_F(SegmentFrontTest, SegmentsAreListedByIdPageByPage) {
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(Ask(&Stub::UpdateSegment, Wanted(id, "order_count >= 1")).ok());
  v1::ListSegmentsRequest list;
  list.set_page_size(2);
  const auto first = Ask(&Stub::ListSegments, list);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->segments_size(), 2);
  EXPECT_EQ(first->segments(0).segment_id(), "a");
  EXPECT_EQ(first->segments(1).segment_id(), "b");
  list.set_page_token(first->next_page_token());
  const auto second = Ask(&Stub::ListSegments, list);
  ASSERT_EQ(second->segments_size(), 1);
  EXPECT_EQ(second->segments(0).segment_id(), "c");
  EXPECT_EQ(second->next_page_token(), "");
  list.set_page_token("nonsense");
  ExpectError(Ask(&Stub::ListSegments, list).status(), absl::StatusCode::kInvalidArgument, "INVALID_PAGE_TOKEN",
              "page_token");
}

}  // namespace
}  // namespace tributary::profile::testing
