// What identity answers, over real gRPC.
#include "identity/front.h"

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "identity/processor.h"
#include "identity/queries.h"
#include "tests/harness.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"
#include "tributary/eventlog/testing/memory_log.h"
#include "tributary/rpc/client.h"
#include "tributary/rpc/server.h"

namespace tributary::identity::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Credentials final : public rpc::CredentialVerifier {
 public:
  absl::StatusOr<rpc::Principal> Verify(std::string_view secret) const override {
    if (secret == "reader") return rpc::Principal{kWorkspace, rpc::Role::kRead, "c1", ""};
    if (secret == "writer") return rpc::Principal{kWorkspace, rpc::Role::kIngest, "c2", "web"};
    if (secret == "stranger") return rpc::Principal{"w2", rpc::Role::kRead, "c3", ""};
    if (secret == "operator") return rpc::Principal{"", rpc::Role::kAdmin, "c4", ""};
    return absl::UnauthenticatedError("nobody");
  }
};

// Two workspaces on one partition, a real server, a client for each credential.
class FrontTest : public ::testing::Test {
 protected:
  FrontTest()
      : log_(eventlog::MakeMemoryLog({.logs = {{"intake", 1}, {"journey", 1}}, .clock = &clock_}).value()),
        producer_(log_->OpenProducer().value()),
        reads_(&host_, log_.get(), {{std::string(kIntakeLog), std::string(kProcessorName)}}),
        gate_(credentials_, {}),
        front_({.gate = &gate_,
                .tasks = &host_,
                .reads = &reads_,
                .keys = &Keys(),
                .rules = &identifier::IdentifierRules::Default(),
                .intake_partition_of = [](std::string_view workspace) -> absl::StatusOr<eventlog::Partition> {
                  if (workspace == kWorkspace || workspace == "w2") return eventlog::Partition(0);
                  if (workspace == "w-elsewhere") return eventlog::Partition(7);
                  return FieldError(absl::StatusCode::kNotFound, "WORKSPACE_NOT_FOUND", "workspace_id",
                                    "there is no such workspace", "Create it");
                }}) {
    auto processor = std::make_unique<IdentityProcessor>(IdentityOptions{eventlog::Partition(0), 1}, Keys(),
                                                         identifier::IdentifierRules::Default());
    auto task =
        processor::Task::Open({.partition = partition_}, {.log = log_.get(),
                                                          .store = projection::Store::Open({.in_memory = true}).value(),
                                                          .processor = processor.get(),
                                                          .clock = &clock_,
                                                          .random = &random_});
    host_.Add(std::move(processor), std::move(task).value());
    host_.Start();
    server_ = rpc::Server::Start({}, {&front_}).value();
  }

  // The token that ingestion would give for it.
  std::string Ingest(const events::v1::CustomerEvent& event) {
    std::promise<processor::Offset> appended;
    producer_->Append(partition_,
                      {.key = event.workspace_id(), .type = "customer_event", .value = event.SerializeAsString()},
                      [&](absl::StatusOr<processor::Offset> offset) { appended.set_value(offset.value()); });
    return processor::EncodeToken({{partition_, appended.get_future().get()}});
  }

  rpc::Client Connect(std::string_view secret) {
    return rpc::Client::Open(
               {.target = fmt::format("127.0.0.1:{}", server_->port()), .bearer_secret = std::string(secret)})
        .value();
  }
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::IdentityService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                                  Response*),
                                const Request& request, std::string_view secret = "reader") {
    const rpc::Client client = Connect(secret);
    const auto stub = v1::IdentityService::NewStub(client.channel());
    return client.Call(*stub, method, request);
  }
  absl::StatusOr<v1::ResolveIdentifierResponse> ResolveIdentifier(const events::v1::Identifier& identifier,
                                                                  const std::string& token,
                                                                  std::string_view secret = "reader") {
    v1::ResolveIdentifierRequest request;
    *request.mutable_identifier() = identifier;
    request.set_token(token);
    return Call(&v1::IdentityService::Stub::ResolveIdentifier, request, secret);
  }
  absl::StatusOr<v1::IdentityProfile> GetProfile(const std::string& id, const std::string& token = "",
                                                 std::string_view secret = "reader") {
    v1::GetIdentityProfileRequest request;
    request.set_profile_id(id);
    request.set_token(token);
    auto answer = Call(&v1::IdentityService::Stub::GetIdentityProfile, request, secret);
    if (!answer.ok()) return answer.status();
    return answer->profile();
  }
  absl::StatusOr<v1::ListLinkRefusalsResponse> List(v1::ListLinkRefusalsRequest request,
                                                    std::string_view secret = "reader") {
    return Call(&v1::IdentityService::Stub::ListLinkRefusals, request, secret);
  }

  static std::string ReasonOf(const absl::Status& status) {
    const auto detail = DetailOf(status);
    return detail.has_value() ? detail->reason : "";
  }

  const processor::PartitionRef partition_{std::string(kIntakeLog), eventlog::Partition(0)};
  SystemClock clock_;
  SeededRandom random_{1};
  std::unique_ptr<eventlog::MemoryLog> log_;
  std::unique_ptr<eventlog::Producer> producer_;
  processor::TaskHost host_{{.threads = 1}};
  processor::ReadGate reads_;
  Credentials credentials_;
  rpc::CallGate gate_;
  IdentityFront front_;
  std::unique_ptr<rpc::Server> server_;
};

TEST_F(FrontTest, AnIdentifierIsResolvedHoweverItIsWritten) {
  const std::string token = Ingest(Event("e1", {Email("som@example.com"), Phone("0812345678")}));
  const auto by_mail = ResolveIdentifier(Email(" SOM@Example.com"), token);
  ASSERT_TRUE(by_mail.ok()) << by_mail.status();
  EXPECT_EQ(by_mail->identifier().type(), "email");
  EXPECT_EQ(by_mail->identifier().key().size(), identifier::OpaqueKey::kBytes);
  EXPECT_EQ(ResolveIdentifier(Phone("+66 (0)81 234 5678"), token)->profile_id(), by_mail->profile_id());
}

TEST_F(FrontTest, AnIdentifierOfNobodyIsNotFoundAndItsValueNotTold) {
  const std::string token = Ingest(Event("e1", {Email("som@example.com")}));
  const absl::Status unknown = ResolveIdentifier(Email("nobody@example.com"), token).status();
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReasonOf(unknown), "IDENTIFIER_NOT_FOUND");
  EXPECT_THAT(std::string(unknown.message()), Not(HasSubstr("nobody")));
  const absl::Status malformed = ResolveIdentifier(Phone("12"), token).status();
  EXPECT_EQ(malformed.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DetailOf(malformed)->field, "identifier.value");
  v1::ResolveIdentifierRequest company;
  *company.mutable_identifier() = Email("som@example.com");
  company.set_subject_kind(events::v1::SUBJECT_KIND_ACCOUNT);
  EXPECT_EQ(ReasonOf(Call(&v1::IdentityService::Stub::ResolveIdentifier, company).status()), "IDENTIFIER_NOT_FOUND");
}

TEST_F(FrontTest, AProfileIsShownUnderAnyOfItsIdsWithItsIdentifiersOldestFirst) {
  const std::string cookie = ResolveIdentifier(Cookie("c1"), Ingest(Event("e1", {Cookie("c1")})))->profile_id();
  const std::string email =
      ResolveIdentifier(Email("som@example.com"), Ingest(Event("e2", {Email("som@example.com")})))->profile_id();
  const std::string token = Ingest(Event("e3", {Customer("17"), Cookie("c1"), Email("som@example.com")}));
  const auto profile = GetProfile(email, token);
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->profile_id(), cookie);
  EXPECT_EQ(profile->subject_kind(), events::v1::SUBJECT_KIND_PERSON);
  EXPECT_THAT(profile->retired_profile_ids(), ElementsAre(email));
  std::vector<std::string> types;
  for (const v1::ProfileIdentifier& identifier : profile->identifiers()) {
    types.push_back(identifier.identifier().type());
    EXPECT_EQ(identifier.first_recorded_at().seconds(), Event("", {}).recorded_at().seconds());
  }
  EXPECT_THAT(types, ElementsAre("cookie", "email", "customer_id"));
  EXPECT_FALSE(profile->truncated());
  EXPECT_EQ(GetProfile(cookie)->SerializeAsString(), profile->SerializeAsString());
}

TEST_F(FrontTest, WhatIsAnothersIsNotFound) {
  const std::string token = Ingest(Event("e1", {Email("som@example.com")}));
  const std::string id = ResolveIdentifier(Email("som@example.com"), token)->profile_id();
  EXPECT_EQ(ReasonOf(GetProfile(id, token, "stranger").status()), "PROFILE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(GetProfile("p0-999-0", token).status()), "PROFILE_NOT_FOUND");
  EXPECT_EQ(ReasonOf(GetProfile("", token).status()), "REQUIRED");
  EXPECT_EQ(ReasonOf(ResolveIdentifier(Email("som@example.com"), token, "stranger").status()), "IDENTIFIER_NOT_FOUND");
  v1::GetIdentityProfileRequest request;
  request.set_profile_id(id);
  request.set_workspace_id("w2");
  const auto get = [&](std::string_view secret) {
    return ReasonOf(Call(&v1::IdentityService::Stub::GetIdentityProfile, request, secret).status());
  };
  EXPECT_EQ(get("reader"), "WORKSPACE_NOT_FOUND");
  EXPECT_EQ(get("operator"), "PROFILE_NOT_FOUND");
  request.set_workspace_id("");
  EXPECT_EQ(get("operator"), "REQUIRED");
  request.set_workspace_id("w-none");
  EXPECT_EQ(get("operator"), "WORKSPACE_NOT_FOUND");
  request.set_workspace_id("w-elsewhere");
  EXPECT_EQ(get("operator"), "NOT_SERVED_HERE");
  request.set_workspace_id(kWorkspace);
  EXPECT_EQ(get("operator"), "");
}

TEST_F(FrontTest, OnlyReadersMayAsk) {
  const std::string token = Ingest(Event("e1", {Email("som@example.com")}));
  EXPECT_TRUE(absl::IsPermissionDenied(ResolveIdentifier(Email("som@example.com"), token, "writer").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(GetProfile("p0-1-0", token, "writer").status()));
  EXPECT_TRUE(absl::IsPermissionDenied(List({}, "writer").status()));
}

TEST_F(FrontTest, RefusalsArePagedNewestFirstEachOnce) {
  std::string token;
  for (int i = 0; i < 7; ++i) {
    token = Ingest(Event(fmt::format("e{}", i), {Email("null"), Phone("12"), Cookie(fmt::format("c{}", i % 2))}));
  }
  v1::ListLinkRefusalsRequest request;
  request.set_token(token);
  request.set_page_size(3);
  std::vector<std::string> seen;
  int pages = 0;
  do {
    const auto page = List(request);
    ASSERT_TRUE(page.ok()) << page.status();
    ASSERT_LE(page->refusals_size(), 3);
    for (const v1::LinkRefusal& refusal : page->refusals()) {
      seen.push_back(absl::StrCat(refusal.event_id(), "/", refusal.refused().index()));
    }
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(pages, 5);
  std::vector<std::string> expected;
  for (int i = 6; i >= 0; --i) {
    expected.push_back(fmt::format("e{}/1", i));
    expected.push_back(fmt::format("e{}/0", i));
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(FrontTest, RefusalsAreFilteredByReasonAndByProfileUnderAnyOfItsIds) {
  Ingest(Event("e1", {Email("null"), Cookie("c1")}));
  Ingest(Event("e2", {Phone("12"), Cookie("c2")}));
  Ingest(Event("e3", {Phone("13"), Cookie("c3")}));
  v1::ListLinkRefusalsRequest request;
  request.set_token(Ingest(Event("e4", {Cookie("c1"), Cookie("c2")})));
  request.set_profile_id(ResolveIdentifier(Cookie("c2"), request.token())->profile_id());
  const auto events_of = [&] {
    std::vector<std::string> ids;
    const auto page = List(request);
    for (const v1::LinkRefusal& refusal : page->refusals()) ids.push_back(refusal.event_id());
    return ids;
  };
  EXPECT_THAT(events_of(), ElementsAre("e2", "e1"));
  request.add_reasons(events::v1::LINK_REFUSAL_REASON_BLOCKED_VALUE);
  EXPECT_THAT(events_of(), ElementsAre("e1"));
  EXPECT_THAT(List({}, "stranger")->refusals(), IsEmpty());
}

TEST_F(FrontTest, AListRequestThatMakesNoSenseIsRefusedByField) {
  v1::ListLinkRefusalsRequest request;
  request.set_page_size(1'001);
  EXPECT_EQ(DetailOf(List(request).status())->field, "page_size");
  request.set_page_size(0);
  request.set_page_token("made up");
  EXPECT_EQ(DetailOf(List(request).status())->field, "page_token");
  request.clear_page_token();
  request.add_reasons(events::v1::LINK_REFUSAL_REASON_UNSPECIFIED);
  EXPECT_EQ(DetailOf(List(request).status())->field, "reasons[0]");
  request.clear_reasons();
  request.set_token("made up");
  EXPECT_EQ(DetailOf(List(request).status())->field, "token");
}

TEST_F(FrontTest, AFilterThatFitsNothingReadsABoundedNumberOfRowsAPage) {
  std::string token;
  constexpr int kEvents = kMaxRowsPerPage / kMaxEventIdentifiers + 2;
  for (int i = 0; i < kEvents; ++i) {
    events::v1::CustomerEvent event = Event(fmt::format("e{}", i));
    for (int n = 0; n < kMaxEventIdentifiers; ++n) *event.add_identifiers() = Phone("12");
    token = Ingest(event);
  }
  v1::ListLinkRefusalsRequest request;
  request.set_token(token);
  request.add_reasons(events::v1::LINK_REFUSAL_REASON_ROLE_NOT_SUBJECT);
  const auto first = List(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(first->refusals(), IsEmpty());
  ASSERT_THAT(first->next_page_token(), Not(IsEmpty()));
  request.set_page_token(first->next_page_token());
  EXPECT_THAT(List(request)->next_page_token(), IsEmpty());
}

TEST_F(FrontTest, AnotherFrontOfThisProcessAsksDirectly) {
  const std::string token = Ingest(Event("e1", {Email("som@example.com")}));
  const auto ask = [&](ResolveRequest request, absl::Duration patience) {
    std::promise<absl::StatusOr<ResolvedProfile>> answer;
    front_.Resolve(request, SystemClock().Now() + patience,
                   [&](absl::StatusOr<ResolvedProfile> found) { answer.set_value(std::move(found)); });
    return answer.get_future().get();
  };
  ResolveRequest request{.workspace_id = kWorkspace, .identifier = Email("som@example.com"), .token = token};
  EXPECT_EQ(ask(request, absl::Minutes(1))->profile_id,
            ResolveIdentifier(Email("som@example.com"), token)->profile_id());
  request.identifier.set_value("no address");
  request.field = "profile.identifier";
  EXPECT_EQ(DetailOf(ask(request, absl::Minutes(1)).status())->field, "profile.identifier.value");
  // A token of what has not been written.
  request.identifier = Email("som@example.com");
  request.token = processor::EncodeToken({{partition_, processor::Offset(1'000'000)}});
  EXPECT_EQ(ReasonOf(ask(request, absl::Milliseconds(50)).status()), "NOT_VISIBLE_YET");
}

v1::IdentitySelector Selector(const events::v1::Identifier& identifier) {
  v1::IdentitySelector selector;
  *selector.mutable_identifier() = identifier;
  return selector;
}
v1::IdentitySelector Selector(const std::string& profile_id) {
  v1::IdentitySelector selector;
  selector.set_profile_id(profile_id);
  return selector;
}

TEST_F(FrontTest, TwoAreExplainedHoweverTheyAreNamed) {
  Ingest(Event("e1", {Cookie("c1")}));
  v1::ExplainRequest request;
  request.set_token(Ingest(Event("e2", {Cookie("c1"), Email("som@example.com")})));
  *request.mutable_a() = Selector(Email(" SOM@Example.com"));
  *request.mutable_b() = Selector(Cookie("c1"));
  const auto answer = Call(&v1::IdentityService::Stub::Explain, request);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->same_profile());
  ASSERT_EQ(answer->steps_size(), 1);
  EXPECT_EQ(answer->steps(0).event().event_id(), "e2");
  *request.mutable_b() = Selector(answer->b().profile_id());
  EXPECT_EQ(Call(&v1::IdentityService::Stub::Explain, request)->steps_size(), 2);

  v1::GetIdentifierHistoryRequest history;
  *history.mutable_identifier() = Email("som@EXAMPLE.com");
  const auto told = Call(&v1::IdentityService::Stub::GetIdentifierHistory, history);
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->profile_id(), answer->a().profile_id());
  ASSERT_EQ(told->entries_size(), 1);
  EXPECT_EQ(told->entries(0).linked().evidence().event_id(), "e2");
}

TEST_F(FrontTest, AnExplanationThatCannotBeGivenNamesTheField) {
  v1::ExplainRequest request;
  const auto explain = [&](std::string_view secret = "reader") {
    return Call(&v1::IdentityService::Stub::Explain, request, secret).status();
  };
  EXPECT_EQ(DetailOf(explain())->field, "a");
  *request.mutable_a() = Selector(Cookie("c1"));
  EXPECT_EQ(DetailOf(explain())->field, "b");
  *request.mutable_b() = Selector(Phone("12"));
  EXPECT_EQ(DetailOf(explain())->field, "b.identifier.value");
  request.set_token(Ingest(Event("e1", {Cookie("c1"), Customer("17")})));
  *request.mutable_b() = Selector("p0-999-0");
  EXPECT_EQ(explain().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailOf(explain())->field, "b.profile_id");
  *request.mutable_b() = Selector(Cookie("nobody-has-it"));
  EXPECT_EQ(ReasonOf(explain()), "IDENTIFIER_NOT_FOUND");
  EXPECT_EQ(DetailOf(explain())->field, "b.identifier");
  *request.mutable_b() = Selector(Customer("17"));
  EXPECT_TRUE(explain().ok());
  EXPECT_EQ(ReasonOf(explain("stranger")), "IDENTIFIER_NOT_FOUND");
  EXPECT_TRUE(absl::IsPermissionDenied(explain("writer")));
  request.set_token("made up");
  EXPECT_EQ(DetailOf(explain())->field, "token");

  v1::GetIdentifierHistoryRequest history;
  const auto tell = [&](std::string_view secret = "reader") {
    return Call(&v1::IdentityService::Stub::GetIdentifierHistory, history, secret).status();
  };
  EXPECT_EQ(DetailOf(tell())->field, "identifier.type");
  *history.mutable_identifier() = Cookie("c1");
  EXPECT_TRUE(tell().ok());
  EXPECT_EQ(ReasonOf(tell("stranger")), "IDENTIFIER_NOT_FOUND");
  EXPECT_TRUE(absl::IsPermissionDenied(tell("writer")));
}

TEST_F(FrontTest, AProfileTellsWhichEventBroughtWhatAndHowItsPartsBecameOne) {
  const std::string cookie = ResolveIdentifier(Cookie("c1"), Ingest(Event("e1", {Cookie("c1")})))->profile_id();
  const std::string email =
      ResolveIdentifier(Email("som@example.com"), Ingest(Event("e2", {Email("som@example.com")})))->profile_id();
  const auto profile = GetProfile(cookie, Ingest(Event("e3", {Cookie("c1"), Email("som@example.com")})));
  ASSERT_TRUE(profile.ok()) << profile.status();
  ASSERT_EQ(profile->identifiers_size(), 2);
  EXPECT_EQ(profile->identifiers(1).evidence().event_id(), "e2");
  EXPECT_EQ(profile->identifiers(1).evidence().intake_offset(), profile->identifiers(1).first_offset());
  EXPECT_EQ(profile->identifiers(1).linked_profile_id(), email);
  ASSERT_EQ(profile->merges_size(), 1);
  EXPECT_EQ(profile->merges(0).loser_id(), email);
  EXPECT_EQ(profile->merges(0).evidence().event_id(), "e3");
}

}  // namespace
}  // namespace tributary::identity::testing
