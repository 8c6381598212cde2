// Why two are one profile, why others are not, and what became of an identifier.
#include "identity/explain.h"

#include <map>
#include <set>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "identity/tables.h"
#include "tests/harness.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::identity::testing {
namespace {

using events::v1::CustomerEvent;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string KeyOf(const events::v1::Identifier& identifier) {
  const auto normal = identifier::Normalise({identifier.type(), identifier.issuer(), identifier.value()});
  return Keys().Make(kWorkspace, normal.value()).bytes();
}

Asked By(const events::v1::Identifier& identifier, events::v1::SubjectKind kind = events::v1::SUBJECT_KIND_PERSON) {
  Asked asked{.field = identifier.type(), .subject_kind = kind};
  asked.identifier.set_key(KeyOf(identifier));
  asked.identifier.set_type(identifier.type());
  asked.identifier.set_issuer(identifier.issuer());
  return asked;
}
Asked By(const std::string& profile_id) { return {.field = "profile_id", .profile_id = profile_id}; }

absl::StatusOr<v1::ExplainResponse> TryExplain(Identity& identity, const Asked& a, const Asked& b,
                                               int max_nodes = kMaxExplainedNodes) {
  const auto snapshot = identity.driver().Snapshot();
  auto response = ReadExplanation(snapshot->view(), kWorkspace, a, b, max_nodes);
  EXPECT_TRUE(snapshot->status().ok()) << snapshot->status();
  return response;
}
v1::ExplainResponse Explain(Identity& identity, const Asked& a, const Asked& b) {
  auto response = TryExplain(identity, a, b);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *std::move(response) : v1::ExplainResponse();
}

// "created e1: → cookie", one for each step.
std::vector<std::string> Story(const v1::ExplainResponse& response) {
  static const std::map<v1::EvidenceKind, std::string> kinds = {{v1::EVIDENCE_KIND_CREATED, "created"},
                                                                {v1::EVIDENCE_KIND_LINKED, "linked"},
                                                                {v1::EVIDENCE_KIND_MERGED, "merged"},
                                                                {v1::EVIDENCE_KIND_SEEN_TOGETHER, "seen together"}};
  std::vector<std::string> story;
  for (const v1::EvidenceStep& step : response.steps()) {
    story.push_back(fmt::format("{} {}: {} → {}", kinds.at(step.kind()), step.event().event_id(), step.from().type(),
                                step.to().type()));
  }
  return story;
}

TEST(ExplainTest, ALinkIsExplainedByTheEventThatCarriedBoth) {
  Identity identity;
  const Outcome visitor = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome known = identity.Take(Event("e2", {Cookie("c1"), Email("som@example.com")}));
  const auto answer = Explain(identity, By(Cookie("c1")), By(Email("som@example.com")));
  EXPECT_TRUE(answer.same_profile());
  ASSERT_THAT(Story(answer), ElementsAre("linked e2: cookie → email"));
  const v1::EvidenceStep& step = answer.steps(0);
  EXPECT_EQ(step.event().source_id(), "web");
  EXPECT_EQ(step.event().intake_offset(), known.offset.value());
  EXPECT_EQ(step.event().recorded_at().seconds(), Event("", {}).recorded_at().seconds());
  EXPECT_EQ(step.event().decided_at().seconds(), absl::ToUnixSeconds(identity.driver().clock().Now()));
  EXPECT_EQ(step.from().key(), KeyOf(Cookie("c1")));
  EXPECT_EQ(step.to().key(), KeyOf(Email("som@example.com")));
  EXPECT_EQ(step.profile_id(), visitor.profile_id);
  EXPECT_THAT(step.merges(), IsEmpty());
  EXPECT_THAT(answer.refusals(), IsEmpty());
  EXPECT_EQ(answer.a().profile_id(), visitor.profile_id);
  EXPECT_EQ(answer.b().identifier_count(), 2);
}

TEST(ExplainTest, AChainNamesEveryEventThatItHangsOn) {
  Identity identity;
  identity.Take(Event("e1", {Cookie("c1")}));
  identity.Take(Event("e2", {Cookie("c1"), Email("som@example.com")}));
  identity.Take(Event("e3", {Email("som@example.com"), Phone("0812345678")}));
  identity.Take(Event("e4", {Phone("0812345678"), Customer("17")}));
  EXPECT_THAT(Story(Explain(identity, By(Cookie("c1")), By(Customer("17")))),
              ElementsAre("linked e2: cookie → email", "linked e3: email → phone", "linked e4: phone → customer_id"));
  EXPECT_THAT(Story(Explain(identity, By(Customer("17")), By(Email("som@example.com")))),
              ElementsAre("linked e4: customer_id → phone", "linked e3: phone → email"));
}

TEST(ExplainTest, TheFewestEventsAreNamedAndOfThemTheOldest) {
  Identity identity;
  identity.Take(Event("e1", {Cookie("c1"), Email("som@example.com")}));
  identity.Take(Event("e2", {Cookie("c1"), Email("som@example.com"), Phone("0812345678")}));
  identity.Take(Event("e3", {Phone("0812345678"), Customer("17")}));
  identity.Take(Event("e4", {Cookie("c1"), Customer("17"), Cookie("c2")}));
  EXPECT_THAT(Story(Explain(identity, By(Cookie("c1")), By(Email("som@example.com")))),
              ElementsAre("created e1: cookie → email"));
  EXPECT_THAT(Story(Explain(identity, By(Cookie("c1")), By(Customer("17")))),
              ElementsAre("seen together e4: cookie → customer_id"));
  // An event that did nothing but carry both is not kept as evidence.
  identity.Take(Event("e5", {Email("som@example.com"), Customer("17")}));
  EXPECT_THAT(Story(Explain(identity, By(Email("som@example.com")), By(Customer("17")))), SizeIs(2));
}

TEST(ExplainTest, AMergeIsExplainedByTheEventThatShowedIt) {
  Identity identity;
  const Outcome cookie = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome email = identity.Take(Event("e2", {Email("som@example.com")}));
  const Outcome joint = identity.Take(Event("e3", {Email("som@example.com"), Cookie("c1")}));
  const auto answer = Explain(identity, By(Email("som@example.com")), By(Cookie("c1")));
  ASSERT_THAT(Story(answer), ElementsAre("merged e3: email → cookie"));
  ASSERT_THAT(answer.steps(0).merges(), SizeIs(1));
  const v1::MergeEvidence& merge = answer.steps(0).merges(0);
  EXPECT_EQ(merge.merge_id(), joint.merged[0].merge_id());
  EXPECT_EQ(merge.loser_id(), email.profile_id);
  EXPECT_EQ(merge.winner_id(), cookie.profile_id);
  EXPECT_EQ(merge.evidence().intake_offset(), joint.offset.value());
  EXPECT_THAT(merge.identifiers(), SizeIs(2));
  EXPECT_EQ(answer.a().retired_count(), 1);
}

TEST(ExplainTest, ProfileIdsAreExplainedFromTheEventsThatTheyBeganWith) {
  Identity identity;
  const Outcome cookie = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome email = identity.Take(Event("e2", {Email("som@example.com")}));
  identity.Take(Event("e3", {Email("som@example.com"), Cookie("c1")}));
  const auto answer = Explain(identity, By(email.profile_id), By(cookie.profile_id));
  EXPECT_TRUE(answer.same_profile());
  EXPECT_EQ(answer.a().requested_profile_id(), email.profile_id);
  EXPECT_EQ(answer.a().profile_id(), cookie.profile_id);
  EXPECT_THAT(Story(answer), ElementsAre("created e2:  → email", "merged e3: email → cookie", "created e1: cookie → "));
  EXPECT_THAT(Story(Explain(identity, By(cookie.profile_id), By(Cookie("c1")))), ElementsAre("created e1:  → cookie"));
  EXPECT_THAT(Story(Explain(identity, By(Email("som@example.com")), By(cookie.profile_id))),
              ElementsAre("merged e3: email → cookie", "created e1: cookie → "));
  EXPECT_THAT(Explain(identity, By(cookie.profile_id), By(cookie.profile_id)).steps(), IsEmpty());
}

TEST(ExplainTest, AnEventThatJoinsThreeNamesTheMergesOfTheTwoThatAreAskedFor) {
  Identity identity;
  const Outcome a = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome b = identity.Take(Event("e2", {Cookie("c2")}));
  const Outcome c = identity.Take(Event("e3", {Cookie("c3")}));
  identity.Take(Event("e4", {Cookie("c1"), Cookie("c2"), Cookie("c3")}));
  const auto losers = [&](const v1::ExplainResponse& answer) {
    std::vector<std::string> ids;
    for (const v1::MergeEvidence& merge : answer.steps(0).merges()) ids.push_back(merge.loser_id());
    return ids;
  };
  EXPECT_THAT(losers(Explain(identity, By(Cookie("c1")), By(Cookie("c3")))), ElementsAre(c.profile_id));
  EXPECT_THAT(losers(Explain(identity, By(Cookie("c3")), By(Cookie("c2")))), ElementsAre(b.profile_id, c.profile_id));
  EXPECT_EQ(identity.Survivor(c.profile_id), a.profile_id);
}

TEST(ExplainTest, AnIdentifierThatAnEventLeftOutIsNoEvidence) {
  identifier::IdentifierRules rules = identifier::IdentifierRules::Default();
  Identity identity({.rules = &rules});
  identity.Take(Event("e1", {Cookie("shared"), Customer("17")}));
  ASSERT_THAT(identity.Take(Event("e2", {Cookie("shared"), Customer("18")})).refused, SizeIs(1));
  for (identifier::TypeRule& rule : rules.types) {
    if (rule.type == identifier::kCustomerId) rule.limit_per_profile = 2;
  }
  ASSERT_THAT(identity.Take(Event("e3", {Customer("17"), Customer("18")})).merged, SizeIs(1));
  EXPECT_THAT(Story(Explain(identity, By(Cookie("shared")), By(Customer("18")))),
              ElementsAre("created e1: cookie → customer_id", "merged e3: customer_id → customer_id"));
}

TEST(ExplainTest, TwoPeopleAreToldApartByTheRefusalsThatKeptThemSo) {
  Identity identity;
  const Outcome first = identity.Take(Event("e1", {Cookie("shared"), Customer("17")}));
  const Outcome second = identity.Take(Event("e2", {Cookie("shared"), Customer("18")}));
  identity.Take(Event("e3", {Customer("18"), Cookie("shared")}));
  identity.Take(Event("e4", {Cookie("shared"), Customer("19")}));
  for (const bool swapped : {false, true}) {
    const auto answer = swapped ? Explain(identity, By(Customer("18")), By(Cookie("shared")))
                                : Explain(identity, By(Cookie("shared")), By(Customer("18")));
    EXPECT_FALSE(answer.same_profile());
    EXPECT_THAT(answer.steps(), IsEmpty());
    EXPECT_EQ(answer.a().profile_id(), swapped ? second.profile_id : first.profile_id);
    EXPECT_EQ(answer.b().profile_id(), swapped ? first.profile_id : second.profile_id);
    ASSERT_THAT(answer.refusals(), SizeIs(2)) << "of the third customer none";
    EXPECT_EQ(answer.refusals(0).event_id(), "e3") << "newest first";
    EXPECT_EQ(answer.refusals(1).event_id(), "e2");
    const events::v1::LinkRefused& refused = answer.refusals(1).refused();
    EXPECT_EQ(refused.reason(), events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED);
    EXPECT_EQ(refused.identifier().type(), "cookie");
    EXPECT_EQ(refused.limited_type(), "customer_id");
    EXPECT_EQ(refused.limit(), 1);
    EXPECT_FALSE(answer.refusals_truncated());
  }
  // Nothing ever tied the two others.
  identity.Take(Event("e5", {Email("other@example.com")}));
  EXPECT_THAT(Explain(identity, By(Email("other@example.com")), By(Customer("18"))).refusals(), IsEmpty());
}

TEST(ExplainTest, RefusalsAreShownToABound) {
  Identity identity;
  identity.Take(Event("first", {Cookie("shared"), Customer("17")}));
  for (int i = 0; i <= kMaxExplainedRefusals; ++i) {
    identity.Append(Event(fmt::format("e{}", i), {Cookie("shared"), Customer("18")}));
  }
  ASSERT_TRUE(identity.driver().Run());
  const auto answer = Explain(identity, By(Customer("17")), By(Customer("18")));
  EXPECT_THAT(answer.refusals(), SizeIs(kMaxExplainedRefusals));
  EXPECT_EQ(answer.refusals(0).event_id(), fmt::format("e{}", kMaxExplainedRefusals));
  EXPECT_TRUE(answer.refusals_truncated());
}

TEST(ExplainTest, AnIdentifierOfNobodyIsExplainedByItsRefusal) {
  Identity identity;
  for (int i = 1; i <= 6; ++i) {
    identity.Take(Event(fmt::format("e{}", i), {Customer("17"), Email(fmt::format("m{}@example.com", i))}));
  }
  const auto answer = Explain(identity, By(Email("m6@example.com")), By(Customer("17")));
  EXPECT_FALSE(answer.same_profile());
  EXPECT_EQ(answer.a().profile_id(), "");
  EXPECT_EQ(answer.a().identifier().key(), KeyOf(Email("m6@example.com")));
  ASSERT_THAT(answer.refusals(), SizeIs(1));
  EXPECT_EQ(answer.refusals(0).event_id(), "e6");
  EXPECT_FALSE(Explain(identity, By(Email("m6@example.com")), By(Email("m6@example.com"))).same_profile());
}

TEST(ExplainTest, WhatIsNotThereIsNotFoundByItsField) {
  Identity identity;
  const Outcome here = identity.Take(Event("e1", {Cookie("c1")}));
  const absl::Status unknown = TryExplain(identity, By(Cookie("c1")), By(Email("no@example.com"))).status();
  EXPECT_EQ(DetailOf(unknown)->reason, "IDENTIFIER_NOT_FOUND");
  EXPECT_EQ(DetailOf(unknown)->field, "email");
  const absl::Status nobody = TryExplain(identity, By("p0-999-0"), By(Cookie("c1"))).status();
  EXPECT_EQ(nobody.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(DetailOf(nobody)->reason, "PROFILE_NOT_FOUND");
  EXPECT_EQ(DetailOf(nobody)->field, "profile_id");
  const auto snapshot = identity.driver().Snapshot();
  EXPECT_TRUE(
      absl::IsNotFound(ReadExplanation(snapshot->view(), "w2", By(here.profile_id), By(here.profile_id)).status()));
}

TEST(ExplainTest, MoreEvidenceThanTheBoundIsRefused) {
  Identity identity;
  identity.Take(Event("e1", {Cookie("c1")}));
  identity.Take(Event("e2", {Cookie("c2")}));
  identity.Take(Event("e3", {Cookie("c1"), Cookie("c2"), Cookie("c3")}));
  // Three identifiers, two ids.
  EXPECT_TRUE(TryExplain(identity, By(Cookie("c1")), By(Cookie("c2")), 5).ok());
  const absl::Status more = TryExplain(identity, By(Cookie("c1")), By(Cookie("c2")), 4).status();
  EXPECT_EQ(more.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(DetailOf(more)->reason, "TOO_MUCH_EVIDENCE");
}

TEST(ExplainTest, SubjectsOfDifferentKindsAreNeverOne) {
  Identity identity;
  CustomerEvent company = Event("e1", {Phone("0812345678"), Customer("17")});
  company.set_subject_kind(events::v1::SUBJECT_KIND_ACCOUNT);
  identity.Take(company);
  identity.Take(Event("e2", {Phone("0812345678")}));
  company.set_event_id("e3");
  *company.mutable_identifiers(1) = Customer("18");
  identity.Take(company);
  const auto account = By(Phone("0812345678"), events::v1::SUBJECT_KIND_ACCOUNT);
  const auto answer = Explain(identity, By(Phone("0812345678")), account);
  EXPECT_FALSE(answer.same_profile());
  EXPECT_EQ(answer.b().subject_kind(), events::v1::SUBJECT_KIND_ACCOUNT);
  EXPECT_THAT(answer.refusals(), IsEmpty());
  // The company's refusal of the number is no matter of the person who has it.
  const auto snapshot = identity.driver().Snapshot();
  EXPECT_THAT(ReadHistory(snapshot->view(), kWorkspace, By(Phone("0812345678")))->entries(), SizeIs(1));
  EXPECT_THAT(ReadHistory(snapshot->view(), kWorkspace, account)->entries(), SizeIs(2));
}

TEST(ExplainTest, AnIdentifiersHistoryIsItsLinkItsMovesAndItsRefusals) {
  Identity identity;
  const Outcome a = identity.Take(Event("e1", {Cookie("a")}));
  const Outcome b = identity.Take(Event("e2", {Cookie("b")}));
  const Outcome c = identity.Take(Event("e3", {Cookie("c"), Customer("17")}));
  identity.Take(Event("e4", {Cookie("c"), Email("som@example.com")}));
  const Outcome refused = identity.Take(Event("e5", {Cookie("c"), Customer("18")}));
  identity.Take(Event("e6", {Cookie("b"), Customer("17")}));
  identity.Take(Event("e7", {Cookie("a"), Cookie("b")}));
  const auto snapshot = identity.driver().Snapshot();
  const auto email = ReadHistory(snapshot->view(), kWorkspace, By(Email("som@example.com")));
  ASSERT_TRUE(email.ok()) << email.status();
  EXPECT_EQ(email->profile_id(), a.profile_id);
  ASSERT_THAT(email->entries(), SizeIs(3));
  EXPECT_EQ(email->entries(0).linked().profile_id(), c.profile_id);
  EXPECT_EQ(email->entries(0).linked().evidence().event_id(), "e4");
  EXPECT_FALSE(email->entries(0).linked().created());
  EXPECT_EQ(email->entries(1).moved().loser_id(), c.profile_id);
  EXPECT_EQ(email->entries(1).moved().winner_id(), b.profile_id);
  EXPECT_EQ(email->entries(1).moved().evidence().event_id(), "e6");
  EXPECT_EQ(email->entries(2).moved().winner_id(), a.profile_id);
  const auto cookie = ReadHistory(snapshot->view(), kWorkspace, By(Cookie("c")));
  ASSERT_THAT(cookie->entries(), SizeIs(4));
  EXPECT_TRUE(cookie->entries(0).linked().created());
  EXPECT_EQ(cookie->entries(1).refused().event_id(), "e5");
  EXPECT_EQ(cookie->entries(1).refused().refused().profile_id(), refused.profile_id);
  EXPECT_TRUE(cookie->entries(2).has_moved());
  EXPECT_EQ(DetailOf(ReadHistory(snapshot->view(), kWorkspace, By(Cookie("c9"))).status())->reason,
            "IDENTIFIER_NOT_FOUND");
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(ExplainTest, AHistoryShowsTheNewestRefusalsToABound) {
  Identity identity;
  identity.Take(Event("first", {Cookie("shared"), Customer("17")}));
  for (int i = 0; i <= kMaxHistoryRefusals; ++i) {
    identity.Append(Event(fmt::format("e{}", i), {Cookie("shared"), Customer("18")}));
  }
  ASSERT_TRUE(identity.driver().Run());
  const auto snapshot = identity.driver().Snapshot();
  const auto history = ReadHistory(snapshot->view(), kWorkspace, By(Cookie("shared")));
  ASSERT_THAT(history->entries(), SizeIs(kMaxHistoryRefusals + 1));
  EXPECT_TRUE(history->truncated());
  EXPECT_TRUE(history->entries(0).has_linked());
  EXPECT_EQ(history->entries(1).refused().event_id(), "e1");
}

// Every refusal is a record that names its reason, and is found by the identifier where it has a key.
TEST(ExplainTest, EachRefusalIsARecordWithItsReason) {
  Identity identity;
  identity.Take(Event("e1", {Customer("17"), Cookie("c1")}));
  CustomerEvent event = Linking("e2", Customer("18"), As(events::v1::IDENTIFIER_ROLE_PAYER, Email("p@example.com")));
  for (const auto& identifier : {Cookie("c1"), Customer("undefined"), Phone("12")}) {
    *event.add_identifiers() = identifier;
  }
  identity.Take(event);
  const auto snapshot = identity.driver().Snapshot();
  std::set<events::v1::LinkRefusalReason> reasons;
  snapshot->view().Scan(kRefusals, std::tuple(std::string(kWorkspace)), [&](const auto&, const auto& row) {
    EXPECT_EQ(row->event_id(), "e2");
    reasons.insert(row->refused().reason());
    return true;
  });
  EXPECT_THAT(
      reasons,
      ElementsAre(events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED, events::v1::LINK_REFUSAL_REASON_BLOCKED_VALUE,
                  events::v1::LINK_REFUSAL_REASON_ROLE_NOT_SUBJECT, events::v1::LINK_REFUSAL_REASON_MALFORMED_VALUE));
  for (const auto& identifier : {Cookie("c1"), Email("p@example.com")}) {
    const auto history = ReadHistory(snapshot->view(), kWorkspace, By(identifier));
    ASSERT_TRUE(history.ok()) << identifier.type();
    EXPECT_TRUE(history->entries().rbegin()->has_refused()) << identifier.type();
  }
}

CustomerEvent Visit(std::string event_id, const std::string& session, std::vector<events::v1::Identifier> identifiers) {
  CustomerEvent event = Event(std::move(event_id), std::move(identifiers));
  event.set_session_id(session);
  event.mutable_attribution()->set_utm_source("source of " + session);
  return event;
}

TEST(ExplainTest, AVisitorsSessionsAndFirstTouchStayWhenTheyBecomeKnown) {
  // By a link, and by a merge into an older profile in another partition.
  for (const bool merged : {false, true}) {
    Identity identity({.journey_partitions = 8});
    if (merged) identity.Take(Event("e0", {Email("som@example.com")}));
    identity.Take(Visit("e1", "s1", {Cookie("c1")}));
    identity.Take(Visit("e2", "s2", {Cookie("c1")}));
    const Outcome known = identity.Take(Visit("e3", "s2", {Cookie("c1"), Email("som@example.com")}));
    std::map<std::string, std::string> sessions;
    for (const auto& record : identity.Journey()) {
      CustomerEvent event;
      if (record->record.type != "customer_event" || !event.ParseFromString(record->record.value)) continue;
      if (event.session_id().empty()) continue;
      sessions[event.event_id()] = event.session_id();
      EXPECT_EQ(event.attribution().utm_source(), "source of " + event.session_id());
      EXPECT_EQ(identity.Survivor(event.resolution().profile_id()), known.profile_id) << event.event_id();
      EXPECT_EQ(event.resolution().identifiers(event.resolution().identifiers_size() - 1).key(), KeyOf(Cookie("c1")));
    }
    EXPECT_THAT(sessions, ElementsAre(std::pair("e1", "s1"), std::pair("e2", "s2"), std::pair("e3", "s2")));
    EXPECT_THAT(Story(Explain(identity, By(Cookie("c1")), By(Email("som@example.com")))),
                ElementsAre(merged ? "merged e3: cookie → email" : "linked e3: cookie → email"));
  }
}

TEST(ExplainTest, AnAnswerHoldsNoValue) {
  Identity identity;
  identity.Take(Event("e1", {Cookie("c-secret"), Customer("17")}));
  identity.Take(Event("e2", {Cookie("c-secret"), Email("secret@example.com")}));
  identity.Take(Event("e3", {Cookie("c-secret"), Customer("18")}));
  const auto snapshot = identity.driver().Snapshot();
  const std::string told = Explain(identity, By(Cookie("c-secret")), By(Email("secret@example.com"))).DebugString() +
                           Explain(identity, By(Customer("18")), By(Email("secret@example.com"))).DebugString() +
                           ReadHistory(snapshot->view(), kWorkspace, By(Cookie("c-secret")))->DebugString();
  EXPECT_THAT(told, Not(HasSubstr("secret")));
}

// Whatever came: any two identifiers of a profile are tied by events that carried both ends of their step, one
// beginning where the last ended, and no two of different profiles are.
TEST(ExplainTest, AnyTwoIdentifiersOfAProfileAreTiedByEventsThatCarriedThem) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SeededRandom random(seed);
    Identity identity({.journey_partitions = 4});
    std::map<std::string, std::set<std::string>> carried;
    std::map<std::string, events::v1::Identifier> known;  // by key
    for (int i = 0; i < 60; ++i) {
      std::vector<events::v1::Identifier> identifiers;
      for (uint64_t n = 1 + random.Below(3); n > 0; --n) {
        const std::string value = fmt::format("v{}", random.Below(15));
        identifiers.push_back(random.Chance(20)   ? Customer(value)
                              : random.Chance(40) ? Email(value + "@example.com")
                                                  : Cookie(value));
        const std::string key = KeyOf(identifiers.back());
        carried[fmt::format("e{}", i)].insert(key);
        known.emplace(key, identifiers.back());
      }
      identity.Append(Event(fmt::format("e{}", i), identifiers));
    }
    ASSERT_TRUE(identity.driver().Run());
    int chains = 0;
    for (const auto& [a_key, a] : known) {
      for (const auto& [b_key, b] : known) {
        const auto answer = Explain(identity, By(a), By(b));
        const std::string profile_id = identity.ProfileOf(a);
        ASSERT_EQ(answer.same_profile(), !profile_id.empty() && profile_id == identity.ProfileOf(b));
        if (!answer.same_profile() || a_key == b_key) {
          ASSERT_THAT(answer.steps(), IsEmpty());
          continue;
        }
        ++chains;
        std::string at = a_key;
        for (const v1::EvidenceStep& step : answer.steps()) {
          ASSERT_EQ(step.from().key(), at);
          at = step.to().key();
          ASSERT_TRUE(carried[step.event().event_id()].contains(step.from().key()));
          ASSERT_TRUE(carried[step.event().event_id()].contains(at));
          ASSERT_TRUE(step.kind() != v1::EVIDENCE_KIND_MERGED || !step.merges().empty());
        }
        ASSERT_EQ(at, b_key) << "seed " << seed;
      }
    }
    EXPECT_GT(chains, 50);
    EXPECT_TRUE(identity.RebuildsTheSame());
  }
}

}  // namespace
}  // namespace tributary::identity::testing
