// Accounts and households: their data, who belongs to them, and both sides of it.
#include <algorithm>

#include "gmock/gmock.h"
#include "profile/tests/front_fixture.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"

namespace tributary::profile::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAccount[] = "p0-1-0";

events::v1::Identifier CustomerNumber(const std::string& value) {
  events::v1::Identifier identifier;
  identifier.set_type("customer_id");
  identifier.set_issuer("erp");
  identifier.set_value(value);
  return identifier;
}

std::string KeyOf(const events::v1::Identifier& of) {
  const identifier::KeyMaker keys = *identifier::KeyMaker::Create();
  return keys.Make(kWorkspace, *identifier::Normalise({of.type(), of.issuer(), of.value()})).bytes();
}

CustomerEvent Member(const std::string& profile, const std::string& id, int64_t seconds, const std::string& account,
                     const std::string& role, const std::string& until = "") {
  CustomerEvent event = Event(profile, id, seconds);
  events::v1::MembershipStated& stated = *event.mutable_membership_stated();
  *stated.mutable_account() = CustomerNumber(account);
  stated.set_role(role);
  stated.set_from_date("1970-01-01");
  stated.set_until_date(until);
  return event;
}

CustomerEvent Related(const std::string& profile, const std::string& id, int64_t seconds, const std::string& other,
                      const std::string& kind) {
  CustomerEvent event = Event(profile, id, seconds);
  *event.mutable_relationship_stated()->mutable_other() = CustomerNumber(other);
  event.mutable_relationship_stated()->set_kind(kind);
  return event;
}

class MembershipsTest : public ProfileFrontTest {
 protected:
  MembershipsTest() {
    CustomerEvent event = Event(kAccount, "a", 10);
    event.set_subject_kind(events::v1::SUBJECT_KIND_ACCOUNT);
    event.mutable_account_stated()->set_name("Siam Foods");
    event.mutable_account_stated()->set_tax_id("0105551234567");
    *event.mutable_account_stated()->mutable_parent() = CustomerNumber("holding");
    Put(kAccount, event);
    resolver_.keys[kAccount] = {KeyOf(CustomerNumber("C1")), KeyOf(CustomerNumber("C2"))};
  }

  // "profile role", with "(was)" behind those that do not hold; all pages of `size`.
  std::vector<std::string> List(const std::string& profile, v1::ListMembershipsRequest request = {}) {
    request.mutable_profile()->set_profile_id(profile);
    std::vector<std::string> told;
    do {
      const auto page = Call(&ProfileService::Stub::ListMemberships, request);
      if (!page.ok()) return {page.status().ToString()};
      for (const v1::Membership& one : page->memberships()) {
        const events::v1::Identifier& named = one.has_account() ? one.account() : one.other();
        told.push_back(
            fmt::format("{} {} {}{}", one.profile_id(), one.role(), named.value(), one.holds() ? "" : " (was)"));
      }
      request.set_page_token(page->next_page_token());
    } while (!request.page_token().empty());
    return told;
  }
};

TEST_F(MembershipsTest, AnAccountShowsWhatWasSaidOfItLast) {
  CustomerEvent later = Event(kAccount, "b", 20);
  later.mutable_account_stated()->set_name("Siam Foods PCL");
  later.mutable_account_stated()->set_branch("00000");
  Put(kAccount, later);
  v1::GetTraitsRequest request;
  request.mutable_profile()->set_profile_id(kAccount);
  const auto traits = Call(&ProfileService::Stub::GetTraits, request);
  ASSERT_TRUE(traits.ok()) << traits.status();
  EXPECT_EQ(traits->account().name(), "Siam Foods PCL");
  EXPECT_EQ(traits->account().tax_id(), "0105551234567");
  EXPECT_EQ(traits->account().branch(), "00000");
  EXPECT_EQ(traits->account().parent().value(), "holding");
  EXPECT_EQ(traits->origins_size(), 4);
  EXPECT_EQ(Get(kAccount)->profile().subject_kind(), events::v1::SUBJECT_KIND_ACCOUNT);
  const auto masked = Call(&ProfileService::Stub::GetTraits, request, kReadSecret);
  EXPECT_EQ(masked->account().name(), "***");
  EXPECT_EQ(masked->account().tax_id(), "***");
}

TEST_F(MembershipsTest, APersonsAccountsAndAnAccountsMembersAreTheSameStatements) {
  const std::string here = IdIn(JourneyPartitionOf(kAccount, kPartitions), 3);
  const std::string there = IdIn(1 - JourneyPartitionOf(kAccount, kPartitions), 3);
  Put(here, Member(here, "m1", 100, "C1", "buyer"));
  Put(here, Member(here, "m2", 200, "C1", "owner"));
  Put(here, Member(here, "m3", 200, "C9", "guest"));
  Put(there, Member(there, "m4", 100, "C2", "cook", "1970-01-01"));
  EXPECT_THAT(List(here), ::testing::UnorderedElementsAre(here + " owner C1", here + " guest C9"));
  for (const int32_t size : {1, 2, 0}) {
    v1::ListMembershipsRequest request;
    request.set_page_size(size);
    EXPECT_THAT(List(kAccount, request), ::testing::UnorderedElementsAre(here + " owner C1", there + " cook C2 (was)"));
    EXPECT_EQ(List(here, request).size(), 2u);
  }
  // As it stood.
  v1::ListMembershipsRequest before;
  *before.mutable_as_of() = At(150);
  EXPECT_THAT(List(here, before), ElementsAre(here + " buyer C1"));
  // Taken back, what was said before counts on both sides.
  Put(here, Retraction(here, "r", 300, "m2"));
  EXPECT_THAT(List(kAccount), ::testing::Contains(here + " buyer C1"));
  Put(here, Retraction(here, "r2", 300, "m1"));
  EXPECT_THAT(List(kAccount), ElementsAre(there + " cook C2 (was)"));
}

TEST_F(MembershipsTest, AMergedMemberIsListedOnceUnderTheSurvivingId) {
  const std::string winner = IdIn(0, 3);
  const std::string loser = IdIn(1, 3);
  Put(winner, Event(winner, "w", 10));
  Put(loser, Member(loser, "m", 100, "C1", "buyer"));
  Put(loser, Merge(winner, loser));
  Put(winner, Merge(winner, loser));
  ASSERT_EQ(Get(loser)->profile().profile_id(), winner);
  EXPECT_THAT(List(kAccount), ElementsAre(winner + " buyer C1"));
  EXPECT_THAT(List(loser), ElementsAre(winner + " buyer C1"));
}

TEST_F(MembershipsTest, RelationsAreListedFromBothSidesToo) {
  const std::string person = IdIn(0, 4);
  const std::string household = IdIn(1, 4);
  resolver_.keys[person] = {KeyOf(CustomerNumber("P"))};
  Put(person, Event(person, "p", 10));
  CustomerEvent stated = Related(household, "h", 20, "P", "member");
  stated.set_subject_kind(events::v1::SUBJECT_KIND_HOUSEHOLD);
  Put(household, stated);
  Put(household, Related(household, "h2", 30, "P", "payer"));
  v1::ListMembershipsRequest request;
  EXPECT_THAT(List(person, request), IsEmpty());
  request.set_side(v1::MEMBERSHIP_SIDE_STATED_ABOUT);
  EXPECT_THAT(List(person, request), ElementsAre(household + " member P", household + " payer P"));
  request.set_side(v1::MEMBERSHIP_SIDE_STATED_BY);
  EXPECT_THAT(List(household, request), ElementsAre(household + " member P", household + " payer P"));
}

TEST_F(MembershipsTest, WhatIsNotTheCallersIsNotFoundAndErrorsNameTheField) {
  v1::ListMembershipsRequest request;
  request.mutable_profile()->set_profile_id(kAccount);
  ExpectError(Call(&ProfileService::Stub::ListMemberships, request, kForeignSecret).status(),
              absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile");
  request.set_page_token("?");
  ExpectError(Call(&ProfileService::Stub::ListMemberships, request).status(), absl::StatusCode::kInvalidArgument,
              "INVALID_PAGE_TOKEN", "page_token");
  request.set_page_size(-1);
  ExpectError(Call(&ProfileService::Stub::ListMemberships, request).status(), absl::StatusCode::kInvalidArgument,
              "OUT_OF_RANGE", "page_size");
}

TEST(AffiliationCachesTest, FollowFromTheEntriesInAnyOrder) {
  Journey journey;
  const std::string person = "p0-5-0";
  journey.Put(Retraction(person, "r", 400, "m2"));
  journey.Put(Member(person, "m2", 200, "C1", "owner"));
  journey.Put(Member(person, "m1", 100, "C1", "buyer"));
  journey.Put(Related(person, "k", 100, "P", "spouse"));
  journey.Put(Correction(person, "c", 500, "m1", 1, Member(person, "m1", 50, "C2", "cook")));
  CustomerEvent account = Event("p0-6-0", "a", 10);
  account.mutable_account_stated()->set_name("Siam Foods");
  journey.Put(account);
  journey.Put(Merge("p0-7-0", person));
  journey.ExpectSound();
}

}  // namespace
}  // namespace tributary::profile::testing
