// Bodies of websites and apps.
#include "ingestion/bodies.h"

namespace tributary::ingestion {

using Sign = Checks::Sign;

void CheckBody(Checks& c, const Path& at, events::v1::PageViewed& body) {
  c.Text(at["url"], body.url(), 2048, Need::kRequired);
  c.Text(at["title"], body.title(), 512);
  c.Text(at["name"], body.name(), 128);
  c.Text(at["category"], body.category(), 128);
  c.Text(at["referrer"], body.referrer(), 2048);
}

void CheckBody(Checks& c, const Path& at, events::v1::ScreenViewed& body) {
  c.Text(at["name"], body.name(), 128, Need::kRequired);
  c.Text(at["category"], body.category(), 128);
}

void CheckBody(Checks& c, const Path& at, events::v1::Tracked& body) {
  c.Text(at["name"], body.name(), 128, Need::kRequired);
}

void CheckBody(Checks& c, const Path& at, events::v1::ProductInteracted& body) {
  using Body = events::v1::ProductInteracted;
  c.Enum(at["action"], Body::Action_IsValid(body.action()), body.action(), Need::kRequired);
  const bool needs_product = body.action() != Body::ACTION_SEARCHED && body.action() != Body::ACTION_LIST_VIEWED &&
                             body.action() != Body::ACTION_CHECKOUT_STARTED;
  if (needs_product) c.Present(at["product"], body.has_product());
  if (body.has_product()) c.Product(at["product"], body.product());
  if (body.has_quantity()) c.Decimal(at["quantity"], body.quantity(), Sign::kPositive);
  if (body.has_unit_price()) c.Money(at["unit_price"], *body.mutable_unit_price(), Sign::kAny);
  c.Text(at["list"], body.list(), 128);
  c.Count(at["position"], body.position(), 0, INT32_MAX);
  c.Text(at["query"], body.query(), 512);
}

void CheckBody(Checks& c, const Path& at, events::v1::CartStated& body) {
  c.Id(at["cart_id"], body.cart_id());
  c.Count(at["revision"], body.revision(), 0, INT64_MAX);
  std::string currency;
  if (body.has_total()) c.Money(at["total"], *body.mutable_total(), Sign::kAny, &currency);
  c.AtMost(at["lines"], body.lines_size(), 500);
  for (int i = 0; c.ok() && i < body.lines_size(); ++i) {
    const Path line = at.At("lines", i);
    events::v1::CartLine& value = *body.mutable_lines(i);
    c.Present(line["product"], value.has_product());
    c.Product(line["product"], value.product());
    c.Present(line["quantity"], value.has_quantity());
    c.Decimal(line["quantity"], value.quantity(), Sign::kPositive);
    if (value.has_unit_price()) c.Money(line["unit_price"], *value.mutable_unit_price(), Sign::kAny, &currency);
  }
}

}  // namespace tributary::ingestion
