// Checks of bodies, one for each message of the oneof: what their contracts require and bound.
#pragma once

#include "ingestion/checks.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::ingestion {

// `at` is the body's place in the event. Money without a currency and order lines without an id are filled in.

void CheckBody(Checks& c, const Path& at, events::v1::PageViewed& body);
void CheckBody(Checks& c, const Path& at, events::v1::ScreenViewed& body);
void CheckBody(Checks& c, const Path& at, events::v1::Tracked& body);
void CheckBody(Checks& c, const Path& at, events::v1::ProductInteracted& body);
void CheckBody(Checks& c, const Path& at, events::v1::CartStated& body);

void CheckBody(Checks& c, const Path& at, events::v1::TraitsStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::IdentifiersLinked& body);
void CheckBody(Checks& c, const Path& at, events::v1::IdentifierRetired& body);
void CheckBody(Checks& c, const Path& at, events::v1::RelationshipStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::AccountStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::MembershipStated& body);

void CheckBody(Checks& c, const Path& at, events::v1::OrderStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::ReturnStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::PaymentRecorded& body);
void CheckBody(Checks& c, const Path& at, events::v1::FulfilmentStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::StayStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::VisitRecorded& body);

void CheckBody(Checks& c, const Path& at, events::v1::InteractionRecorded& body);
void CheckBody(Checks& c, const Path& at, events::v1::MessageExchanged& body);
void CheckBody(Checks& c, const Path& at, events::v1::TranscriptRecorded& body);
void CheckBody(Checks& c, const Path& at, events::v1::NoteWritten& body);
void CheckBody(Checks& c, const Path& at, events::v1::PublicPostObserved& body);

void CheckBody(Checks& c, const Path& at, events::v1::SurveyInvited& body);
void CheckBody(Checks& c, const Path& at, events::v1::SurveyAnswered& body);
void CheckBody(Checks& c, const Path& at, events::v1::FeedbackGiven& body);
void CheckBody(Checks& c, const Path& at, events::v1::ConsentStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::PreferenceStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::DataRightsRequested& body);

void CheckBody(Checks& c, const Path& at, events::v1::DeliveryReported& body);
void CheckBody(Checks& c, const Path& at, events::v1::OfferStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::SourceStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::ReferralMade& body);
void CheckBody(Checks& c, const Path& at, events::v1::PointsPosted& body);
void CheckBody(Checks& c, const Path& at, events::v1::TierStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::OpportunityStated& body);
void CheckBody(Checks& c, const Path& at, events::v1::TaskStated& body);

}  // namespace tributary::ingestion
