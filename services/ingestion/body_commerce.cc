// Bodies of buying, staying and visiting.
#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "ingestion/bodies.h"

namespace tributary::ingestion {
namespace {

using Sign = Checks::Sign;

// Lines without an id are numbered from "1" by their place.
void CheckLineIds(Checks& c, const Path& at, events::v1::OrderStated& body) {
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; c.ok() && i < body.lines_size(); ++i) {
    events::v1::OrderLine& line = *body.mutable_lines(i);
    if (line.line_id().empty()) {
      line.set_line_id(fmt::format("{}", i + 1));
      c.set_changed();
    }
    c.Text(at.At("lines", i)["line_id"], line.line_id(), 64);
    if (!seen.insert(line.line_id()).second) {
      c.Refuse(at.At("lines", i)["line_id"], "DUPLICATE",
               "another line has the same id (an empty one is the number of "
               "the line)",
               "Give each line an id of its own");
    }
  }
}

void CheckOrderLine(Checks& c, const Path& at, events::v1::OrderLine& line, std::string* currency) {
  c.Present(at["product"], line.has_product());
  c.Product(at["product"], line.product());
  c.Present(at["quantity"], line.has_quantity());
  c.Decimal(at["quantity"], line.quantity(), Sign::kPositive);
  c.Present(at["unit_price"], line.has_unit_price());
  if (!c.ok()) return;
  c.Money(at["unit_price"], *line.mutable_unit_price(), Sign::kAny, currency);
  if (line.has_discount()) c.Money(at["discount"], *line.mutable_discount(), Sign::kNotNegative, currency);
  if (line.has_tax()) c.Money(at["tax"], *line.mutable_tax(), Sign::kAny, currency);
  // What it cost us may have been paid in another currency.
  if (line.has_unit_cost()) c.Money(at["unit_cost"], *line.mutable_unit_cost(), Sign::kAny);
}

}  // namespace

void CheckBody(Checks& c, const Path& at, events::v1::OrderStated& body) {
  using Body = events::v1::OrderStated;
  c.Present(at["order"], body.has_order());
  c.Order(at["order"], body.order());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kOptional);
  if (body.has_placed_at()) c.Time(at["placed_at"], body.placed_at());
  c.Present(at["total"], body.has_total());
  if (!c.ok()) return;
  std::string currency;
  c.Money(at["total"], *body.mutable_total(), Sign::kNotNegative, &currency);
  if (body.has_discount()) c.Money(at["discount"], *body.mutable_discount(), Sign::kNotNegative, &currency);
  if (body.has_shipping()) c.Money(at["shipping"], *body.mutable_shipping(), Sign::kAny, &currency);
  if (body.has_tax()) c.Money(at["tax"], *body.mutable_tax(), Sign::kAny, &currency);
  c.AtMost(at["lines"], body.lines_size(), 500);
  for (int i = 0; c.ok() && i < body.lines_size(); ++i) {
    CheckOrderLine(c, at.At("lines", i), *body.mutable_lines(i), &currency);
  }
  CheckLineIds(c, at, body);
  c.Texts(at, "coupons", body.coupons(), 20, 64);
  if (body.has_exchange_rate()) c.ExchangeRate(at["exchange_rate"], body.exchange_rate());
}

void CheckBody(Checks& c, const Path& at, events::v1::ReturnStated& body) {
  using Body = events::v1::ReturnStated;
  c.Present(at["order"], body.has_order());
  c.Order(at["order"], body.order());
  c.Id(at["return_id"], body.return_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kOptional);
  c.Present(at["refund"], body.has_refund());
  if (!c.ok()) return;
  std::string currency;
  c.Money(at["refund"], *body.mutable_refund(), Sign::kNotNegative, &currency);
  c.AtMost(at["lines"], body.lines_size(), 500);
  for (int i = 0; c.ok() && i < body.lines_size(); ++i) {
    const Path line = at.At("lines", i);
    events::v1::ReturnLine& value = *body.mutable_lines(i);
    c.Text(line["line_id"], value.line_id(), 64, value.has_product() ? Need::kOptional : Need::kRequired);
    if (value.has_product()) c.Product(line["product"], value.product());
    c.Present(line["quantity"], value.has_quantity());
    c.Decimal(line["quantity"], value.quantity(), Sign::kPositive);
    if (value.has_refund()) c.Money(line["refund"], *value.mutable_refund(), Sign::kNotNegative, &currency);
  }
  c.Text(at["reason"], body.reason(), 512);
  if (body.has_returned_at()) c.Time(at["returned_at"], body.returned_at());
}

void CheckBody(Checks& c, const Path& at, events::v1::PaymentRecorded& body) {
  using Body = events::v1::PaymentRecorded;
  c.Id(at["payment_id"], body.payment_id());
  if (body.has_order()) c.Order(at["order"], body.order());
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  c.Present(at["amount"], body.has_amount());
  if (!c.ok()) return;
  c.Money(at["amount"], *body.mutable_amount(), Sign::kNotNegative);
  c.Text(at["method"], body.method(), 64);
  c.Text(at["failure_reason"], body.failure_reason(), 128);
}

void CheckBody(Checks& c, const Path& at, events::v1::FulfilmentStated& body) {
  using Body = events::v1::FulfilmentStated;
  c.Id(at["fulfilment_id"], body.fulfilment_id());
  c.Present(at["order"], body.has_order());
  c.Order(at["order"], body.order());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  c.AtMost(at["lines"], body.lines_size(), 500);
  for (int i = 0; c.ok() && i < body.lines_size(); ++i) {
    const Path line = at.At("lines", i);
    c.Text(line["line_id"], body.lines(i).line_id(), 64, Need::kRequired);
    c.Present(line["quantity"], body.lines(i).has_quantity());
    c.Decimal(line["quantity"], body.lines(i).quantity(), Sign::kPositive);
  }
  c.Text(at["carrier"], body.carrier(), 64);
  c.Text(at["tracking_number"], body.tracking_number(), 128);
  if (body.has_promised_at()) c.Time(at["promised_at"], body.promised_at());
}

void CheckBody(Checks& c, const Path& at, events::v1::StayStated& body) {
  using Body = events::v1::StayStated;
  c.Issuer(at["issuer"], body.issuer(), Need::kRequired);
  c.Id(at["reservation_id"], body.reservation_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  c.Enum(at["status"], Body::Status_IsValid(body.status()), body.status(), Need::kRequired);
  c.Date(at["arrival_date"], body.arrival_date(), Need::kRequired);
  c.Date(at["departure_date"], body.departure_date(), Need::kRequired);
  c.DateOrder(at["departure_date"], body.arrival_date(), body.departure_date(), true);
  c.Text(at["room"], body.room(), 32);
  c.Text(at["room_type"], body.room_type(), 64);
  c.Text(at["rate_plan"], body.rate_plan(), 64);
  c.Count(at["adults"], body.adults(), 0, 1000);
  c.Count(at["children"], body.children(), 0, 1000);
  if (body.has_total()) c.Money(at["total"], *body.mutable_total(), Sign::kNotNegative);
  if (body.has_booked_at()) c.Time(at["booked_at"], body.booked_at());
  if (body.has_exchange_rate()) c.ExchangeRate(at["exchange_rate"], body.exchange_rate());
}

void CheckBody(Checks& c, const Path& at, events::v1::VisitRecorded& body) {
  c.Id(at["visit_id"], body.visit_id());
  c.Text(at["place"], body.place(), 64);
  c.Count(at["party_size"], body.party_size(), 0, 1000);
  if (body.has_started_at()) c.Time(at["started_at"], body.started_at());
  if (body.has_ended_at()) {
    c.TimeOrder(at["ended_at"], body.has_started_at() ? body.started_at() : body.ended_at(), body.ended_at());
  }
  if (body.has_order()) c.Order(at["order"], body.order());
}

}  // namespace tributary::ingestion
