// What `tributary explain` prints of what identity answers.
#include <sstream>

#include "app.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "text/tree.h"
#include "tributary/identity/v1/identity.grpc.pb.h"
#include "tributary/rpc/server.h"

namespace tributary::cli {
namespace {

using ::testing::HasSubstr;

// Answers as it was told to, and keeps what it was asked.
class Identity final : public identity::v1::IdentityService::Service {
 public:
  grpc::Status Explain(grpc::ServerContext*, const identity::v1::ExplainRequest* request,
                       identity::v1::ExplainResponse* response) override {
    explain_request = *request;
    *response = explanation;
    return grpc::Status::OK;
  }
  grpc::Status GetIdentifierHistory(grpc::ServerContext*, const identity::v1::GetIdentifierHistoryRequest* request,
                                    identity::v1::GetIdentifierHistoryResponse* response) override {
    history_request = *request;
    *response = history;
    return grpc::Status::OK;
  }
  grpc::Status GetIdentityProfile(grpc::ServerContext*, const identity::v1::GetIdentityProfileRequest* request,
                                  identity::v1::GetIdentityProfileResponse* response) override {
    if (request->profile_id() != profile.profile_id()) return {grpc::StatusCode::NOT_FOUND, "there is no such profile"};
    *response->mutable_profile() = profile;
    return grpc::Status::OK;
  }

  identity::v1::ExplainRequest explain_request;
  identity::v1::ExplainResponse explanation;
  identity::v1::GetIdentifierHistoryRequest history_request;
  identity::v1::GetIdentifierHistoryResponse history;
  identity::v1::IdentityProfile profile;
};

class ExplainCommandTest : public testing::Test {
 protected:
  int Run(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    Session session{.out = out_, .err = err_, .in = in_, .clock = clock_, .random = random_};
    arguments.insert(arguments.end(), {"--server", fmt::format("127.0.0.1:{}", server_->port()), "--credential", "s"});
    return RunCommandLine(session, std::move(arguments));
  }

  static void Fill(events::v1::IdentifierKey* key, char of, const std::string& type, const std::string& issuer = "") {
    key->set_key(std::string(16, of));
    key->set_type(type);
    key->set_issuer(issuer);
  }
  static void Fill(identity::v1::EvidenceEvent* event, const std::string& id, int64_t offset) {
    event->set_source_id("website");
    event->set_event_id(id);
    event->set_intake_offset(offset);
    event->mutable_decided_at()->set_seconds(1'767'225'600 + offset);
  }
  static void Fill(identity::v1::MergeEvidence* merge, const std::string& event_id, int64_t offset) {
    merge->set_merge_id(fmt::format("m0-{}-0", offset));
    merge->set_loser_id("p0-2-0");
    merge->set_winner_id("p0-1-0");
    Fill(merge->mutable_evidence(), event_id, offset);
  }

  Identity identity_;
  std::unique_ptr<rpc::Server> server_ = rpc::Server::Start({}, {&identity_}).value();
  std::ostringstream out_;
  std::ostringstream err_;
  std::istringstream in_;
  FakeClock clock_;
  SeededRandom random_{1};
};

TEST_F(ExplainCommandTest, PrintsTheChainEventByEvent) {
  auto& answer = identity_.explanation;
  answer.set_same_profile(true);
  answer.mutable_a()->set_profile_id("p0-1-0");
  Fill(answer.mutable_a()->mutable_identifier(), 'a', "cookie", "website");
  answer.mutable_b()->set_profile_id("p0-1-0");
  answer.mutable_b()->set_requested_profile_id("p0-2-0");
  auto& linked = *answer.add_steps();
  linked.set_kind(identity::v1::EVIDENCE_KIND_LINKED);
  linked.set_profile_id("p0-1-0");
  Fill(linked.mutable_event(), "w3", 3);
  Fill(linked.mutable_from(), 'a', "cookie", "website");
  Fill(linked.mutable_to(), 'b', "email");
  auto& merged = *answer.add_steps();
  merged.set_kind(identity::v1::EVIDENCE_KIND_MERGED);
  merged.set_profile_id("p0-1-0");
  Fill(merged.mutable_event(), "w4", 4);
  Fill(merged.mutable_from(), 'b', "email");
  Fill(merged.mutable_to(), 'c', "phone");
  Fill(merged.add_merges(), "w4", 4);
  auto& created = *answer.add_steps();
  created.set_kind(identity::v1::EVIDENCE_KIND_CREATED);
  created.set_profile_id("p0-2-0");
  Fill(created.mutable_event(), "w2", 2);
  created.mutable_event()->mutable_recorded_at()->set_seconds(1'767'225'000);
  Fill(created.mutable_from(), 'c', "phone");
  EXPECT_EQ(Run({"explain", "cookie:website=v-17", "p0-2-0", "--kind", "household"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(cookie #61616161 (website) and p0-2-0 are one customer: p0-1-0
├─ 2026-01-01 00:00:03  website/w3 at offset 3
│  ├─ carried cookie #61616161 (website) and email #62626262
│  └─ linked what was new of them to p0-1-0
├─ 2026-01-01 00:00:04  website/w4 at offset 4
│  ├─ carried email #62626262 and phone #63636363
│  └─ p0-2-0 became part of p0-1-0 (merge m0-4-0)
└─ 2025-12-31 23:50:00  website/w2 at offset 2
   └─ p0-2-0 begins with phone #63636363
)");
  EXPECT_EQ(identity_.explain_request.a().identifier().issuer(), "website");
  EXPECT_EQ(identity_.explain_request.a().identifier().value(), "v-17");
  EXPECT_EQ(identity_.explain_request.a().subject_kind(), events::v1::SUBJECT_KIND_HOUSEHOLD);
  EXPECT_EQ(identity_.explain_request.b().profile_id(), "p0-2-0");
  EXPECT_EQ(Run({"explain", "cookie:website=v-17", "p0-2-0", "--json"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr(R"("event_id":"w3")"));
}

TEST_F(ExplainCommandTest, PrintsWhatKeptTwoApart) {
  auto& answer = identity_.explanation;
  answer.mutable_a()->set_profile_id("p0-1-0");
  answer.mutable_a()->set_subject_kind(events::v1::SUBJECT_KIND_PERSON);
  answer.mutable_a()->set_identifier_count(2);
  answer.mutable_a()->set_retired_count(1);
  Fill(answer.mutable_a()->mutable_identifier(), 'a', "cookie", "website");
  answer.mutable_b()->set_subject_kind(events::v1::SUBJECT_KIND_PERSON);
  Fill(answer.mutable_b()->mutable_identifier(), 'b', "email");
  EXPECT_EQ(Run({"explain", "cookie:website=v-17", "email=a@example.com", "--time-zone", "Asia/Bangkok"}), kOk);
  const std::string heads = R"(cookie #61616161 (website) and email #62626262 are not one customer
├─ cookie #61616161 (website) is of p0-1-0, a person with 2 identifiers, 1 merged into it
├─ email #62626262 is of nobody
)";
  EXPECT_EQ(out_.str(), heads + "└─ no event has tied them\n");

  auto& refusal = *answer.add_refusals();
  refusal.set_source_id("website");
  refusal.set_event_id("w6");
  refusal.set_intake_offset(6);
  refusal.mutable_decided_at()->set_seconds(1'767'225'600);
  refusal.mutable_refused()->set_reason(events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED);
  refusal.mutable_refused()->set_limited_type("email");
  refusal.mutable_refused()->set_limit(5);
  refusal.mutable_refused()->set_profile_id("p0-1-0");
  Fill(refusal.mutable_refused()->mutable_identifier(), 'b', "email");
  EXPECT_EQ(Run({"explain", "cookie:website=v-17", "email=a@example.com", "--time-zone", "Asia/Bangkok"}), kOk);
  EXPECT_EQ(out_.str(), heads + R"(└─ kept apart, newest first
   └─ 2026-01-01 07:00:00  website/w6 at offset 6: email #62626262 left out, limit_exceeded, a customer has at most 5 email; the event went to p0-1-0
)");

  answer.mutable_b()->set_subject_kind(events::v1::SUBJECT_KIND_ACCOUNT);
  answer.mutable_b()->clear_identifier();
  answer.mutable_b()->set_requested_profile_id("p0-7-0");
  answer.mutable_b()->set_profile_id("p0-7-0");
  answer.mutable_b()->set_identifier_count(1);
  EXPECT_EQ(Run({"explain", "cookie:website=v-17", "email=a@example.com"}), kOk);
  EXPECT_THAT(out_.str(), HasSubstr("├─ p0-7-0 is an account with 1 identifier\n"));
  EXPECT_THAT(out_.str(), HasSubstr("└─ subjects of different kinds are never one\n"));
}

TEST_F(ExplainCommandTest, PrintsTheHistoryOfOneIdentifier) {
  Fill(identity_.history.mutable_identifier(), 'b', "email");
  identity_.history.set_profile_id("p0-1-0");
  auto& linked = *identity_.history.add_entries()->mutable_linked();
  linked.set_profile_id("p0-2-0");
  linked.set_created(true);
  Fill(linked.mutable_evidence(), "w2", 2);
  Fill(identity_.history.add_entries()->mutable_moved(), "w4", 4);
  EXPECT_EQ(Run({"explain", "email=a@example.com"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(email #62626262 is of p0-1-0
├─ 2026-01-01 00:00:02  website/w2 at offset 2: linked to p0-2-0, which begins with it
└─ 2026-01-01 00:00:04  website/w4 at offset 4: p0-2-0 became part of p0-1-0 (merge m0-4-0)
)");
  EXPECT_EQ(identity_.history_request.identifier().type(), "email");
}

TEST_F(ExplainCommandTest, PrintsTheHistoryOfOneProfile) {
  auto& profile = identity_.profile;
  profile.set_profile_id("p0-1-0");
  profile.set_subject_kind(events::v1::SUBJECT_KIND_PERSON);
  for (const bool of_loser : {false, true}) {
    auto& identifier = *profile.add_identifiers();
    identifier.set_linked_profile_id(of_loser ? "p0-2-0" : "p0-1-0");
    Fill(identifier.mutable_identifier(), of_loser ? 'b' : 'a', of_loser ? "email" : "phone");
    Fill(identifier.mutable_evidence(), of_loser ? "w2" : "w1", of_loser ? 2 : 1);
  }
  Fill(profile.add_merges(), "w4", 4);
  EXPECT_EQ(Run({"explain", "p0-1-0"}), kOk) << err_.str();
  EXPECT_EQ(out_.str(), R"(p0-1-0, person
├─ 2026-01-01 00:00:01  website/w1 at offset 1: phone #61616161
└─ 2026-01-01 00:00:04  website/w4 at offset 4: p0-2-0 became part of p0-1-0 (merge m0-4-0)
   └─ 2026-01-01 00:00:02  website/w2 at offset 2: email #62626262
)");
  EXPECT_EQ(Run({"explain", "p0-9-0"}), kFailed);
}

TEST_F(ExplainCommandTest, WrongUsageIsTold) {
  EXPECT_EQ(Run({"explain"}), kUsage);
  EXPECT_EQ(Run({"explain", "=x"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("A: names no type"));
  EXPECT_EQ(Run({"explain", "p0-1-0", "=x"}), kUsage);
  EXPECT_THAT(err_.str(), HasSubstr("B: names no type"));
  EXPECT_EQ(Run({"explain", "p0-1-0", "--time-zone", "Mars"}), kUsage);
}

TEST(TreeTest, ATextCannotSteerTheTerminal) {
  Tree tree{"root", {}};
  tree.Add("an\x1b[2Jevent\nid").Add("below");
  tree.Add("last");
  std::ostringstream out;
  PrintTree(tree, out);
  EXPECT_EQ(out.str(), "root\n├─ an [2Jevent id\n│  └─ below\n└─ last\n");
}

}  // namespace
}  // namespace tributary::cli
