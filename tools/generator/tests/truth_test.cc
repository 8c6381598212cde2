#include "tributary/generator/truth.h"

#include <algorithm>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TrueIdentifier Of(std::vector<int32_t> persons, int32_t group) {
  return {"email", "", "someone@example.com", std::move(persons), group};
}

// What ScorePairs counts, one pair after the other.
PairScore ByEnumeration(const std::vector<TrueIdentifier>& all, const std::vector<std::string>& profile_of) {
  PairScore score;
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      const bool together = !profile_of[i].empty() && profile_of[i] == profile_of[j];
      const bool one_person = std::any_of(all[i].persons.begin(), all[i].persons.end(), [&](int32_t person) {
        return std::binary_search(all[j].persons.begin(), all[j].persons.end(), person);
      });
      const bool linkable = all[i].group > 0 && all[i].group == all[j].group;
      score.same_profile += together ? 1 : 0;
      const bool alone = one_person && all[i].persons.size() == 1 && all[j].persons.size() == 1;
      score.same_person += alone ? 1 : 0;
      score.joined += alone && together ? 1 : 0;
      score.right += together && one_person ? 1 : 0;
      score.linkable += linkable ? 1 : 0;
      score.linked += linkable && together ? 1 : 0;
    }
  }
  return score;
}

TEST(PairScoreTest, CountsWhatEnumeratingThePairsCounts) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    std::vector<TrueIdentifier> identifiers;
    std::vector<std::string> profile_of;
    for (uint64_t i = 0; i < 1 + seed; ++i) {
      const auto person = static_cast<int32_t>(1 + random.Below(6));
      if (random.Chance(20)) {
        identifiers.push_back(Of({person, person + 1, person + 3}, 0));
      } else {
        identifiers.push_back(Of({person}, random.Chance(60) ? person : person + 10));
      }
      profile_of.push_back(random.Chance(10) ? "" : std::to_string(random.Below(7)));
    }
    const PairScore counted = ScorePairs(identifiers, profile_of);
    const PairScore enumerated = ByEnumeration(identifiers, profile_of);
    EXPECT_EQ(counted.same_profile, enumerated.same_profile) << seed;
    EXPECT_EQ(counted.right, enumerated.right) << seed;
    EXPECT_EQ(counted.same_person, enumerated.same_person) << seed;
    EXPECT_EQ(counted.joined, enumerated.joined) << seed;
    EXPECT_EQ(counted.linkable, enumerated.linkable) << seed;
    EXPECT_EQ(counted.linked, enumerated.linked) << seed;
  }
}

TEST(PairScoreTest, EverythingRightIsOne) {
  const PairScore score = ScorePairs({Of({1}, 1), Of({1}, 1), Of({2}, 2)}, {"a", "a", "b"});
  EXPECT_EQ(score.profiles, 2);
  EXPECT_EQ(score.precision(), 1);
  EXPECT_EQ(score.recall(), 1);
  EXPECT_EQ(score.linkable_recall(), 1);
}

TEST(PairScoreTest, StrangersInOneProfileCostPrecision) {
  const PairScore score = ScorePairs({Of({1}, 1), Of({1}, 1), Of({2}, 2)}, {"a", "a", "a"});
  EXPECT_EQ(score.precision(), 1.0 / 3);
  EXPECT_EQ(score.recall(), 1);
}

TEST(PairScoreTest, OnePersonInPiecesCostsRecallAndWhatNoRuleKnowsIsNotLinkable) {
  const PairScore score = ScorePairs({Of({1}, 1), Of({1}, 1), Of({1}, 2)}, {"a", "a", "b"});
  EXPECT_EQ(score.precision(), 1);
  EXPECT_EQ(score.recall(), 1.0 / 3);
  EXPECT_EQ(score.linkable_recall(), 1);
}

TEST(PairScoreTest, WhatIsSharedIsRightWithAnyOfItsPersonsAndMissedByNone) {
  const PairScore score = ScorePairs({Of({1}, 1), Of({1, 2}, 0), Of({2}, 2)}, {"a", "a", "b"});
  EXPECT_EQ(score.same_profile, 1);
  EXPECT_EQ(score.precision(), 1);
  EXPECT_EQ(score.same_person, 0);
  EXPECT_EQ(score.recall(), 1);
}

TEST(PairScoreTest, AnIdentifierOfNoProfileIsInNoPair) {
  const PairScore score = ScorePairs({Of({1}, 1), Of({1}, 1)}, {"", ""});
  EXPECT_EQ(score.found, 0);
  EXPECT_EQ(score.same_profile, 0);
  EXPECT_EQ(score.linked, 0);
  EXPECT_EQ(score.linkable_recall(), 0);
}

TEST(TruthTest, IsReadAsItWasWritten) {
  const Truth truth{.events = {{"web", "web-000001", 7}},
                    .identifiers = {{"phone", "", "+66812345678", {7, 8}, 0}, {"cookie", "web", "ก\"1", {7}, 3}}};
  std::istringstream in(FormatTruth(truth));
  const auto read = ParseTruth(in);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->events.size(), 1u);
  EXPECT_EQ(read->events[0].event_id, "web-000001");
  EXPECT_EQ(read->events[0].person, 7);
  ASSERT_EQ(read->identifiers.size(), 2u);
  EXPECT_EQ(read->identifiers[0].persons, (std::vector<int32_t>{7, 8}));
  EXPECT_EQ(read->identifiers[1].value, "ก\"1");
  EXPECT_EQ(read->identifiers[1].group, 3);
}

TEST(TruthTest, ALineThatIsNoRecordIsNamedWithoutItsContent) {
  for (const std::string bad :
       {"somchai@example.com", "{}", R"({"record":"person"})",
        R"({"record":"identifier","type":"email","issuer":"","value":"x","persons":[],"group":0})"}) {
    std::istringstream in(FormatTruth({.events = {{"web", "e", 1}}, .identifiers = {}}) + bad + "\n");
    const auto read = ParseTruth(in);
    ASSERT_FALSE(read.ok()) << bad;
    EXPECT_EQ(DetailOf(read.status())->field, "line 2");
    EXPECT_THAT(std::string(FromAbsl(read.status().message())), Not(HasSubstr("example.com")));
  }
}

}  // namespace
}  // namespace tributary::generator
