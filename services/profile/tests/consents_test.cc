// Consents by contact point, purpose and channel, at any moment.
#include "profile/consents.h"

#include <functional>

#include "gmock/gmock.h"
#include "profile/tests/journey.h"
#include "profile/tests/statements.h"

namespace tributary::profile::testing {
namespace {

using events::v1::ConsentStated;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kP[] = "p0-1-0";
constexpr char kMail[] = "a@example.com";
constexpr auto kGiven = ConsentStated::STATUS_GIVEN;
constexpr auto kRefused = ConsentStated::STATUS_REFUSED;
constexpr auto kWithdrawn = ConsentStated::STATUS_WITHDRAWN;
constexpr auto kEveryChannel = events::v1::CHANNEL_UNSPECIFIED;

ConsentsPage Read(Journey& journey, const ConsentQuery& query) {
  journey.ExpectSound();
  return ReadConsents(journey.driver().Snapshot()->view(), kP, query);
}

// "a@example.com marketing 3: no, by shop/e1" for each.
std::vector<std::string> At(Journey& journey, int64_t seconds) {
  std::vector<std::string> texts;
  for (const v1::Consent& consent : Read(journey, {.as_of = absl::FromUnixSeconds(seconds), .after = {}}).consents) {
    texts.push_back(fmt::format("{} {} {}: {}{}", consent.contact_point().address(), consent.purpose(),
                                static_cast<int>(consent.channel()), consent.holds() ? "yes" : "no",
                                consent.overruled_by().empty() ? "" : ", by " + consent.overruled_by()));
  }
  return texts;
}

TEST(Consents, StandAsTheyStoodAtAnyMoment) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e2", 200, kMail, "marketing", kWithdrawn));
  journey.Put(ConsentEvent(kP, "e3", 300, kMail, "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven));  // learned of last
  EXPECT_THAT(At(journey, 99), IsEmpty());
  EXPECT_THAT(At(journey, 100), ElementsAre("a@example.com marketing 3: yes"));
  EXPECT_THAT(At(journey, 200), ElementsAre("a@example.com marketing 3: no"));
  EXPECT_THAT(At(journey, 300), ElementsAre("a@example.com marketing 3: yes"));
}

TEST(Consents, ArePerPurposeAndChannel) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e2", 100, kMail, "service", kRefused));
  journey.Put(ConsentEvent(kP, "e3", 100, kMail, "marketing", kRefused, events::v1::CHANNEL_POST));
  EXPECT_THAT(At(journey, 100), ElementsAre("a@example.com marketing 3: yes", "a@example.com marketing 13: no",
                                            "a@example.com service 3: no"));
}

TEST(Consents, WithoutAChannelAreOfTheContactPoints) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven, kEveryChannel));
  EXPECT_THAT(At(journey, 100), ElementsAre("a@example.com marketing 3: yes"));
}

TEST(Consents, OfOneAddressInSeveralSpellingsAreOne) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, "A@Example.com", "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e2", 200, kMail, "marketing", kWithdrawn));
  EXPECT_THAT(At(journey, 200), ElementsAre("a@example.com marketing 3: no"));
}

TEST(Consents, EndWhenTheyAreNoLongerValid) {
  Journey journey;
  CustomerEvent event = ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven);
  event.mutable_consent_stated()->mutable_valid_until()->set_seconds(150);
  journey.Put(event);
  EXPECT_THAT(At(journey, 149), ElementsAre("a@example.com marketing 3: yes"));
  EXPECT_THAT(At(journey, 150), ElementsAre("a@example.com marketing 3: no"));
}

TEST(Consents, AreOverruledByALaterWithdrawalForEveryPurposeAndMayBeGivenAgain) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e2", 200, kMail, "", kWithdrawn));
  journey.Put(ConsentEvent(kP, "e3", 300, kMail, "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e4", 150, "b@example.com", "marketing", kGiven));
  EXPECT_THAT(At(journey, 250),
              ::testing::UnorderedElementsAre("a@example.com  3: no", "a@example.com marketing 3: no, by shop/e2",
                                              "b@example.com marketing 3: yes"));
  EXPECT_THAT(At(journey, 300),
              ::testing::UnorderedElementsAre("a@example.com  3: no", "a@example.com marketing 3: yes",
                                              "b@example.com marketing 3: yes"));
}

TEST(Consents, YieldToDoNotContactOfThePersonUntilThePersonTakesItBack) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, "", "", kRefused, kEveryChannel));
  journey.Put(ConsentEvent(kP, "e2", 200, kMail, "marketing", kGiven));
  EXPECT_THAT(At(journey, 200), ElementsAre("  0: no", "a@example.com marketing 3: no, by shop/e1"));
  journey.Put(ConsentEvent(kP, "e3", 300, "", "service", kGiven));
  EXPECT_THAT(At(journey, 300), ElementsAre("  0: no", " service 3: yes", "a@example.com marketing 3: no, by shop/e1"));
  journey.Put(ConsentEvent(kP, "e4", 400, "", "marketing", kGiven));
  EXPECT_THAT(At(journey, 400),
              ElementsAre("  0: no", " marketing 3: yes", " service 3: yes", "a@example.com marketing 3: yes"));
}

TEST(Consents, FollowRetractionsAndCorrections) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "e1", 100, kMail, "marketing", kGiven));
  journey.Put(ConsentEvent(kP, "e2", 200, kMail, "marketing", kWithdrawn));
  journey.Put(Retraction(kP, "x", 300, "e2"));
  EXPECT_THAT(At(journey, 300), ElementsAre("a@example.com marketing 3: yes"));
  journey.Put(Correction(kP, "c", 400, "e1", 1, ConsentEvent("", "", 150, "b@example.com", "marketing", kGiven)));
  EXPECT_THAT(At(journey, 149), IsEmpty());
  EXPECT_THAT(At(journey, 150), ElementsAre("b@example.com marketing 3: yes"));
}

TEST(Consents, TellTheirHistoryLatestFirst) {
  Journey journey;
  for (int i = 1; i <= 120; ++i) {
    journey.Put(ConsentEvent(kP, fmt::format("e{:03}", i), i, kMail, "marketing", i % 2 == 0 ? kWithdrawn : kGiven));
  }
  const auto told = Read(journey, {.as_of = absl::FromUnixSeconds(110), .history = true, .after = {}}).consents;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].statement_count(), 110);
  ASSERT_EQ(told[0].history_size(), 100);
  EXPECT_EQ(told[0].history(0).entry_id(), "shop/e110");
  EXPECT_EQ(told[0].history(99).entry_id(), "shop/e011");
  EXPECT_EQ(told[0].latest().stated().status(), kWithdrawn);
}

TEST(Consents, ArePagedWithoutLossAndOverruledOnEveryPage) {
  Journey journey;
  journey.Put(ConsentEvent(kP, "no", 50, "", "", kRefused, kEveryChannel));
  for (int i = 0; i < 7; ++i) {
    journey.Put(ConsentEvent(kP, fmt::format("e{}", i), 100, fmt::format("{}@example.com", i), "marketing", kGiven));
  }
  for (const int32_t limit : {1, 3, 8, 9}) {
    std::set<std::string> seen;
    ConsentQuery query{.as_of = absl::FromUnixSeconds(100), .limit = limit, .after = {}};
    for (;;) {
      const ConsentsPage page = Read(journey, query);
      EXPECT_LE(page.consents.size(), static_cast<size_t>(limit));
      for (const v1::Consent& consent : page.consents) {
        EXPECT_TRUE(seen.insert(consent.latest().entry_id()).second);
        EXPECT_FALSE(consent.holds());
      }
      if (!page.next_after) break;
      query.after = page.next_after;
    }
    EXPECT_EQ(seen.size(), 8U) << limit;
  }
}

TEST(ContactPointKeys, AreOpaqueAndDifferByWorkspaceAndByIssuer) {
  events::v1::ContactPoint phone;
  phone.set_channel(events::v1::CHANNEL_SMS);
  phone.set_address("081 234 5678");
  events::v1::ContactPoint call = phone;
  call.set_channel(events::v1::CHANNEL_CALL);
  call.set_address("+66812345678");
  EXPECT_EQ(ContactPointKey("w1", phone), ContactPointKey("w1", call));
  EXPECT_NE(ContactPointKey("w1", phone), ContactPointKey("w2", phone));
  EXPECT_EQ(ContactPointKey("w1", phone).size(), 16U);
  events::v1::ContactPoint token;
  token.set_channel(events::v1::CHANNEL_PUSH);
  token.set_address("t");
  token.set_issuer("ios");
  events::v1::ContactPoint other = token;
  other.set_issuer("android");
  EXPECT_NE(ContactPointKey("w1", token), ContactPointKey("w1", other));
}

}  // namespace
}  // namespace tributary::profile::testing
