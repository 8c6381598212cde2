// Traits and consents over real gRPC.
#include <set>

#include "profile/tests/front_fixture.h"
#include "profile/tests/statements.h"

namespace tributary::profile::testing {
namespace {

class TraitsFrontTest : public ProfileFrontTest {};
class ConsentsFrontTest : public ProfileFrontTest {};

std::set<std::string> Holding(const v1::ListConsentsResponse& page) {
  std::set<std::string> addresses;
  for (const v1::Consent& consent : page.consents()) {
    if (consent.holds()) addresses.insert(consent.contact_point().address());
  }
  return addresses;
}

TEST_F(TraitsFrontTest, TraitsAreThoseOfTheMomentOfTheCall) {
  CustomerEvent said = Event("p0-1-0", "t", 100);
  said.mutable_traits_stated()->set_language("th");
  Put("p0-1-0", said);
  Put("p0-1-0", Order("p0-1-0", "o", 400, "A", 0, Cents("THB", 100)));
  Put("p0-1-0", PointsEvent("p0-1-0", "p", 500, "gold", "1", 7));
  v1::GetTraitsRequest request;
  request.mutable_profile()->mutable_identifier()->set_type("email");
  request.mutable_profile()->mutable_identifier()->set_value("a@example.com");
  const auto traits = Call(&ProfileService::Stub::GetTraits, request);
  ASSERT_TRUE(traits.ok()) << traits.status();
  EXPECT_EQ(traits->profile_id(), "p0-1-0");
  EXPECT_EQ(StatedText(*traits), "language=th");
  EXPECT_EQ(PointsText(*traits), "gold 7 of 1");
  EXPECT_EQ(traits->computed().recency().seconds(), 600);
  EXPECT_EQ(traits->computed().as_of().seconds(), 1'000);
  now_.Advance(absl::Seconds(5));
  EXPECT_EQ(Call(&ProfileService::Stub::GetTraits, request)->computed().recency().seconds(), 605);
}

TEST_F(ConsentsFrontTest, ConsentsArePagedAndAsOfNowUnlessAMomentIsAsked) {
  CustomerEvent given =
      ConsentEvent("p0-1-0", "c0", 100, "0@example.com", "news", events::v1::ConsentStated::STATUS_GIVEN);
  *given.mutable_consent_stated()->mutable_valid_until() = At(1'001);
  Put("p0-1-0", given);
  for (const char* address : {"1@example.com", "2@example.com"}) {
    Put("p0-1-0", ConsentEvent("p0-1-0", address, 200, address, "news", events::v1::ConsentStated::STATUS_GIVEN));
  }
  v1::ListConsentsRequest request;
  request.mutable_profile()->set_profile_id("p0-1-0");
  request.set_page_size(2);
  std::set<std::string> holding;
  int pages = 0;
  do {
    const auto page = Call(&ProfileService::Stub::ListConsents, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->as_of().seconds(), 1'000);
    holding.merge(Holding(*page));
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty() && pages < 10);
  EXPECT_EQ(pages, 2);
  EXPECT_THAT(holding, ::testing::ElementsAre("0@example.com", "1@example.com", "2@example.com"));
  *request.mutable_as_of() = At(100);
  EXPECT_EQ(Call(&ProfileService::Stub::ListConsents, request)->consents_size(), 1);
  now_.Advance(absl::Seconds(1));
  request.clear_as_of();
  request.set_page_size(0);
  const auto later = Call(&ProfileService::Stub::ListConsents, request);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->consents_size(), 3);
  EXPECT_THAT(Holding(*later), ::testing::ElementsAre("1@example.com", "2@example.com")) << "the first has ended";
}

TEST_F(TraitsFrontTest, AMergeAcrossPartitionsBringsWhatBothSaidAndOwn) {
  const std::string winner = IdIn(0);
  const std::string loser = IdIn(1);
  CustomerEvent said = Event(winner, "w", 100);
  said.mutable_traits_stated()->set_language("en");
  AddTrait("size", "M", said.mutable_traits_stated());
  Put(winner, said);
  Put(winner, PointsEvent(winner, "wp", 100, "gold", "1", 50));
  CustomerEvent later = Event(loser, "l", 200);
  later.mutable_traits_stated()->set_language("th");
  Put(loser, later);
  Put(loser, PointsEvent(loser, "lp", 200, "gold", "1", 50));  // the same posting, reported twice
  Put(loser, PointsEvent(loser, "lq", 200, "gold", "2", 5));
  Put(loser, Order(loser, "lo", 300, "A", 0, Cents("THB", 100)));
  Put(loser, ConsentEvent(loser, "c", 300, "a@example.com", "news", events::v1::ConsentStated::STATUS_GIVEN));
  Put(loser, Merge(winner, loser));
  Put(winner, Merge(winner, loser));
  for (const std::string& id : {winner, loser}) {
    v1::GetTraitsRequest request;
    request.mutable_profile()->set_profile_id(id);
    const auto traits = Call(&ProfileService::Stub::GetTraits, request);
    ASSERT_TRUE(traits.ok()) << traits.status();
    EXPECT_EQ(traits->profile_id(), winner);
    EXPECT_EQ(StatedText(*traits), "language=th traits.size=M");
    EXPECT_EQ(PointsText(*traits), "gold 55 of 2");
    EXPECT_EQ(traits->computed().last_order_at().seconds(), 300);
    v1::ListConsentsRequest consents;
    consents.mutable_profile()->set_profile_id(id);
    const auto page = Call(&ProfileService::Stub::ListConsents, consents);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_THAT(Holding(*page), ::testing::ElementsAre("a@example.com"));
  }
}

TEST_F(TraitsFrontTest, AnotherWorkspacesTraitsAndConsentsAreNotFound) {
  Put("p0-1-0", Event("p0-1-0", "a", 100));
  v1::GetTraitsRequest traits;
  traits.mutable_profile()->set_profile_id("p0-1-0");
  v1::ListConsentsRequest consents;
  consents.mutable_profile()->set_profile_id("p0-1-0");
  EXPECT_TRUE(Call(&ProfileService::Stub::GetTraits, traits).ok());
  EXPECT_TRUE(Call(&ProfileService::Stub::ListConsents, consents).ok());
  ExpectError(Call(&ProfileService::Stub::GetTraits, traits, kForeignSecret).status(), absl::StatusCode::kNotFound,
              "PROFILE_NOT_FOUND", "profile");
  ExpectError(Call(&ProfileService::Stub::ListConsents, consents, kForeignSecret).status(), absl::StatusCode::kNotFound,
              "PROFILE_NOT_FOUND", "profile");
}

TEST_F(ConsentsFrontTest, ErrorsNameFieldAndMend) {
  const auto error = [this](const std::function<void(v1::ListConsentsRequest&)>& spoil) {
    v1::ListConsentsRequest request;
    request.mutable_profile()->set_profile_id("p0-1-0");
    spoil(request);
    return Call(&ProfileService::Stub::ListConsents, request).status();
  };
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  ExpectError(error([](auto& r) { r.mutable_as_of()->set_nanos(-1); }), kInvalid, "MALFORMED", "as_of");
  ExpectError(error([](auto& r) { r.set_page_size(-1); }), kInvalid, "OUT_OF_RANGE", "page_size");
  ExpectError(error([](auto& r) { r.set_page_token("?"); }), kInvalid, "INVALID_PAGE_TOKEN", "page_token");
}

}  // namespace
}  // namespace tributary::profile::testing
