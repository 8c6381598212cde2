// Who an event belongs to.
#include "identity/processor.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "identity/tables.h"
#include "tests/harness.h"
#include "tributary/base/partitioning.h"

namespace tributary::identity::testing {
namespace {

using events::v1::Resolution;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string ProfileAt(processor::Offset offset, int ordinal) { return fmt::format("p0-{}-{}", offset, ordinal); }

TEST(IdentityTest, TheSameCookieTwiceIsOneProfile) {
  Identity identity;
  const Outcome first = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome second = identity.Take(Event("e2", {Cookie("c1")}));
  EXPECT_EQ(first.profile_id, ProfileAt(first.offset, 0));
  EXPECT_EQ(first.resolution->match(), Resolution::MATCH_NEW);
  EXPECT_EQ(second.profile_id, first.profile_id);
  EXPECT_EQ(second.resolution->match(), Resolution::MATCH_KNOWN);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, AVisitorWhoBecomesKnownKeepsTheProfile) {
  Identity identity;
  const Outcome visitor = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome known = identity.Take(Event("e2", {Cookie("c1"), Email("som@example.com")}));
  EXPECT_EQ(known.profile_id, visitor.profile_id);
  EXPECT_EQ(identity.Take(Event("e3", {Email("SOM@Example.com ")})).profile_id, visitor.profile_id);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, TheIdIsThatOfTheOldestIdentifierThatCounts) {
  Identity identity;
  // Priority decides nothing here: the cookie stands first in the event. The blocked value counts for nothing.
  const Outcome outcome = identity.Take(Event("e1", {Email("null"), Cookie("c1"), Customer("17")}));
  EXPECT_EQ(outcome.profile_id, ProfileAt(outcome.offset, 1));
  ASSERT_EQ(outcome.resolution->identifiers_size(), 2);
  EXPECT_EQ(outcome.resolution->identifiers(0).type(), "customer_id");
  EXPECT_EQ(outcome.resolution->identifiers(1).type(), "cookie");
  EXPECT_EQ(outcome.resolution->refused_count(), 1);
}

TEST(IdentityTest, TheEventIsPassedOnWholeUnderItsProfilesKeyAndPartition) {
  Identity identity({.journey_partitions = 8});
  events::v1::CustomerEvent event = Event("e1", {Cookie("c1")});
  event.mutable_page_viewed()->set_title("Menu");
  const Outcome outcome = identity.Take(event);
  const int32_t partition = JourneyPartitionOf(outcome.profile_id, 8);
  const auto records = identity.driver().RecordsOf({std::string(kJourneyLog), eventlog::Partition(partition)});
  ASSERT_THAT(records, SizeIs(1));
  EXPECT_EQ(records[0]->record.key, outcome.profile_id);
  events::v1::CustomerEvent passed;
  ASSERT_TRUE(passed.ParseFromString(records[0]->record.value));
  passed.clear_resolution();
  EXPECT_EQ(passed.SerializeAsString(), event.SerializeAsString());
}

TEST(IdentityTest, AProfilesJourneyPartitionIsTheSameInEveryRelease) {
  EXPECT_EQ(JourneyPartitionOf("p0-1-0", 8), 4);
  EXPECT_EQ(JourneyPartitionOf("p0-1842-0", 8), 7);
  EXPECT_EQ(JourneyPartitionOf("p0-1842-0", 64), 39);
  EXPECT_EQ(JourneyPartitionOf("p7-9223372036854775807-19", 64), 60);
}

TEST(IdentityTest, ProfilesThatAnEventShowsToBeOneAreMergedIntoTheOldest) {
  Identity identity;
  const Outcome oldest = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome younger = identity.Take(Event("e2", {Email("som@example.com")}));
  const Outcome joint = identity.Take(Event("e3", {Email("som@example.com"), Cookie("c1")}));
  EXPECT_EQ(joint.profile_id, oldest.profile_id);
  EXPECT_EQ(joint.resolution->match(), Resolution::MATCH_MERGED);
  ASSERT_THAT(joint.merged, SizeIs(1));
  EXPECT_EQ(joint.merged[0].winner_id(), oldest.profile_id);
  EXPECT_EQ(joint.merged[0].loser_id(), younger.profile_id);
  EXPECT_EQ(joint.merged[0].merge_id(), fmt::format("m0-{}-0", joint.offset));
  EXPECT_EQ(joint.merged[0].evidence_size(), 2);
  EXPECT_EQ(joint.merged[0].evidence_event_id(), "e3");
  EXPECT_EQ(identity.Take(Event("e4", {Email("som@example.com")})).profile_id, oldest.profile_id);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, TheJourneyHearsOfAMergeBeforeTheEventThatLedToIt) {
  Identity identity;
  identity.Take(Event("e1", {Cookie("c1")}));
  identity.Take(Event("e2", {Email("som@example.com")}));
  const Outcome joint = identity.Take(Event("e3", {Email("som@example.com"), Cookie("c1")}));
  const auto journey = identity.Journey();
  ASSERT_THAT(journey, SizeIs(4));
  EXPECT_EQ(journey[2]->record.type, "profiles_merged");
  EXPECT_EQ(journey[2]->record.key, joint.profile_id);
  events::v1::ProfilesMerged merged;
  ASSERT_TRUE(merged.ParseFromString(journey[2]->record.value));
  EXPECT_EQ(merged.SerializeAsString(), joint.merged[0].SerializeAsString());
  EXPECT_EQ(journey[3]->record.type, "customer_event");
}

TEST(IdentityTest, RetiredIdsResolveThroughAnyNumberOfMerges) {
  Identity identity;
  std::vector<std::string> ids;
  for (int i = 0; i < 30; ++i) {
    ids.push_back(identity.Take(Event(fmt::format("e{}", i), {Cookie(fmt::format("c{}", i))})).profile_id);
  }
  // The youngest into the one before it, and so on to the oldest.
  for (int i = 29; i > 0; --i) {
    identity.Take(Event(fmt::format("m{}", i), {Cookie(fmt::format("c{}", i)), Cookie(fmt::format("c{}", i - 1))}));
  }
  for (const std::string& id : ids) EXPECT_EQ(identity.Survivor(id), ids[0]);
  EXPECT_EQ(identity.ProfileOf(Cookie("c29")), ids[0]);
  const auto snapshot = identity.driver().Snapshot();
  const auto survivor = snapshot->view().Get(kProfiles, {ids[0]});
  EXPECT_THAT(std::vector<std::string>(survivor->retired_profile_ids().begin(), survivor->retired_profile_ids().end()),
              ::testing::ElementsAreArray(ids.begin() + 1, ids.end()));
  ASSERT_EQ(survivor->counts_size(), 1);
  EXPECT_EQ(survivor->counts(0).count(), 30);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, AnEventMergesAllProfilesThatItNames) {
  Identity identity;
  const Outcome a = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome b = identity.Take(Event("e2", {Cookie("c2")}));
  const Outcome c = identity.Take(Event("e3", {Cookie("c3")}));
  const Outcome joint = identity.Take(Event("e4", {Cookie("c3"), Cookie("c1"), Cookie("c2")}));
  ASSERT_THAT(joint.merged, SizeIs(2));
  EXPECT_EQ(joint.merged[0].loser_id(), b.profile_id);
  EXPECT_EQ(joint.merged[1].loser_id(), c.profile_id);
  EXPECT_NE(joint.merged[0].merge_id(), joint.merged[1].merge_id());
  EXPECT_EQ(joint.profile_id, a.profile_id);
}

// Two cookies whose profiles' journeys lie in different ones of 8 partitions.
std::pair<Outcome, Outcome> ApartIn(Identity& identity) {
  const Outcome first = identity.Take(Event("first", {Cookie("c-first")}));
  for (int i = 0;; ++i) {
    Outcome other = identity.Take(Event(fmt::format("other{}", i), {Email(fmt::format("o{}@example.com", i))}));
    if (JourneyPartitionOf(other.profile_id, 8) == JourneyPartitionOf(first.profile_id, 8)) continue;
    return {first, identity.Take(Event("known", {Email(fmt::format("o{}@example.com", i)), Customer("17")}))};
  }
}

TEST(IdentityTest, AMergeAcrossPartitionsIsToldToBothBeforeTheEventThatShowsIt) {
  Identity identity({.journey_partitions = 8});
  const auto [cookie, customer] = ApartIn(identity);
  const Outcome joint = identity.Take(Event("joint", {Cookie("c-first"), Customer("17"), Phone("0812345678")}));
  ASSERT_THAT(joint.merged, SizeIs(1));
  EXPECT_THAT(joint.reasons, IsEmpty());
  EXPECT_EQ(joint.profile_id, cookie.profile_id) << "the oldest survives";
  const std::string merged(processor::RecordType<events::v1::ProfilesMerged>());
  for (const std::string& profile : {cookie.profile_id, customer.profile_id}) {
    const auto records =
        identity.driver().RecordsOf({std::string(kJourneyLog), eventlog::Partition(JourneyPartitionOf(profile, 8))});
    const auto told =
        std::find_if(records.begin(), records.end(), [&](const auto& record) { return record->record.type == merged; });
    ASSERT_NE(told, records.end());
    events::v1::ProfilesMerged merge;
    ASSERT_TRUE(merge.ParseFromString((*told)->record.value));
    EXPECT_EQ(merge.loser_id(), customer.profile_id);
    EXPECT_EQ(merge.winner_id(), cookie.profile_id);
    EXPECT_EQ(merge.offset(), joint.offset.value());
    EXPECT_EQ(std::next(told) != records.end(), profile == cookie.profile_id) << "the event follows at the winner's";
  }
  for (const auto& identifier : {Cookie("c-first"), Customer("17"), Phone("081 234 5678")}) {
    EXPECT_EQ(identity.ProfileOf(identifier), cookie.profile_id);
  }
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, TheSixthEmailIsRefusedAndTheEventStillLands) {
  Identity identity;
  std::string profile;
  for (int i = 1; i <= 5; ++i) {
    profile = identity.Take(Event(fmt::format("e{}", i), {Customer("17"), Email(fmt::format("m{}@example.com", i))}))
                  .profile_id;
  }
  const Outcome sixth = identity.Take(Event("e6", {Customer("17"), Email("m6@example.com")}));
  EXPECT_EQ(sixth.profile_id, profile);
  ASSERT_THAT(sixth.reasons, ElementsAre(events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED));
  EXPECT_EQ(sixth.refused[0].limited_type(), "email");
  EXPECT_EQ(sixth.refused[0].limit(), 5);
  EXPECT_EQ(sixth.resolution->identifiers_size(), 1);
  EXPECT_EQ(identity.ProfileOf(Email("m6@example.com")), "");
  // Alone it is somebody else.
  EXPECT_NE(identity.Take(Event("e7", {Email("m6@example.com")})).profile_id, profile);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, TwoCustomersAtOneDeviceStayTwoPeople) {
  Identity identity;
  const Outcome first = identity.Take(Event("e1", {Cookie("shared"), Customer("17")}));
  const Outcome second = identity.Take(Event("e2", {Cookie("shared"), Customer("18")}));
  EXPECT_NE(second.profile_id, first.profile_id);
  ASSERT_THAT(second.reasons, ElementsAre(events::v1::LINK_REFUSAL_REASON_LIMIT_EXCEEDED));
  EXPECT_EQ(second.refused[0].identifier().type(), "cookie");
  EXPECT_EQ(second.refused[0].limited_type(), "customer_id");
  EXPECT_THAT(second.refused[0].wanted_profile_ids(), ElementsAre(first.profile_id));
  // A merge would break the limit just as well.
  const Outcome again = identity.Take(Event("e3", {Customer("18"), Cookie("shared")}));
  EXPECT_THAT(again.merged, IsEmpty());
  EXPECT_EQ(again.profile_id, second.profile_id);
  EXPECT_EQ(identity.ProfileOf(Cookie("shared")), first.profile_id);
}

TEST(IdentityTest, AnIdentifierThatIsOfTheProfileAlreadyIsNeverRefusedForALimit) {
  Identity identity;
  for (int i = 1; i <= 5; ++i) {
    identity.Take(Event(fmt::format("e{}", i), {Cookie("c1"), Email(fmt::format("m{}@example.com", i))}));
  }
  // The cookie, being the lowest, goes first, then the new address; the cookie needs no link.
  const Outcome outcome = identity.Take(Event("e6", {Email("m1@example.com"), Email("m6@example.com"), Cookie("c1")}));
  ASSERT_THAT(outcome.refused, SizeIs(1));
  EXPECT_EQ(outcome.refused[0].identifier().type(), "email");
  EXPECT_EQ(outcome.resolution->identifiers_size(), 2);
}

TEST(IdentityTest, BlockedAndMalformedValuesAreRefusedAndTheRestGoesOn) {
  Identity identity;
  const Outcome outcome = identity.Take(
      Event("e1", {Customer("undefined"), Phone("12"), Id("not a type", "x", "v"), Email("som@example.com")}));
  EXPECT_THAT(outcome.reasons, ElementsAre(events::v1::LINK_REFUSAL_REASON_BLOCKED_VALUE,
                                           events::v1::LINK_REFUSAL_REASON_MALFORMED_VALUE,
                                           events::v1::LINK_REFUSAL_REASON_MALFORMED_VALUE));
  EXPECT_EQ(outcome.refused[0].identifier().type(), "customer_id");
  EXPECT_EQ(outcome.refused[0].identifier().key(), "");
  EXPECT_EQ(outcome.refused[2].identifier().type(), "");
  EXPECT_EQ(outcome.profile_id, ProfileAt(outcome.offset, 3));
  EXPECT_EQ(outcome.resolution->refused_count(), 3);
}

TEST(IdentityTest, AnEventWithNothingLeftLandsOnAProfileOfItsOwn) {
  Identity identity;
  const Outcome refused = identity.Take(Event("e1", {Email("null"), Phone("000")}));
  EXPECT_EQ(refused.resolution->match(), Resolution::MATCH_REFUSED);
  const Outcome none = identity.Take(Event("e2"));
  EXPECT_EQ(none.resolution->match(), Resolution::MATCH_NEW);
  EXPECT_EQ(refused.profile_id, ProfileAt(refused.offset, 0));
  EXPECT_EQ(none.profile_id, ProfileAt(none.offset, 0));
  EXPECT_EQ(identity.Survivor(none.profile_id), none.profile_id);
}

TEST(IdentityTest, OnlyTheSubjectsIdentifiersMatch) {
  Identity identity;
  const Outcome booker = identity.Take(Event("e1", {Email("booker@example.com")}));
  const Outcome guest = identity.Take(
      Event("e2", {As(events::v1::IDENTIFIER_ROLE_BOOKER, Email("booker@example.com")), Email("guest@example.com")}));
  EXPECT_NE(guest.profile_id, booker.profile_id);
  EXPECT_THAT(guest.refused, IsEmpty());
  EXPECT_EQ(guest.profile_id, ProfileAt(guest.offset, 1));
  const Outcome subject =
      identity.Take(Event("e3", {As(events::v1::IDENTIFIER_ROLE_SUBJECT, Email("guest@example.com"))}));
  EXPECT_EQ(subject.profile_id, guest.profile_id);
}

TEST(IdentityTest, ARetryIsNotPassedOnAndAConflictIsTold) {
  Identity identity;
  const Outcome first = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome retry = identity.Take(Event("e1", {Cookie("c1")}));
  EXPECT_FALSE(retry.resolution.has_value());
  ASSERT_TRUE(retry.duplicate.has_value());
  EXPECT_EQ(retry.duplicate->first_offset(), first.offset.value());
  EXPECT_FALSE(retry.duplicate->conflict());
  events::v1::CustomerEvent other = Event("e1", {Cookie("c2")});
  other.set_body_digest("another");
  const Outcome conflict = identity.Take(other);
  EXPECT_FALSE(conflict.resolution.has_value());
  EXPECT_TRUE(conflict.duplicate->conflict());
  EXPECT_EQ(identity.ProfileOf(Cookie("c2")), "");
  // Of another source, or in another workspace, it is another event.
  other.set_source_id("app");
  EXPECT_TRUE(identity.Take(other).resolution.has_value());
  other.set_workspace_id("w2");
  EXPECT_TRUE(identity.Take(other).resolution.has_value());
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, ADuplicateInTheSameBatchIsFoundToo) {
  Identity identity;
  identity.Append(Event("e1", {Cookie("c1")}));
  identity.Append(Event("e1", {Cookie("c1")}));
  ASSERT_TRUE(identity.driver().Run());
  EXPECT_THAT(identity.Journey(), SizeIs(1));
}

TEST(IdentityTest, BothSidesOfALinkAreTheSubjects) {
  Identity identity;
  const Outcome cookie = identity.Take(Event("e1", {Cookie("c1")}));
  const Outcome customer = identity.Take(Event("e2", {Customer("17")}));
  const Outcome link = identity.Take(Linking("e3", Cookie("c1"), Customer("17")));
  ASSERT_THAT(link.merged, SizeIs(1));
  EXPECT_EQ(link.merged[0].loser_id(), customer.profile_id);
  EXPECT_EQ(link.profile_id, cookie.profile_id);
  // New ones are numbered behind the event's own.
  events::v1::CustomerEvent event = Linking("e4", Cookie("c8"), Email("som@example.com"));
  *event.add_identifiers() = As(events::v1::IDENTIFIER_ROLE_PAYER, Email("other@example.com"));
  const Outcome fresh = identity.Take(event);
  EXPECT_EQ(fresh.profile_id, ProfileAt(fresh.offset, 1));
  EXPECT_EQ(identity.ProfileOf(Email("som@example.com")), fresh.profile_id);
}

TEST(IdentityTest, ALinkToSomebodyElsesIdentifierIsRefusedByItsRole) {
  Identity identity;
  const Outcome outcome =
      identity.Take(Linking("e1", Cookie("c1"), As(events::v1::IDENTIFIER_ROLE_PAYER, Email("payer@example.com"))));
  EXPECT_THAT(outcome.reasons, ElementsAre(events::v1::LINK_REFUSAL_REASON_ROLE_NOT_SUBJECT));
  EXPECT_EQ(outcome.resolution->refused_count(), 0);
  EXPECT_EQ(identity.ProfileOf(Email("payer@example.com")), "");
}

TEST(IdentityTest, SubjectsOfDifferentKindsNeverMatch) {
  Identity identity;
  const Outcome person = identity.Take(Event("e1", {Phone("0812345678")}));
  events::v1::CustomerEvent event = Event("e2", {Phone("0812345678")});
  event.set_subject_kind(events::v1::SUBJECT_KIND_ACCOUNT);
  const Outcome company = identity.Take(event);
  EXPECT_NE(company.profile_id, person.profile_id);
  EXPECT_THAT(company.refused, IsEmpty());
  event.set_event_id("e3");
  EXPECT_EQ(identity.Take(event).profile_id, company.profile_id);
  EXPECT_EQ(identity.ProfileOf(Phone("0812345678")), person.profile_id);
  EXPECT_EQ(identity.ProfileOf(Phone("0812345678"), events::v1::SUBJECT_KIND_ACCOUNT), company.profile_id);
}

TEST(IdentityTest, WorkspacesShareNobody) {
  Identity identity;
  const Outcome here = identity.Take(Event("e1", {Email("som@example.com")}));
  events::v1::CustomerEvent event = Event("e1", {Email("som@example.com")});
  event.set_workspace_id("w2");
  EXPECT_NE(identity.Take(event).profile_id, here.profile_id);
}

TEST(IdentityTest, WhatIsNoEventGoesToTheDeadLettersAndThePartitionGoesOn) {
  Identity identity;
  const Outcome noise = identity.Take({.key = "w1", .type = "customer_event", .value = "\xff\xff noise"});
  ASSERT_TRUE(noise.dead.has_value());
  EXPECT_EQ(noise.dead->reason(), "MALFORMED");
  events::v1::CustomerEvent nameless = Event("", {Cookie("c1")});
  EXPECT_EQ(identity.Take(nameless).dead->reason(), "REQUIRED");
  events::v1::CustomerEvent resolved = Event("e1", {Cookie("c1")});
  resolved.mutable_resolution()->set_profile_id("p0-1-0");
  EXPECT_EQ(identity.Take(resolved).dead->reason(), "UNEXPECTED");
  events::v1::CustomerEvent crowd = Event("e2");
  for (int i = 0; i <= kMaxEventIdentifiers; ++i) *crowd.add_identifiers() = Cookie(fmt::format("c{}", i));
  EXPECT_EQ(identity.Take(crowd).dead->reason(), "TOO_MANY");
  EXPECT_THAT(identity.driver().RecordsOf({"dead_letter", eventlog::Partition(0)}), SizeIs(4));
  EXPECT_TRUE(identity.Take(Event("e1", {Cookie("c1")})).resolution.has_value());
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, ATypeThatItDoesNotKnowHaltsIt) {
  Identity identity;
  identity.driver().Pipe({.key = "w1", .type = "from_the_future", .value = ""});
  EXPECT_EQ(identity.driver().task().status().state, processor::TaskState::kHalted);
}

// Finds every event of the cookie's unusable until mended.
class Broken final : public processor::Processor {
 public:
  Broken(std::unique_ptr<processor::Processor> inner, const bool* mended) : inner_(std::move(inner)), mended_(mended) {}
  std::string_view name() const override { return inner_->name(); }
  uint32_t format() const override { return inner_->format(); }
  processor::Handling Handles(std::string_view type) const override { return inner_->Handles(type); }
  void Prefetch(const processor::Fact& fact, processor::KeySet& keys) const override { inner_->Prefetch(fact, keys); }
  absl::Status ApplyFact(const processor::Fact& fact, const processor::KindView<Kind::kFacts>& facts,
                         processor::Writer<Kind::kFacts>& out) override {
    absl::Status applied = inner_->ApplyFact(fact, facts, out);
    // After it has written: nothing of it may stay.
    if (!*mended_ && applied.ok()) return absl::InvalidArgumentError("not today");
    return applied;
  }
  void ApplyDecision(const processor::Decision& decision, const DecisionsView& view, DecisionsWriter& out) override {
    inner_->ApplyDecision(decision, view, out);
  }
  void Derive(const processor::Changes&, const processor::View&, processor::Writer<Kind::kCaches>&) override {}
  processor::Decided Decide(const processor::Input& input, const processor::View& view, absl::Time now) override {
    return inner_->Decide(input, view, now);
  }

 private:
  const std::unique_ptr<processor::Processor> inner_;
  const bool* const mended_;
};

TEST(IdentityTest, ARedrivenEventIsResolvedOnceAtItsNewPlace) {
  bool mended = false;
  Identity identity({.wrap = [&](std::unique_ptr<processor::Processor> inner) {
    return std::make_unique<Broken>(std::move(inner), &mended);
  }});
  const Outcome dead = identity.Take(Event("e1", {Cookie("c1")}));
  ASSERT_TRUE(dead.dead.has_value());
  mended = true;
  events::v1::Redriven redriven;
  redriven.set_fact(dead.offset.value());
  ASSERT_EQ(identity.driver().Send("r1", "redrive", redriven)->code, absl::StatusCode::kOk);
  const auto profiles = identity.ProfilesOfEvents();
  ASSERT_TRUE(profiles.contains("e1"));
  EXPECT_EQ(identity.ProfileOf(Cookie("c1")), profiles.at("e1"));
  EXPECT_NE(profiles.at("e1"), ProfileAt(dead.offset, 0));
  // The client's own retry is a duplicate of it by now.
  EXPECT_TRUE(identity.Take(Event("e1", {Cookie("c1")})).duplicate.has_value());
}

TEST(IdentityTest, ARestartAndALostProjectionChangeNothing) {
  Identity identity;
  const Outcome first = identity.Take(Event("e1", {Cookie("c1")}));
  identity.driver().Restart();
  EXPECT_EQ(identity.Take(Event("e2", {Cookie("c1")})).profile_id, first.profile_id);
  identity.driver().LoseProjection();
  EXPECT_EQ(identity.Take(Event("e3", {Cookie("c1")})).profile_id, first.profile_id);
  EXPECT_TRUE(identity.Take(Event("e1", {Cookie("c1")})).duplicate.has_value());
  for (const auto& [event_id, profile_id] : identity.ProfilesOfEvents()) EXPECT_EQ(profile_id, first.profile_id);
  EXPECT_TRUE(identity.RebuildsTheSame());
}

TEST(IdentityTest, EveryRefusalIsKeptWithTheEventThatCarriedIt) {
  Identity identity;
  const Outcome outcome = identity.Take(Event("e1", {Email("null"), Phone("12"), Cookie("c1")}));
  std::vector<std::pair<int64_t, int32_t>> places;
  const auto snapshot = identity.driver().Snapshot();
  snapshot->view().Scan(kRefusals, std::tuple(std::string(kWorkspace)), [&](const auto& key, const auto& row) {
    places.emplace_back(std::get<1>(key), std::get<2>(key));
    EXPECT_EQ(row->event_id(), "e1");
    EXPECT_EQ(row->source_id(), "web");
    EXPECT_EQ(row->decided_at_micros(), absl::ToUnixMicros(identity.driver().clock().Now()));
    EXPECT_EQ(row->refused().profile_id(), outcome.profile_id);
    return true;
  });
  EXPECT_THAT(places, ElementsAre(std::pair(outcome.offset.value(), 0), std::pair(outcome.offset.value(), 1)));
}

}  // namespace
}  // namespace tributary::identity::testing
