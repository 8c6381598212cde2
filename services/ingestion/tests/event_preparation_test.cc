#include "ingestion/event_preparation.h"

#include <cmath>
#include <functional>
#include <limits>
#include <ostream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ingestion/event_checks.h"
#include "tests/harness.h"

namespace tributary::ingestion::testing {
namespace {

using events::v1::CustomerEvent;
using events::v1::Identifier;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);  // 2026-01-01

std::shared_ptr<const WorkspaceEntry> Workspace() {
  auto workspace = std::make_shared<WorkspaceEntry>();
  workspace->workspace_id = "w";
  workspace->default_currency = "THB";
  workspace->sources["web"] = {"web", events::v1::CHANNEL_WEB, 5, true};
  workspace->sources["till"] = {"till", events::v1::CHANNEL_STORE, 0, true};
  workspace->sources["old"] = {"old", events::v1::CHANNEL_STORE, 0, false};
  return workspace;
}

struct Outcome {
  bool accepted = false;
  CustomerEvent event;  // as stored
  eventlog::Record record;
  v1::IngestError error;
};

Outcome Prepare(CustomerEvent event, const std::string& bound_source = "web") {
  EventPreparation preparation(Workspace(), bound_source, kNow, "00-trace");
  Outcome outcome;
  outcome.accepted = preparation.Prepare(event, &outcome.record, &outcome.error);
  if (outcome.accepted) {
    EXPECT_TRUE(outcome.event.ParseFromString(outcome.record.value));
  }
  return outcome;
}

CustomerEvent Good() { return GoodEvent("e1", kNow); }

CustomerEvent Order() {
  CustomerEvent event = Good();
  auto& order = *event.mutable_order_stated();
  order.mutable_order()->set_issuer("pos");
  order.mutable_order()->set_order_id("1");
  order.mutable_total()->set_units(100);
  order.mutable_total()->set_currency("THB");
  auto& line = *order.add_lines();
  line.mutable_product()->set_product_id("p");
  line.mutable_quantity()->set_units(1);
  line.mutable_unit_price()->set_units(100);
  line.mutable_unit_price()->set_currency("THB");
  return event;
}

CustomerEvent Correction() {
  CustomerEvent event = Good();
  event.mutable_event_corrected()->mutable_event()->set_event_id("e0");
  event.mutable_event_corrected()->mutable_replacement()->mutable_tracked()->set_name("x");
  return event;
}

void AddProperty(CustomerEvent& event, const std::string& key) {
  auto& property = *event.add_properties();
  property.set_key(key);
  property.mutable_value()->set_bool_value(true);
}

struct Case {
  std::string name;
  CustomerEvent event;
  std::string reason;  // empty: accepted
  std::string field;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

Case Changed(std::string name, CustomerEvent event, const std::function<void(CustomerEvent&)>& change,
             std::string reason, std::string field) {
  change(event);
  return {std::move(name), std::move(event), std::move(reason), std::move(field)};
}

std::vector<Case> EnvelopeCases() {
  using E = CustomerEvent&;
  const CustomerEvent good = Good();
  return {
      Changed(
          "Good", good, [](E) {}, "", ""),
      Changed(
          "NoId", good, [](E e) { e.clear_event_id(); }, "REQUIRED", "event_id"),
      Changed(
          "LongId", good, [](E e) { e.set_event_id(std::string(129, 'x')); }, "TOO_LONG", "event_id"),
      Changed(
          "LongestId", good, [](E e) { e.set_event_id(std::string(128, 'x')); }, "", ""),
      Changed(
          "ControlInId", good, [](E e) { e.set_event_id("a\n"); }, "MALFORMED", "event_id"),
      Changed(
          "ThaiInId", good, [](E e) { e.set_event_id("ก"); }, "MALFORMED", "event_id"),
      Changed(
          "NoTime", good, [](E e) { e.clear_occurred_at(); }, "REQUIRED", "occurred_at"),
      Changed(
          "BadNanos", good, [](E e) { e.mutable_occurred_at()->set_nanos(-1); }, "MALFORMED", "occurred_at"),
      Changed(
          "BadSentAt", good, [](E e) { e.mutable_sent_at()->set_nanos(-1); }, "MALFORMED", "sent_at"),
      Changed(
          "Before1970", good, [](E e) { e.mutable_occurred_at()->set_seconds(-1); }, "TOO_OLD", "occurred_at"),
      Changed(
          "Tomorrow", good, [](E e) { SetProto(kNow + kMaxAhead, e.mutable_occurred_at()); }, "", ""),
      Changed(
          "AfterTomorrow", good,
          [](E e) { SetProto(kNow + kMaxAhead + absl::Nanoseconds(1), e.mutable_occurred_at()); }, "FUTURE",
          "occurred_at"),
      Changed(
          "NoIdentifier", good, [](E e) { e.clear_identifiers(); }, "REQUIRED", "identifiers"),
      Changed(
          "NoSubject", good, [](E e) { e.mutable_identifiers(0)->set_role(events::v1::IDENTIFIER_ROLE_PAYER); },
          "REQUIRED", "identifiers"),
      Changed(
          "ManyIdentifiers", good,
          [](E e) {
            while (e.identifiers_size() < 21) *e.add_identifiers() = e.identifiers(0);
          },
          "TOO_MANY", "identifiers"),
      Changed(
          "UnknownType", good, [](E e) { e.mutable_identifiers(0)->set_type("E-Mail"); }, "UNKNOWN_TYPE",
          "identifiers[0].type"),
      Changed(
          "MissingIssuer", good, [](E e) { e.mutable_identifiers(0)->clear_issuer(); }, "MISSING_ISSUER",
          "identifiers[0].issuer"),
      Changed(
          "UnexpectedIssuer", good, [](E e) { e.mutable_identifiers(0)->set_type("email"); }, "UNEXPECTED_ISSUER",
          "identifiers[0].issuer"),
      Changed(
          "MalformedIssuer", good, [](E e) { e.mutable_identifiers(0)->set_issuer("My Shop"); }, "MALFORMED",
          "identifiers[0].issuer"),
      Changed(
          "TypingErrorIsForIdentity", good,
          [](E e) {
            e.mutable_identifiers(0)->set_type("email");
            e.mutable_identifiers(0)->clear_issuer();
            e.mutable_identifiers(0)->set_value("somchai@@example");
          },
          "", ""),
      Changed(
          "BlockedValueIsForIdentity", good, [](E e) { e.mutable_identifiers(0)->set_value("null"); }, "", ""),
      Changed(
          "EmptyValue", good, [](E e) { e.mutable_identifiers(0)->clear_value(); }, "REQUIRED", "identifiers[0].value"),
      Changed(
          "ContactPointWithoutChannel", good, [](E e) { e.add_contact_points()->set_address("x"); }, "REQUIRED",
          "contact_points[0].channel"),
      Changed(
          "UnknownChannel", good, [](E e) { e.set_channel(static_cast<events::v1::Channel>(99)); }, "MALFORMED",
          "channel"),
      Changed(
          "Zone", good, [](E e) { e.set_time_zone("Asia/Bangkok"); }, "", ""),
      Changed(
          "UnknownZone", good, [](E e) { e.set_time_zone("Asia/Atlantis"); }, "UNKNOWN_TIME_ZONE", "time_zone"),
      Changed(
          "LeapDay", good, [](E e) { e.set_business_date("2024-02-29"); }, "", ""),
      Changed(
          "NoLeapDay", good, [](E e) { e.set_business_date("2026-02-29"); }, "MALFORMED", "business_date"),
      Changed(
          "NoBody", good, [](E e) { e.clear_page_viewed(); }, "REQUIRED", "body"),
      Changed(
          "TooLarge", good, [](E e) { e.set_conversation_id(std::string(kMaxEventBytes, 'x')); }, "TOO_LARGE", ""),
      Changed(
          "PropertyTwice", good,
          [](E e) {
            AddProperty(e, "b");
            AddProperty(e, "a");
            AddProperty(e, "b");
          },
          "DUPLICATE", "properties"),
      Changed(
          "PropertyWithoutValue", good, [](E e) { e.add_properties()->set_key("a"); }, "REQUIRED",
          "properties[0].value"),
      Changed(
          "NotANumber", good,
          [](E e) {
            AddProperty(e, "a");
            e.mutable_properties(0)->mutable_value()->set_double_value(std::numeric_limits<double>::quiet_NaN());
          },
          "OUT_OF_RANGE", "properties[0].value.double_value"),
      Changed(
          "ListInList", good,
          [](E e) {
            AddProperty(e, "a");
            e.mutable_properties(0)->mutable_value()->mutable_list_value()->add_values()->mutable_list_value();
          },
          "MALFORMED", "properties[0].value.list_value.values[0]"),
      Changed(
          "OtherSource", good, [](E e) { e.set_source_id("till"); }, "SOURCE_MISMATCH", "source_id"),
  };
}

std::vector<Case> BodyCases() {
  using E = CustomerEvent&;
  const CustomerEvent order = Order();
  const CustomerEvent correction = Correction();
  std::vector<Case> cases = {
      Changed(
          "Order", order, [](E) {}, "", ""),
      Changed(
          "OrderWithoutId", order, [](E e) { e.mutable_order_stated()->mutable_order()->clear_order_id(); }, "REQUIRED",
          "order_stated.order.order_id"),
      Changed(
          "OrderWithoutTotal", order, [](E e) { e.mutable_order_stated()->clear_total(); }, "REQUIRED",
          "order_stated.total"),
      Changed(
          "NegativeTotal", order, [](E e) { e.mutable_order_stated()->mutable_total()->set_units(-1); }, "OUT_OF_RANGE",
          "order_stated.total"),
      Changed(
          "MixedSigns", order, [](E e) { e.mutable_order_stated()->mutable_total()->set_nanos(-1); }, "MALFORMED",
          "order_stated.total"),
      Changed(
          "LowerCaseCurrency", order, [](E e) { e.mutable_order_stated()->mutable_total()->set_currency("thb"); },
          "MALFORMED", "order_stated.total.currency"),
      Changed(
          "TwoCurrencies", order,
          [](E e) { e.mutable_order_stated()->mutable_lines(0)->mutable_unit_price()->set_currency("USD"); },
          "CURRENCY_MISMATCH", "order_stated.lines[0].unit_price.currency"),
      Changed(
          "NoQuantity", order,
          [](E e) { e.mutable_order_stated()->mutable_lines(0)->mutable_quantity()->set_units(0); }, "OUT_OF_RANGE",
          "order_stated.lines[0].quantity"),
      Changed(
          "SameLineTwice", order,
          [](E e) {
            *e.mutable_order_stated()->add_lines() = e.order_stated().lines(0);
            e.mutable_order_stated()->mutable_lines(1)->set_line_id("1");
          },
          "DUPLICATE", "order_stated.lines[1].line_id"),
      Changed(
          "StayEndsBeforeItBegins", Good(),
          [](E e) {
            auto& stay = *e.mutable_stay_stated();
            stay.set_issuer("pms");
            stay.set_reservation_id("r");
            stay.set_status(events::v1::StayStated::STATUS_BOOKED);
            stay.set_arrival_date("2026-01-02");
            stay.set_departure_date("2026-01-01");
          },
          "OUT_OF_RANGE", "stay_stated.departure_date"),
      Changed(
          "ScoreBeyondScale", Good(),
          [](E e) {
            auto& survey = *e.mutable_survey_answered();
            survey.set_survey_id("s");
            survey.set_response_id("r");
            auto& answer = *survey.add_answers();
            answer.set_question_id("q");
            answer.set_kind(events::v1::SurveyAnswer::KIND_CSAT);
            answer.mutable_score()->set_units(6);
            answer.mutable_max()->set_units(5);
          },
          "OUT_OF_RANGE", "survey_answered.answers[0].score"),
      Changed(
          "ConsentToEverything", Good(),
          [](E e) { e.mutable_consent_stated()->set_status(events::v1::ConsentStated::STATUS_GIVEN); }, "REQUIRED",
          "consent_stated.purpose"),
      Changed(
          "WithdrawalOfEverything", Good(),
          [](E e) { e.mutable_consent_stated()->set_status(events::v1::ConsentStated::STATUS_WITHDRAWN); }, "", ""),
      Changed(
          "BirthdayWithoutYear", Good(), [](E e) { e.mutable_traits_stated()->set_birth_date("--02-29"); }, "", ""),
      Changed(
          "BuddhistEraBirthdayShape", Good(), [](E e) { e.mutable_traits_stated()->set_birth_date("29/2/2567"); },
          "MALFORMED", "traits_stated.birth_date"),
      Changed(
          "RetractionOfNothing", Good(), [](E e) { e.mutable_event_retracted(); }, "REQUIRED", "event_retracted.event"),
      Changed(
          "RetractionWithoutSubject", Good(),
          [](E e) {
            e.mutable_event_retracted()->mutable_event()->set_event_id("e0");
            e.clear_identifiers();
          },
          "REQUIRED", "identifiers"),
      Changed(
          "Correction", correction, [](E) {}, "", ""),
      Changed(
          "CorrectionWithoutContent", correction, [](E e) { e.mutable_event_corrected()->clear_replacement(); },
          "REQUIRED", "event_corrected.replacement"),
      Changed(
          "CorrectionByRetraction", correction,
          [](E e) { e.mutable_event_corrected()->mutable_replacement()->mutable_event_retracted(); }, "MALFORMED",
          "event_corrected.replacement"),
      Changed(
          "CorrectionIsCheckedInside", correction,
          [](E e) { e.mutable_event_corrected()->mutable_replacement()->mutable_tracked()->clear_name(); }, "REQUIRED",
          "event_corrected.replacement.tracked.name"),
  };
  return cases;
}

class Validation : public ::testing::TestWithParam<Case> {};
TEST_P(Validation, AcceptsOrNamesReasonAndField) {
  const Outcome outcome = Prepare(GetParam().event);
  EXPECT_EQ(outcome.accepted, GetParam().reason.empty()) << outcome.error.DebugString();
  EXPECT_EQ(outcome.error.reason(), GetParam().reason);
  EXPECT_EQ(outcome.error.field(), GetParam().field);
  if (outcome.accepted) return;
  EXPECT_FALSE(outcome.error.message().empty());
  EXPECT_FALSE(outcome.error.mend().empty());
  EXPECT_THAT(outcome.error.DebugString(), Not(HasSubstr("4711"))) << "an error holds no values";
}
std::string CaseName(const ::testing::TestParamInfo<Case>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Envelope, Validation, ::testing::ValuesIn(EnvelopeCases()), CaseName);
INSTANTIATE_TEST_SUITE_P(Body, Validation, ::testing::ValuesIn(BodyCases()), CaseName);

TEST(EventPreparation, EveryEmptyBodyIsLookedAt) {
  // Each body of the contract has its checks: empty ones are refused but for those without a required field.
  const auto* const body = CustomerEvent::descriptor()->FindOneofByName("body");
  std::vector<std::string> accepted;
  for (int i = 0; i < body->field_count(); ++i) {
    CustomerEvent event = Good();
    event.clear_page_viewed();
    event.GetReflection()->MutableMessage(&event, body->field(i));
    const Outcome outcome = Prepare(event);
    if (outcome.accepted) {
      accepted.push_back(body->field(i)->name());
    } else {
      EXPECT_EQ(outcome.error.field().rfind(body->field(i)->name(), 0), 0u) << outcome.error.field();
    }
  }
  EXPECT_THAT(accepted,
              ::testing::UnorderedElementsAre("traits_stated", "account_stated", "preference_stated", "source_stated"));
}

TEST(EventPreparation, TheServersFieldsAreItsOwn) {
  CustomerEvent event = Good();
  event.set_workspace_id("someone-else");
  event.set_source_priority(1000);
  event.set_traceparent("00-forged");
  event.set_body_digest("forged");
  event.mutable_resolution()->set_profile_id("p");
  event.mutable_sealed()->set_key_id("k");
  event.mutable_claimed_occurred_at()->set_seconds(1);
  const CustomerEvent stored = Prepare(event).event;
  EXPECT_EQ(stored.workspace_id(), "w");
  EXPECT_EQ(stored.source_id(), "web");
  EXPECT_EQ(stored.source_priority(), 5);
  EXPECT_EQ(stored.channel(), events::v1::CHANNEL_WEB);
  EXPECT_EQ(stored.traceparent(), "00-trace");
  EXPECT_EQ(FromProto(stored.recorded_at()), kNow);
  EXPECT_EQ(stored.body_digest().size(), 16u);
  EXPECT_FALSE(stored.has_resolution());
  EXPECT_FALSE(stored.has_sealed());
  EXPECT_FALSE(stored.has_claimed_occurred_at());
}

TEST(EventPreparation, TheDigestTellsARetryFromAnotherBody) {
  CustomerEvent event = Good();
  const std::string digest = Prepare(event).event.body_digest();
  SetProto(kNow - absl::Hours(3), event.mutable_sent_at());
  const Outcome retry = Prepare(event);
  EXPECT_EQ(retry.event.body_digest(), digest) << "sent_at, and what it corrects, do not count";
  EXPECT_EQ(FromProto(retry.event.sent_at()), kNow - absl::Hours(3));
  event.mutable_page_viewed()->set_url("https://example.com/other");
  EXPECT_NE(Prepare(event).event.body_digest(), digest);
}

TEST(EventPreparation, AWrongClockIsCorrectedAndTheClaimKept) {
  CustomerEvent event = Good();
  SetProto(kNow - absl::Hours(50), event.mutable_occurred_at());
  SetProto(kNow - absl::Hours(49), event.mutable_sent_at());
  const CustomerEvent stored = Prepare(event).event;
  EXPECT_EQ(FromProto(stored.occurred_at()), kNow - absl::Hours(1));
  EXPECT_EQ(FromProto(stored.claimed_occurred_at()), kNow - absl::Hours(50));
}

TEST(EventPreparation, AClockThatIsRightWithinToleranceIsLeftAlone) {
  CustomerEvent event = Good();
  SetProto(kNow - kClockTolerance, event.mutable_sent_at());
  const CustomerEvent stored = Prepare(event).event;
  EXPECT_EQ(FromProto(stored.occurred_at()), kNow - absl::Hours(1));
  EXPECT_FALSE(stored.has_claimed_occurred_at());
}

TEST(EventPreparation, ATimeAheadIsClampedAndTheClaimKept) {
  CustomerEvent event = Good();
  SetProto(kNow + absl::Hours(2) + absl::Nanoseconds(5), event.mutable_occurred_at());
  const CustomerEvent stored = Prepare(event).event;
  EXPECT_EQ(FromProto(stored.occurred_at()), kNow);
  EXPECT_EQ(FromProto(stored.claimed_occurred_at()), kNow + absl::Hours(2) + absl::Nanoseconds(5));
}

TEST(EventPreparation, ABuddhistYearGetsTheGregorianOneAsMend) {
  CustomerEvent event = Good();
  SetProto(absl::FromCivil(absl::CivilDay(2568, 5, 1), absl::UTCTimeZone()), event.mutable_occurred_at());
  const Outcome outcome = Prepare(event);
  EXPECT_EQ(outcome.error.reason(), "FUTURE");
  EXPECT_THAT(outcome.error.mend(), HasSubstr("2025"));
}

TEST(EventPreparation, OneDayAheadIsClampedAndAnythingBeyondRefused) {
  CustomerEvent event = Good();
  SetProto(kNow + kMaxAhead, event.mutable_occurred_at());
  EXPECT_TRUE(Prepare(event).accepted);
  SetProto(kNow + kMaxAhead + absl::Nanoseconds(1), event.mutable_occurred_at());
  const Outcome outcome = Prepare(event);
  EXPECT_EQ(outcome.error.reason(), "FUTURE");
  EXPECT_THAT(outcome.error.mend(), HasSubstr("sent_at"));
}

TEST(EventPreparation, AClockSetToTheBuddhistEraIsAWrongClockLikeAnyOther) {
  const absl::Time buddhist = kNow + absl::Hours(24 * 365 * 543);
  CustomerEvent event = Good();
  SetProto(buddhist - absl::Minutes(5), event.mutable_occurred_at());
  SetProto(buddhist, event.mutable_sent_at());
  const CustomerEvent stored = Prepare(event).event;
  EXPECT_EQ(FromProto(stored.occurred_at()), kNow - absl::Minutes(5));
  EXPECT_EQ(FromProto(stored.claimed_occurred_at()), buddhist - absl::Minutes(5));
}

TEST(EventPreparation, ABuddhistYearInABodyIsRefusedAndTheEndOfTimeIsNot) {
  CustomerEvent event = Order();
  SetProto(absl::FromCivil(absl::CivilDay(2569, 1, 1), absl::UTCTimeZone()),
           event.mutable_order_stated()->mutable_placed_at());
  const Outcome placed = Prepare(event);
  EXPECT_EQ(placed.error.field(), "order_stated.placed_at");
  EXPECT_THAT(placed.error.mend(), HasSubstr("2026"));
  event = Good();
  event.mutable_traits_stated()->set_birth_date("2533-05-01");
  const Outcome born = Prepare(event);
  EXPECT_EQ(born.error.field(), "traits_stated.birth_date");
  EXPECT_THAT(born.error.mend(), HasSubstr("1990"));
  event = Good();
  event.mutable_consent_stated()->mutable_valid_until()->set_seconds(253'402'300'799);
  EXPECT_NE(Prepare(event).error.field(), "consent_stated.valid_until");
}

TEST(EventPreparation, ATimeAheadInACorrectionIsClampedToo) {
  CustomerEvent event = Good();
  auto& correction = *event.mutable_event_corrected();
  correction.mutable_event()->set_event_id("e0");
  correction.mutable_replacement()->mutable_tracked()->set_name("x");
  SetProto(kNow + absl::Hours(3), correction.mutable_replacement()->mutable_occurred_at());
  const CustomerEvent stored = Prepare(event).event;
  const CustomerEvent& replacement = stored.event_corrected().replacement();
  EXPECT_EQ(FromProto(replacement.occurred_at()), kNow);
  EXPECT_EQ(FromProto(replacement.claimed_occurred_at()), kNow + absl::Hours(3));
}

TEST(EventPreparation, DefaultsAreFilledIn) {
  CustomerEvent event = Order();
  Identifier& cookie = *event.add_identifiers();
  cookie.set_type("cookie");
  cookie.set_value("c");
  AddProperty(event, "b");
  AddProperty(event, "a");
  event.mutable_order_stated()->mutable_total()->clear_currency();
  *event.mutable_order_stated()->add_lines() = event.order_stated().lines(0);
  const Outcome outcome = Prepare(event);
  ASSERT_TRUE(outcome.accepted) << outcome.error.DebugString();
  EXPECT_EQ(outcome.event.identifiers(1).issuer(), "web");
  EXPECT_EQ(outcome.event.properties(0).key(), "a");
  EXPECT_EQ(outcome.event.order_stated().total().currency(), "THB");
  EXPECT_EQ(outcome.event.order_stated().lines(0).line_id(), "1");
  EXPECT_EQ(outcome.event.order_stated().lines(1).line_id(), "2");
  EXPECT_EQ(outcome.event.identifiers_size(), 2) << "nothing is doubled by what the server adds";
}

TEST(EventPreparation, ACredentialMustNameAnActiveSourceOfTheWorkspace) {
  CustomerEvent event = Good();
  EXPECT_EQ(Prepare(event, "").error.reason(), "REQUIRED");
  event.set_source_id("nowhere");
  EXPECT_EQ(Prepare(event, "").error.reason(), "UNKNOWN_SOURCE");
  event.set_source_id("old");
  EXPECT_EQ(Prepare(event, "").error.reason(), "SOURCE_DISABLED");
  event.set_source_id("till");
  EXPECT_EQ(Prepare(event, "").event.channel(), events::v1::CHANNEL_STORE);
}

TEST(EventPreparation, TheKeyIsOpaqueAndOfTheEventAlone) {
  CustomerEvent event = Good();
  const std::string key = Prepare(event).record.key;
  EXPECT_EQ(key.size(), 16u);
  event.mutable_page_viewed()->set_url("https://example.com/other");
  EXPECT_EQ(Prepare(event).record.key, key);
  event.set_event_id("e2");
  EXPECT_NE(Prepare(event).record.key, key);
  EXPECT_EQ(Prepare(event).record.type, "customer_event");
}

}  // namespace
}  // namespace tributary::ingestion::testing
