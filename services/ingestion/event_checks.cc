#include "ingestion/event_checks.h"

#include <algorithm>

#include "absl/time/civil_time.h"
#include "fmt/format.h"
#include "google/protobuf/unknown_field_set.h"
#include "ingestion/bodies.h"

namespace tributary::ingestion {
namespace {

using events::v1::CustomerEvent;

constexpr int kMaxIdentifiers = 20;

void CheckEventId(Checks& c, const Path& at, const std::string& value) {
  c.Id(at, value);
  const bool printable = std::all_of(value.begin(), value.end(), [](char x) { return x >= ' ' && x <= '~'; });
  if (!printable) c.Refuse(at, "MALFORMED", "holds other than printable ASCII characters", "Use those alone");
}

void CheckSubject(Checks& c, const Path& at, CustomerEvent& event) {
  c.Enum(at["subject_kind"], events::v1::SubjectKind_IsValid(event.subject_kind()), event.subject_kind(),
         Need::kOptional);
  c.AtMost(at["identifiers"], event.identifiers_size(), kMaxIdentifiers);
  bool subject = false;
  for (int i = 0; c.ok() && i < event.identifiers_size(); ++i) {
    events::v1::Identifier& identifier = *event.mutable_identifiers(i);
    c.Identifier(at.At("identifiers", i), identifier);
    subject = subject || identifier.role() == events::v1::IDENTIFIER_ROLE_UNSPECIFIED ||
              identifier.role() == events::v1::IDENTIFIER_ROLE_SUBJECT;
  }
  if (!subject) {
    c.Refuse(at["identifiers"], "REQUIRED", "names no subject",
             "Send at least one identifier of whom the event is about");
  }
  c.AtMost(at["contact_points"], event.contact_points_size(), 10);
  for (int i = 0; c.ok() && i < event.contact_points_size(); ++i) {
    c.ContactPoint(at.At("contact_points", i), event.contact_points(i));
  }
}

void CheckCircumstances(Checks& c, const Path& at, const CustomerEvent& event) {
  c.TimeZone(at["time_zone"], event.time_zone());
  c.Date(at["business_date"], event.business_date());
  c.Enum(at["channel"], events::v1::Channel_IsValid(event.channel()), event.channel(), Need::kOptional);
  c.Enum(at["direction"], events::v1::Direction_IsValid(event.direction()), event.direction(), Need::kOptional);
  c.Text(at["touchpoint_id"], event.touchpoint_id(), 64);
  c.Text(at["location_id"], event.location_id(), 64);
  c.Text(at["brand_id"], event.brand_id(), 64);
  c.Text(at["staff_id"], event.staff_id(), 64);
  c.Text(at["session_id"], event.session_id(), 64);
  c.Text(at["conversation_id"], event.conversation_id(), 256);
  c.Text(at["import_ref"], event.import_ref(), 128);
}

void CheckAttribution(Checks& c, const Path& at, const events::v1::Attribution& value) {
  c.Text(at["utm_source"], value.utm_source(), 256);
  c.Text(at["utm_medium"], value.utm_medium(), 256);
  c.Text(at["utm_campaign"], value.utm_campaign(), 256);
  c.Text(at["utm_term"], value.utm_term(), 256);
  c.Text(at["utm_content"], value.utm_content(), 256);
  c.AtMost(at["click_ids"], value.click_ids_size(), 8);
  for (int i = 0; c.ok() && i < value.click_ids_size(); ++i) {
    const Path click = at.At("click_ids", i);
    c.Text(click["type"], value.click_ids(i).type(), 32, Need::kRequired);
    c.Text(click["value"], value.click_ids(i).value(), 512, Need::kRequired);
  }
  c.Text(at["referrer"], value.referrer(), 2048);
  c.Text(at["landing_page"], value.landing_page(), 2048);
  c.Text(at["campaign_id"], value.campaign_id(), 256);
  c.Text(at["send_id"], value.send_id(), 256);
  c.Text(at["coupon"], value.coupon(), 64);
}

void CheckContext(Checks& c, const Path& at, const events::v1::Context& value) {
  c.Text(at["ip"], value.ip(), 256);
  c.Text(at["user_agent"], value.user_agent(), 1024);
  c.Text(at["device_type"], value.device_type(), 256);
  c.Text(at["device_manufacturer"], value.device_manufacturer(), 256);
  c.Text(at["device_model"], value.device_model(), 256);
  c.Text(at["os_name"], value.os_name(), 256);
  c.Text(at["os_version"], value.os_version(), 256);
  c.Text(at["app_name"], value.app_name(), 256);
  c.Text(at["app_version"], value.app_version(), 256);
  c.Count(at["screen_width"], value.screen_width(), 0, INT32_MAX);
  c.Count(at["screen_height"], value.screen_height(), 0, INT32_MAX);
  c.Text(at["locale"], value.locale(), 256);
  c.Text(at["library_name"], value.library_name(), 256);
  c.Text(at["library_version"], value.library_version(), 256);
}

void CheckEventRef(Checks& c, const Path& at, bool has_ref, const events::v1::EventRef& ref) {
  c.Present(at, has_ref);
  CheckEventId(c, at["event_id"], ref.event_id());
  if (!ref.source_id().empty() && !IsRegistryId(ref.source_id())) {
    c.Refuse(at["source_id"], "MALFORMED", "is no source id", "Leave it empty for the event's own source");
  }
}

void CheckBodyOf(Checks& c, const Path& at, CustomerEvent& event, absl::Time now, bool in_correction);

void CheckCorrection(Checks& c, const Path& at, events::v1::EventCorrected& body, absl::Time now) {
  CheckEventRef(c, at["event"], body.has_event(), body.event());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Text(at["reason"], body.reason(), 256);
  const Path replacement = at["replacement"];
  c.Present(replacement, body.has_replacement());
  if (!c.ok()) return;
  CustomerEvent& event = *body.mutable_replacement();
  if (ClearServerFields(event)) c.set_changed();
  CheckCircumstances(c, replacement, event);
  if (event.has_occurred_at()) {
    // It is stated, not read off the client's clock: nothing shifts it.
    c.ClockTime(replacement["occurred_at"], event.occurred_at());
    if (c.ok()) CheckOccurred(c, replacement["occurred_at"], FromProto(event.occurred_at()), now);
    if (c.ok() && FromProto(event.occurred_at()) > now) {
      *event.mutable_claimed_occurred_at() = event.occurred_at();
      SetProto(now, event.mutable_occurred_at());
      c.set_changed();
    }
  }
  c.Properties(replacement, "properties", *event.mutable_properties(), 200);
  CheckBodyOf(c, replacement, event, now, true);
}

// The names of the cases are the fields': "order_stated" is kOrderStated, mutable_order_stated().
#define TRIBUTARY_BODY(Case, field) \
  case CustomerEvent::Case:         \
    return CheckBody(c, at[#field], *event.mutable_##field())

void CheckBodyOf(Checks& c, const Path& at, CustomerEvent& event, absl::Time now, bool in_correction) {
  switch (event.body_case()) {
    TRIBUTARY_BODY(kPageViewed, page_viewed);
    TRIBUTARY_BODY(kScreenViewed, screen_viewed);
    TRIBUTARY_BODY(kTracked, tracked);
    TRIBUTARY_BODY(kProductInteracted, product_interacted);
    TRIBUTARY_BODY(kCartStated, cart_stated);
    TRIBUTARY_BODY(kTraitsStated, traits_stated);
    TRIBUTARY_BODY(kIdentifiersLinked, identifiers_linked);
    TRIBUTARY_BODY(kIdentifierRetired, identifier_retired);
    TRIBUTARY_BODY(kRelationshipStated, relationship_stated);
    TRIBUTARY_BODY(kAccountStated, account_stated);
    TRIBUTARY_BODY(kMembershipStated, membership_stated);
    TRIBUTARY_BODY(kOrderStated, order_stated);
    TRIBUTARY_BODY(kReturnStated, return_stated);
    TRIBUTARY_BODY(kPaymentRecorded, payment_recorded);
    TRIBUTARY_BODY(kFulfilmentStated, fulfilment_stated);
    TRIBUTARY_BODY(kStayStated, stay_stated);
    TRIBUTARY_BODY(kVisitRecorded, visit_recorded);
    TRIBUTARY_BODY(kInteractionRecorded, interaction_recorded);
    TRIBUTARY_BODY(kMessageExchanged, message_exchanged);
    TRIBUTARY_BODY(kTranscriptRecorded, transcript_recorded);
    TRIBUTARY_BODY(kNoteWritten, note_written);
    TRIBUTARY_BODY(kPublicPostObserved, public_post_observed);
    TRIBUTARY_BODY(kSurveyInvited, survey_invited);
    TRIBUTARY_BODY(kSurveyAnswered, survey_answered);
    TRIBUTARY_BODY(kFeedbackGiven, feedback_given);
    TRIBUTARY_BODY(kConsentStated, consent_stated);
    TRIBUTARY_BODY(kPreferenceStated, preference_stated);
    TRIBUTARY_BODY(kDataRightsRequested, data_rights_requested);
    TRIBUTARY_BODY(kDeliveryReported, delivery_reported);
    TRIBUTARY_BODY(kOfferStated, offer_stated);
    TRIBUTARY_BODY(kSourceStated, source_stated);
    TRIBUTARY_BODY(kReferralMade, referral_made);
    TRIBUTARY_BODY(kPointsPosted, points_posted);
    TRIBUTARY_BODY(kTierStated, tier_stated);
    TRIBUTARY_BODY(kOpportunityStated, opportunity_stated);
    TRIBUTARY_BODY(kTaskStated, task_stated);
    case CustomerEvent::kEventRetracted:
    case CustomerEvent::kEventCorrected:
      if (in_correction) {
        return c.Refuse(at, "MALFORMED", "is a retraction or a correction itself",
                        "Send the content that counts instead");
      }
      if (event.has_event_corrected()) {
        return CheckCorrection(c, at["event_corrected"], *event.mutable_event_corrected(), now);
      }
      CheckEventRef(c, at["event_retracted"]["event"], event.event_retracted().has_event(),
                    event.event_retracted().event());
      return c.Text(at["event_retracted"]["reason"], event.event_retracted().reason(), 256);
    case CustomerEvent::BODY_NOT_SET:
      return c.Refuse(at["body"], "REQUIRED", "says nothing of what happened", "Set one of the bodies, e.g. tracked");
  }
}

#undef TRIBUTARY_BODY

}  // namespace

void CheckEvent(Checks& c, CustomerEvent& event, absl::Time now) {
  const Path at;
  CheckEventId(c, at["event_id"], event.event_id());
  CheckSubject(c, at, event);
  CheckCircumstances(c, at, event);
  if (event.has_attribution()) CheckAttribution(c, at["attribution"], event.attribution());
  if (event.has_context()) CheckContext(c, at["context"], event.context());
  if (event.properties_size() > 0) c.Properties(at, "properties", *event.mutable_properties(), 200);
  if (c.ok()) CheckBodyOf(c, at, event, now, false);
}

void CheckOccurred(Checks& c, const Path& at, absl::Time occurred, absl::Time now) {
  if (occurred < absl::UnixEpoch()) {
    return c.Refuse(at, "TOO_OLD", "lies before 1970", "Send the time at which it happened");
  }
  if (occurred <= now + kMaxAhead) return;
  const auto year = absl::ToCivilYear(occurred, absl::UTCTimeZone()).year();
  if (LooksBuddhist(year)) {
    return c.Refuse(at, "FUTURE", "lies more than 24 hours ahead; the year looks like the Buddhist era",
                    fmt::format("Send the year {} of the Gregorian calendar", year - kBuddhistEra));
  }
  c.Refuse(at, "FUTURE", "lies more than 24 hours ahead",
           "Send the time at which it happened, and sent_at if the clock may be wrong");
}

bool ClearServerFields(CustomerEvent& event) {
  const google::protobuf::Reflection& reflection = *event.GetReflection();
  const bool unknown = !reflection.GetUnknownFields(event).empty();
  if (unknown) reflection.MutableUnknownFields(&event)->Clear();
  const bool known = !event.workspace_id().empty() || event.has_recorded_at() || event.has_claimed_occurred_at() ||
                     !event.body_digest().empty() || !event.traceparent().empty() || event.has_sealed() ||
                     event.source_priority() != 0 || event.has_resolution();
  if (known) {
    event.clear_workspace_id();
    event.clear_recorded_at();
    event.clear_claimed_occurred_at();
    event.clear_body_digest();
    event.clear_traceparent();
    event.clear_sealed();
    event.clear_source_priority();
    event.clear_resolution();
  }
  return unknown || known;
}

absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

void SetProto(absl::Time time, google::protobuf::Timestamp* proto) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  proto->set_seconds(seconds);
  proto->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

}  // namespace tributary::ingestion
