// Buying, staying, visiting, points and offers in words.
#include "fmt/format.h"
#include "text/format.h"
#include "text/table.h"
#include "text/timeline.h"

namespace tributary::cli::words {
namespace {

using events::v1::CustomerEvent;

std::string NameOf(const events::v1::ProductRef& product) {
  const std::string name = OneLine(product.name().empty() ? product.product_id() : product.name(), 60);
  return product.variant().empty() ? name : fmt::format("{} {}", name, OneLine(product.variant(), 40));
}

std::string OrderName(const events::v1::OrderRef& order) {
  return OneLine(fmt::format("order {}/{}", order.issuer(), order.order_id()), 80);
}

// "2 × Pad Thai, 1 × Water and 3 more"
template <typename Lines>
std::string LinesText(const Lines& lines) {
  constexpr int kShown = 3;
  std::string text;
  for (int i = 0; i < lines.size() && i < kShown; ++i) {
    if (i > 0) text += ", ";
    text += fmt::format("{} × {}", DecimalText(lines[i].quantity()), NameOf(lines[i].product()));
  }
  if (lines.size() > kShown) text += fmt::format(" and {} more", lines.size() - kShown);
  return text;
}

std::string Ordered(const events::v1::OrderStated& order) {
  const std::string status = EnumText(*events::v1::OrderStated::Status_descriptor(), order.status());
  std::string verb = "ordered";
  if (order.status() == events::v1::OrderStated::STATUS_CANCELLED) verb = "cancelled an order of";
  if (order.status() == events::v1::OrderStated::STATUS_PENDING) verb = "began to order";
  const std::string lines = LinesText(order.lines());
  const std::string coupon = order.coupons_size() > 0 ? "coupon " + order.coupons(0) : "";
  return fmt::format("{} {}{}{}", verb, lines.empty() ? "" : lines + " for ", MoneyText(order.total()),
                     InBrackets({OrderName(order.order()), status, coupon}));
}

std::string Returned(const events::v1::ReturnStated& stated) {
  const bool money = stated.status() == events::v1::ReturnStated::STATUS_COMPLETED ||
                     stated.status() == events::v1::ReturnStated::STATUS_UNSPECIFIED;
  std::string text = money ? fmt::format("got {} back", MoneyText(stated.refund()))
                           : fmt::format("return of {} {}", MoneyText(stated.refund()),
                                         EnumText(*events::v1::ReturnStated::Status_descriptor(), stated.status()));
  text += InBrackets({OrderName(stated.order())});
  if (!stated.reason().empty()) text += ": " + Quoted(stated.reason());
  return text;
}

std::string Paid(const events::v1::PaymentRecorded& payment) {
  return fmt::format(
      "payment of {} {}{}", MoneyText(payment.amount()),
      EnumText(*events::v1::PaymentRecorded::Status_descriptor(), payment.status()),
      InBrackets({payment.method(), payment.has_order() ? OrderName(payment.order()) : "", payment.failure_reason()}));
}

std::string Stayed(const events::v1::StayStated& stay) {
  const std::string guests =
      stay.adults() + stay.children() > 0 ? fmt::format("{} adults, {} children", stay.adults(), stay.children()) : "";
  return fmt::format("stay {} to {}: {}{}", stay.arrival_date(), stay.departure_date(),
                     EnumText(*events::v1::StayStated::Status_descriptor(), stay.status()),
                     InBrackets({stay.has_total() ? MoneyText(stay.total()) : "", stay.room_type(), guests,
                                 stay.issuer() + "/" + stay.reservation_id()}));
}

std::string Interacted(const events::v1::ProductInteracted& interaction) {
  using P = events::v1::ProductInteracted;
  const std::string product = NameOf(interaction.product());
  switch (interaction.action()) {
    case P::ACTION_SEARCHED:
      return "searched for " + Quoted(interaction.query());
    case P::ACTION_LIST_VIEWED:
      return "looked through the list " + Quoted(interaction.list());
    case P::ACTION_CLICKED:
      return "chose " + product + InBrackets({interaction.list()});
    case P::ACTION_VIEWED:
      return "looked at " + product;
    case P::ACTION_ADDED_TO_CART:
      return fmt::format("put {} into the cart", product);
    case P::ACTION_REMOVED_FROM_CART:
      return fmt::format("took {} out of the cart", product);
    case P::ACTION_ADDED_TO_WISHLIST:
      return fmt::format("put {} on the wish list", product);
    case P::ACTION_REMOVED_FROM_WISHLIST:
      return fmt::format("took {} off the wish list", product);
    case P::ACTION_SHARED:
      return "shared " + product;
    case P::ACTION_CHECKOUT_STARTED:
      return "began the checkout";
    default:
      return "did something with " + product;
  }
}

std::string Visited(const events::v1::VisitRecorded& visit) {
  return "visited" +
         InBrackets({visit.place(), visit.party_size() > 0 ? fmt::format("party of {}", visit.party_size()) : "",
                     visit.has_order() ? OrderName(visit.order()) : ""});
}

std::string Points(const events::v1::PointsPosted& points) {
  return fmt::format("{} points {}{}", points.points() > 0 ? "+" + Grouped(points.points()) : Grouped(points.points()),
                     EnumText(*events::v1::PointsPosted::Kind_descriptor(), points.kind()),
                     InBrackets({points.programme(), points.has_order() ? OrderName(points.order()) : ""}));
}

}  // namespace

std::string OfCommerce(const CustomerEvent& event) {
  switch (event.body_case()) {
    case CustomerEvent::kProductInteracted:
      return Interacted(event.product_interacted());
    case CustomerEvent::kCartStated: {
      const auto& cart = event.cart_stated();
      if (cart.lines_size() == 0) return "emptied the cart";
      return "cart: " + LinesText(cart.lines()) + InBrackets({cart.has_total() ? MoneyText(cart.total()) : ""});
    }
    case CustomerEvent::kOrderStated:
      return Ordered(event.order_stated());
    case CustomerEvent::kReturnStated:
      return Returned(event.return_stated());
    case CustomerEvent::kPaymentRecorded:
      return Paid(event.payment_recorded());
    case CustomerEvent::kFulfilmentStated: {
      const auto& fulfilment = event.fulfilment_stated();
      return fmt::format("delivery {}{}",
                         EnumText(*events::v1::FulfilmentStated::Status_descriptor(), fulfilment.status()),
                         InBrackets({OrderName(fulfilment.order()), fulfilment.carrier()}));
    }
    case CustomerEvent::kStayStated:
      return Stayed(event.stay_stated());
    case CustomerEvent::kVisitRecorded:
      return Visited(event.visit_recorded());
    case CustomerEvent::kOfferStated: {
      const auto& offer = event.offer_stated();
      return fmt::format("offer {} {}{}", OneLine(offer.offer_id(), 60),
                         EnumText(*events::v1::OfferStated::Status_descriptor(), offer.status()),
                         InBrackets({offer.has_value() ? "worth " + MoneyText(offer.value()) : "", offer.code()}));
    }
    case CustomerEvent::kPointsPosted:
      return Points(event.points_posted());
    case CustomerEvent::kTierStated:
      return fmt::format("tier {} in {}", OneLine(event.tier_stated().tier(), 60), event.tier_stated().programme());
    case CustomerEvent::kOpportunityStated: {
      const auto& sale = event.opportunity_stated();
      return fmt::format("possible sale {}: {}{}", OneLine(sale.opportunity_id(), 60), OneLine(sale.stage(), 60),
                         InBrackets({sale.has_amount() ? MoneyText(sale.amount()) : "", sale.lost_reason()}));
    }
    default:
      return "";
  }
}

}  // namespace tributary::cli::words
