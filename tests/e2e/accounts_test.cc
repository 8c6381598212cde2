// Accounts and households are subjects of their own, from the event that states them to the command line.
#include <fstream>
#include <string>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "platform.h"

namespace tributary::e2e {
namespace {

using profile::v1::ProfileService;
using ::testing::HasSubstr;
namespace profile_pb = profile::v1;

// The company and a person who works there give the same mail address.
constexpr char kEvents[] = R"(
{"event_id":"a1","occurred_at":"2026-01-05T10:00:00Z","subject_kind":"account","identifiers":[{"type":"customer_id","issuer":"erp","value":"C100"},{"type":"email","value":"office@siam.example"}],"account_stated":{"name":"Siam Foods","tax_id":"0105551234567","branch":"00000","parent":{"type":"customer_id","issuer":"erp","value":"C1"}}}
{"event_id":"a2","occurred_at":"2026-01-06T10:00:00Z","subject_kind":"account","channel":"store","identifiers":[{"type":"customer_id","issuer":"erp","value":"C100"}],"order_stated":{"order":{"issuer":"erp","order_id":"1"},"status":"completed","total":{"currency":"THB","units":"90000"}}}
{"event_id":"p1","occurred_at":"2026-01-07T10:00:00Z","identifiers":[{"type":"email","value":"office@siam.example"}],"membership_stated":{"account":{"type":"customer_id","issuer":"erp","value":"C100"},"role":"buyer","from_date":"2025-01-01"}}
{"event_id":"p2","occurred_at":"2026-01-07T11:00:00Z","identifiers":[{"type":"email","value":"cook@home.example"}],"membership_stated":{"account":{"type":"email","value":"Office@Siam.example"},"role":"cook","until_date":"2025-12-31"}}
{"event_id":"h1","occurred_at":"2026-01-08T10:00:00Z","subject_kind":"household","identifiers":[{"type":"customer_id","issuer":"crm","value":"H7"}],"relationship_stated":{"other":{"type":"email","value":"cook@home.example"},"kind":"member"}}
)";

class AccountsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(platform_.Start());
    ASSERT_EQ(platform_.Cli({"source", "create", "erp"}).exit_code, 0);
    const std::string file = (platform_.folder() / "events.ndjson").string();
    std::ofstream(file) << std::string(kEvents).substr(1);
    const Finished sent = platform_.Cli({"ingest", file, "--source", "erp", "--wait"});
    ASSERT_EQ(sent.exit_code, 0) << sent.out;
  }

  static profile_pb::ProfileSelector By(events::v1::SubjectKind kind, const std::string& type,
                                        const std::string& issuer, const std::string& value) {
    profile_pb::ProfileSelector selector;
    selector.set_subject_kind(kind);
    selector.mutable_identifier()->set_type(type);
    selector.mutable_identifier()->set_issuer(issuer);
    selector.mutable_identifier()->set_value(value);
    return selector;
  }

  template <typename Request, typename Response>
  Response Ask(grpc::Status (ProfileService::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
               const profile_pb::ProfileSelector& who) {
    const rpc::Client client = platform_.Client();
    const auto stub = ProfileService::NewStub(client.channel());
    Request request;
    *request.mutable_profile() = who;
    auto response = client.Call(*stub, method, request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : Response();
  }

  Platform platform_;
};

TEST_F(AccountsTest, AnAccountIsFoundByItsIdentifiersAndNeverMergedWithAPersonOfTheSameAddress) {
  using Stub = ProfileService::Stub;
  const auto account = By(events::v1::SUBJECT_KIND_ACCOUNT, "email", "", "office@siam.example");
  const auto person = By(events::v1::SUBJECT_KIND_PERSON, "email", "", "office@siam.example");
  const profile_pb::Profile company = Ask(&Stub::GetProfile, account).profile();
  EXPECT_EQ(company.subject_kind(), events::v1::SUBJECT_KIND_ACCOUNT);
  EXPECT_EQ(company.entry_count(), 2);
  EXPECT_EQ(company.order_count(), 1);
  const profile_pb::Profile buyer = Ask(&Stub::GetProfile, person).profile();
  EXPECT_EQ(buyer.subject_kind(), events::v1::SUBJECT_KIND_PERSON);
  EXPECT_EQ(buyer.entry_count(), 1);
  EXPECT_EQ(buyer.order_count(), 0);
  EXPECT_NE(company.profile_id(), buyer.profile_id());
  EXPECT_EQ(Ask(&Stub::ListJourneyEntries, account).entries_size(), 2);
  EXPECT_EQ(Ask(&Stub::ListOrders, account).orders_size(), 1);
  const profile_pb::GetTraitsResponse traits = Ask(&Stub::GetTraits, account);
  EXPECT_EQ(traits.account().name(), "Siam Foods");
  EXPECT_EQ(traits.account().tax_id(), "0105551234567");
  EXPECT_EQ(traits.account().parent().value(), "C1");
}

TEST_F(AccountsTest, MembershipsAreListedFromBothSides) {
  using Stub = ProfileService::Stub;
  const auto buyer = By(events::v1::SUBJECT_KIND_PERSON, "email", "", "office@siam.example");
  const std::string buyer_id = Ask(&Stub::GetProfile, buyer).profile().profile_id();
  const profile_pb::ListMembershipsResponse accounts = Ask(&Stub::ListMemberships, buyer);
  ASSERT_EQ(accounts.memberships_size(), 1);
  EXPECT_EQ(accounts.memberships(0).account().value(), "C100");
  EXPECT_EQ(accounts.memberships(0).role(), "buyer");
  // By the one number, though members named it by two identifiers.
  const profile_pb::ListMembershipsResponse members =
      Ask(&Stub::ListMemberships, By(events::v1::SUBJECT_KIND_ACCOUNT, "customer_id", "erp", "C100"));
  ASSERT_EQ(members.memberships_size(), 2);
  int holding = 0;
  for (const profile_pb::Membership& member : members.memberships()) {
    EXPECT_EQ(member.holds(), member.profile_id() == buyer_id);
    holding += member.holds() ? 1 : 0;
  }
  EXPECT_EQ(holding, 1);
  const profile_pb::ListMembershipsResponse household =
      Ask(&Stub::ListMemberships, By(events::v1::SUBJECT_KIND_HOUSEHOLD, "customer_id", "crm", "H7"));
  EXPECT_EQ(household.memberships_size(), 0) << "nobody says that they belong to it; it says who does";
}

TEST_F(AccountsTest, TheCommandLineShowsThem) {
  const std::vector<std::string> account{"--kind", "account", "--identifier", "customer_id:erp=C100"};
  const auto show = [&](const std::string& what, std::vector<std::string> who) {
    who.insert(who.begin(), {"profile", what});
    const Finished shown = platform_.Cli(std::move(who));
    EXPECT_EQ(shown.exit_code, 0) << shown.out;
    return shown.out;
  };
  EXPECT_THAT(show("get", account), HasSubstr("account"));
  EXPECT_THAT(show("traits", account), HasSubstr("Siam Foods"));
  EXPECT_THAT(show("traits", account), HasSubstr("0105551234567"));
  const std::string members = show("memberships", account);
  EXPECT_THAT(members, HasSubstr("buyer"));
  EXPECT_THAT(members, HasSubstr("cook"));
  EXPECT_THAT(show("memberships", {"--email", "office@siam.example"}), HasSubstr("C100"));
  EXPECT_THAT(show("memberships", {"--kind", "household", "--identifier", "customer_id:crm=H7", "--side", "by"}),
              HasSubstr("cook@home.example"));
  EXPECT_THAT(show("memberships", {"--email", "cook@home.example", "--side", "about"}), HasSubstr("member"));
}

}  // namespace
}  // namespace tributary::e2e
