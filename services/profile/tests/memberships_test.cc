// Accounts and households: their data, who belongs to them, and both sides of it.
#include <algorithm>
#include <functional>
#include <memory>
#include <set>

#include "gmock/gmock.h"
#include "profile/affiliations.h"
#include "profile/tests/front_fixture.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"
#include "tributary/projection/overlay.h"
#include "tributary/projection/testing/write_right.h"

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

TEST_F(MembershipsTest, APageTokenStaysValidWhileOthersComeAndGo) {
  const std::string member = IdIn(0, 3);
  const auto statement = [](const std::string& account) { return "m-" + account; };
  for (const char* account : {"C1", "C2", "C3", "C4", "C5"}) {
    Put(member, Member(member, statement(account), 100, account, "buyer"));
  }
  v1::ListMembershipsRequest request;
  request.mutable_profile()->set_profile_id(member);
  request.set_page_size(2);
  const auto first = Call(&ProfileService::Stub::ListMemberships, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->memberships_size(), 2);
  std::multiset<std::string> told;
  for (const v1::Membership& one : first->memberships()) told.insert(one.account().value());
  // Others come, one is stated again, and the very one that the page ended with is taken back.
  for (const char* account : {"D1", "D2", "D3"}) Put(member, Member(member, statement(account), 100, account, "new"));
  Put(member, Member(member, "again", 200, "C3", "buyer"));
  Put(member, Retraction(member, "r", 300, statement(first->memberships(1).account().value())));
  request.set_page_token(first->next_page_token());
  while (!request.page_token().empty()) {
    const auto page = Call(&ProfileService::Stub::ListMemberships, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Membership& one : page->memberships()) told.insert(one.account().value());
    request.set_page_token(page->next_page_token());
  }
  for (const char* account : {"C1", "C2", "C3", "C4", "C5"}) EXPECT_EQ(told.count(account), 1U) << account;
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

// Counts the rows that are read.
class CountingReader final : public projection::RawReader {
 public:
  explicit CountingReader(projection::RawReader& of) : of_(of) {}
  projection::AnyRow Get(Kind kind, uint8_t table, std::string_view key,
                         const google::protobuf::MessageLite& prototype) override {
    ++rows;
    return of_.Get(kind, table, key, prototype);
  }
  void Scan(const projection::RawScan& scan, const google::protobuf::MessageLite& prototype,
            const std::function<bool(std::string_view key, const projection::AnyRow& row)>& visit) override {
    of_.Scan(scan, prototype, [&](std::string_view key, const projection::AnyRow& row) {
      ++rows;
      return visit(key, row);
    });
  }
  absl::Status status() const override { return of_.status(); }
  void Latch(absl::Status status) override { of_.Latch(std::move(status)); }

  int rows = 0;

 private:
  projection::RawReader& of_;
};

// 40 profiles that stated each of 30 accounts 20 times.
class AffiliationReadsTest : public ::testing::Test {
 protected:
  AffiliationReadsTest() {
    overlay_->Push();
    projection::Writer<Kind::kCaches> out(projection::testing::WriteRightForTests::Make(),
                                          overlay_->writer(projection::testing::WriteRightForTests::Make()));
    AffiliationChanges changes;
    for (int profile = 0; profile < 40; ++profile) {
      for (int account = 0; account < 30; ++account) {
        for (int time = 0; time < 20; ++time) {
          const std::string id = fmt::format("p0-{}-0", profile + 10);
          NoteAffiliation({id, absl::FromUnixSeconds(time), 0, fmt::format("{}-{}", account, time), "shop"},
                          Member(id, "", time, fmt::format("C{}", account), fmt::format("role {}", time)), true,
                          &changes);
        }
      }
    }
    WriteAffiliations(changes, out);
  }

  const std::unique_ptr<projection::Overlay> overlay_ =
      projection::Overlay::Create(projection::Store::Open({.in_memory = true}).value(), {.record_changes = false});
  CountingReader reader_{overlay_->reader()};
  const projection::View view_{reader_};
};

TEST_F(AffiliationReadsTest, APageOfWhatAProfileSaidCostsWhatItHolds) {
  std::set<std::string> accounts;
  std::optional<AffiliationPosition> after;
  int pages = 0;
  do {
    reader_.rows = 0;
    const AffiliationsPage page =
        ReadAffiliations(view_, "p0-12-0", events::v1::SUBJECT_KIND_PERSON, absl::FromUnixSeconds(7), after, 4);
    EXPECT_LE(reader_.rows, 4 * 2 + 1);
    for (const v1::Membership& one : page.memberships) {
      EXPECT_EQ(one.role(), "role 7") << "the last until then";
      accounts.insert(one.account().value());
    }
    after = page.next_after;
    ++pages;
  } while (after.has_value());
  EXPECT_EQ(accounts.size(), 30U);
  EXPECT_EQ(pages, 8);
}

TEST_F(AffiliationReadsTest, APageOfWhoNamesAProfileCostsWhatItHolds) {
  const std::vector<std::string> keys{KeyOf(CustomerNumber("C3")), KeyOf(CustomerNumber("C4"))};
  std::vector<std::string> members;
  for (std::string after;;) {
    reader_.rows = 0;
    const std::vector<std::string> page = ReadAffiliates(view_, keys, after, 5);
    EXPECT_LE(reader_.rows, 2 * (5 + 1));
    members.insert(members.end(), page.begin(), page.end());
    if (page.size() < 5) break;
    after = page.back();
  }
  EXPECT_EQ(members.size(), 40U);
  EXPECT_TRUE(std::is_sorted(members.begin(), members.end()));
  EXPECT_EQ(std::set<std::string>(members.begin(), members.end()).size(), 40U);
  reader_.rows = 0;
  EXPECT_EQ(
      ReadAffiliationsWith(view_, "p0-12-0", events::v1::SUBJECT_KIND_PERSON, keys, absl::InfiniteFuture()).size(), 2U);
  EXPECT_LE(reader_.rows, 4);
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
