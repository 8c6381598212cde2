// Bodies of loyalty, marketing and sales.
#include "ingestion/bodies.h"

namespace tributary::ingestion {

using Sign = Checks::Sign;

void CheckBody(Checks& c, const Path& at, events::v1::DeliveryReported& body) {
  using Body = events::v1::DeliveryReported;
  c.Present(at["contact_point"], body.has_contact_point());
  c.ContactPoint(at["contact_point"], body.contact_point());
  c.Id(at["send_id"], body.send_id());
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  c.Enum(at["bounce_class"], Body::BounceClass_IsValid(body.bounce_class()), body.bounce_class(), Need::kOptional);
  c.Text(at["provider_code"], body.provider_code(), 128);
}

void CheckBody(Checks& c, const Path& at, events::v1::OfferStated& body) {
  using Body = events::v1::OfferStated;
  c.Id(at["offer_id"], body.offer_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  if (body.has_value()) c.Money(at["value"], *body.mutable_value(), Sign::kAny);
  if (body.has_cost()) c.Money(at["cost"], *body.mutable_cost(), Sign::kAny);
  c.Text(at["code"], body.code(), 64);
  if (body.has_expires_at()) c.Time(at["expires_at"], body.expires_at());
}

void CheckBody(Checks& c, const Path& at, events::v1::SourceStated& body) {
  c.Text(at["choice"], body.choice(), 64);
  c.Text(at["answer"], body.answer(), 1024);
}

void CheckBody(Checks& c, const Path& at, events::v1::ReferralMade& body) {
  if (body.has_referrer()) {
    c.Identifier(at["referrer"], *body.mutable_referrer());
  } else {
    c.Present(at["code"], !body.code().empty());
  }
  c.Text(at["code"], body.code(), 64);
}

void CheckBody(Checks& c, const Path& at, events::v1::PointsPosted& body) {
  using Body = events::v1::PointsPosted;
  c.Issuer(at["programme"], body.programme(), Need::kRequired);
  c.Id(at["entry_id"], body.entry_id());
  c.Enum(at["kind"], Body::Kind_IsValid(body.kind()), body.kind(), Need::kRequired);
  c.Present(at["points"], body.points() != 0);
  if (body.has_order()) c.Order(at["order"], body.order());
  c.Date(at["expires_on"], body.expires_on());
  c.Text(at["reverses"], body.reverses(), 128, body.kind() == Body::KIND_REVERSED ? Need::kRequired : Need::kOptional);
}

void CheckBody(Checks& c, const Path& at, events::v1::TierStated& body) {
  c.Issuer(at["programme"], body.programme(), Need::kRequired);
  c.Text(at["tier"], body.tier(), 64, Need::kRequired);
  c.Date(at["from_date"], body.from_date());
  c.Date(at["until_date"], body.until_date());
  c.DateOrder(at["until_date"], body.from_date(), body.until_date(), false);
}

void CheckBody(Checks& c, const Path& at, events::v1::OpportunityStated& body) {
  c.Id(at["opportunity_id"], body.opportunity_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Text(at["stage"], body.stage(), 64, Need::kRequired);
  if (body.has_amount()) c.Money(at["amount"], *body.mutable_amount(), Sign::kAny);
  c.Count(at["probability_percent"], body.probability_percent(), 0, 100);
  c.Date(at["close_date"], body.close_date());
  c.Text(at["owner_id"], body.owner_id(), 64);
  c.Text(at["lost_reason"], body.lost_reason(), 512);
}

void CheckBody(Checks& c, const Path& at, events::v1::TaskStated& body) {
  using Body = events::v1::TaskStated;
  c.Id(at["task_id"], body.task_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Text(at["kind"], body.kind(), 64, Need::kRequired);
  if (body.has_due_at()) c.Time(at["due_at"], body.due_at());
  c.Text(at["owner_id"], body.owner_id(), 64);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kOptional);
  c.Text(at["outcome"], body.outcome(), 8192);
}

}  // namespace tributary::ingestion
