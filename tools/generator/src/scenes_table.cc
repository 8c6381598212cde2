#include <array>
#include <vector>

#include "catalogue.h"
#include "fmt/format.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

constexpr std::string_view kWebshop = "webshop";

struct Ordered {
  const Dish* dish;
  int64_t quantity;
};

// What is put in a basket, and what it comes to.
struct Basket {
  std::vector<Ordered> lines;
  int64_t satang = 0;
};

Basket Choose(Stage& stage, int64_t most) {
  Basket basket;
  const int64_t lines = stage.Between(1, most);
  for (int64_t i = 0; i < lines; ++i) {
    const Dish& dish = Pick(Menu(), stage.random());
    const int64_t quantity = stage.Chance(75) ? 1 : stage.Between(2, 4);
    basket.lines.push_back({&dish, quantity});
    basket.satang += quantity * dish.satang;
  }
  return basket;
}

void SetProduct(const Dish& dish, ev::ProductRef* product) {
  product->set_product_id(std::string(dish.id));
  product->set_name(std::string(dish.name));
  product->set_category(std::string(dish.category));
}

void StateOrder(ev::CustomerEvent* event, std::string_view issuer, const std::string& order_id, const Basket& basket,
                int64_t revision, ev::OrderStated::Status status) {
  ev::OrderStated* order = event->mutable_order_stated();
  order->mutable_order()->set_issuer(std::string(issuer));
  order->mutable_order()->set_order_id(order_id);
  order->set_revision(revision);
  order->set_status(status);
  for (size_t i = 0; i < basket.lines.size(); ++i) {
    ev::OrderLine* line = order->add_lines();
    line->set_line_id(fmt::format("{}", i + 1));
    SetProduct(*basket.lines[i].dish, line->mutable_product());
    line->mutable_quantity()->set_units(basket.lines[i].quantity);
    SetBaht(basket.lines[i].dish->satang, line->mutable_unit_price());
  }
  SetBaht(basket.satang, order->mutable_total());
}

// How a till knows whose bill it is: by card or by the number that is asked for.
struct AtTill {
  bool by_card = false;
  std::string phone;

  void On(Stage& stage) const {
    if (by_card) {
      stage.ByCard();
    } else {
      stage.ByPhone(phone, ev::VERIFICATION_STATED);
    }
  }
};

// The first dish comes back: asked for, then mostly refunded.
void GiveBack(Stage& stage, const AtTill& till, const std::string& order_id, const Basket& basket,
              const std::string& location) {
  const std::string return_id = stage.NewId("R");
  const int64_t refund = basket.lines.front().dish->satang;
  for (const int64_t revision : {1, 2}) {
    ev::CustomerEvent* event = stage.Add(place::kStore);
    till.On(stage);
    event->set_location_id(location);
    ev::ReturnStated* returned = event->mutable_return_stated();
    returned->mutable_order()->set_issuer(std::string(kTill));
    returned->mutable_order()->set_order_id(order_id);
    returned->set_return_id(return_id);
    returned->set_revision(revision);
    returned->set_status(revision == 1      ? ev::ReturnStated::STATUS_REQUESTED
                         : stage.Chance(85) ? ev::ReturnStated::STATUS_COMPLETED
                                            : ev::ReturnStated::STATUS_REJECTED);
    ev::ReturnLine* line = returned->add_lines();
    line->set_line_id("1");
    line->mutable_quantity()->set_units(1);
    SetBaht(refund, line->mutable_refund());
    SetBaht(refund, returned->mutable_refund());
    returned->set_reason(stage.who().language == "th" ? "อาหารไม่ตรงกับที่สั่ง" : "Not what was ordered");
    stage.PassMinutes(10, 60 * 24);
  }
}

void RecordVisit(Stage& stage, const AtTill& till, const std::string& location) {
  ev::CustomerEvent* event = stage.Add(place::kStore);
  till.On(stage);
  event->set_location_id(location);
  ev::VisitRecorded* visit = event->mutable_visit_recorded();
  visit->set_visit_id(stage.NewId("V"));
  visit->set_place(fmt::format("table-{:02}", stage.Between(1, 40)));
  visit->set_party_size(static_cast<int32_t>(stage.Between(1, 6)));
  stage.PassMinutes(20, 90);
}

void FillCart(Stage& stage, const Basket& basket) {
  for (const Ordered& ordered : basket.lines) {
    ev::CustomerEvent* event = stage.Add(place::kWeb);
    stage.ByCookie();
    ev::ProductInteracted* interaction = event->mutable_product_interacted();
    interaction->set_action(ev::ProductInteracted::ACTION_ADDED_TO_CART);
    SetProduct(*ordered.dish, interaction->mutable_product());
    interaction->mutable_quantity()->set_units(ordered.quantity);
    stage.Pass(absl::Seconds(stage.Between(5, 90)));
  }
  ev::CustomerEvent* event = stage.Add(place::kWeb);
  stage.ByCookie();
  ev::CartStated* cart = event->mutable_cart_stated();
  cart->set_cart_id(stage.NewId("cart-"));
  cart->set_revision(1);
  for (const Ordered& ordered : basket.lines) {
    ev::CartLine* line = cart->add_lines();
    SetProduct(*ordered.dish, line->mutable_product());
    line->mutable_quantity()->set_units(ordered.quantity);
    SetBaht(ordered.dish->satang, line->mutable_unit_price());
  }
  SetBaht(basket.satang, cart->mutable_total());
  stage.PassMinutes(1, 4);
}

void Deliver(Stage& stage, const std::string& order_id, const std::string& email) {
  const std::string fulfilment_id = stage.NewId("D");
  for (const auto status : {ev::FulfilmentStated::STATUS_SHIPPED, ev::FulfilmentStated::STATUS_DELIVERED}) {
    stage.PassMinutes(15, 35);
    ev::CustomerEvent* event = stage.Add(place::kStore);
    stage.ByEmail(email);
    event->set_direction(ev::DIRECTION_OUTBOUND);
    ev::FulfilmentStated* fulfilment = event->mutable_fulfilment_stated();
    fulfilment->set_fulfilment_id(fulfilment_id);
    fulfilment->mutable_order()->set_issuer(std::string(kWebshop));
    fulfilment->mutable_order()->set_order_id(order_id);
    fulfilment->set_revision(status == ev::FulfilmentStated::STATUS_SHIPPED ? 1 : 2);
    fulfilment->set_status(status);
    fulfilment->set_carrier("rider");
  }
}

}  // namespace

void RecordPayment(Stage& stage, const Place& place, const std::string& issuer, const std::string& order_id,
                   int64_t satang, ev::PaymentRecorded::Status status) {
  ev::CustomerEvent* event = stage.Add(place);
  ev::PaymentRecorded* payment = event->mutable_payment_recorded();
  payment->set_payment_id(stage.NewId("Y"));
  if (!order_id.empty()) {
    payment->mutable_order()->set_issuer(issuer);
    payment->mutable_order()->set_order_id(order_id);
  }
  payment->set_status(status);
  SetBaht(satang, payment->mutable_amount());
  constexpr std::array<std::string_view, 3> kMethods = {"promptpay", "card", "cash"};
  payment->set_method(std::string(kMethods[stage.random().Below(place.source == "web" ? 2 : 3)]));
  if (status == ev::PaymentRecorded::STATUS_FAILED) payment->set_failure_reason("insufficient_funds");
}

void EarnPoints(Stage& stage, const Place& place, const std::string& issuer, const std::string& order_id,
                int64_t satang) {
  Character& who = stage.who();
  if (!who.known) return;
  stage.Pass(absl::Seconds(2));
  ev::CustomerEvent* event = stage.Add(place);
  stage.ByCard();
  ev::PointsPosted* posting = event->mutable_points_posted();
  posting->set_programme(std::string(kProgramme));
  posting->set_entry_id(stage.NewId("P"));
  const bool spends = who.points > 400 && stage.Chance(12);
  posting->set_kind(spends ? ev::PointsPosted::KIND_REDEEMED : ev::PointsPosted::KIND_EARNED);
  posting->set_points(spends ? -300 : satang / 2'500 + 1);  // one for every 25 baht, and one for coming
  posting->mutable_order()->set_issuer(issuer);
  posting->mutable_order()->set_order_id(order_id);
  who.points += posting->points();
}

void EatOut(Stage& stage) {
  Character& who = stage.who();
  AtTill till;
  till.by_card = who.known && stage.Chance(68);
  // Who shows no card and gives no number is nobody to the till.
  if (!till.by_card && !stage.Chance(who.known ? 70 : 35)) return;
  if (!till.by_card) till.phone = stage.TypedPhone();
  const std::string location = stage.Chance(85) ? who.restaurant : std::string(Pick(Restaurants(), stage.random()));
  const Basket basket = Choose(stage, 4);
  const std::string order_id = stage.NewId("T");
  const std::string issuer(kTill);
  if (stage.Chance(50)) RecordVisit(stage, till, location);
  int64_t revision = 1;
  if (stage.Chance(20)) {  // stated when the kitchen takes it, too
    ev::CustomerEvent* placed = stage.Add(place::kStore);
    till.On(stage);
    placed->set_location_id(location);
    StateOrder(placed, issuer, order_id, basket, revision++, ev::OrderStated::STATUS_PLACED);
    stage.PassMinutes(15, 50);
  }
  ev::CustomerEvent* event = stage.Add(place::kStore);
  till.On(stage);
  event->set_location_id(location);
  StateOrder(event, issuer, order_id, basket, revision, ev::OrderStated::STATUS_COMPLETED);
  stage.Pass(absl::Seconds(stage.Between(20, 90)));
  RecordPayment(stage, place::kStore, issuer, order_id, basket.satang, ev::PaymentRecorded::STATUS_PAID);
  till.On(stage);
  EarnPoints(stage, place::kStore, issuer, order_id, basket.satang);
  if (stage.random().Below(50) == 0) {
    stage.PassMinutes(20, 60 * 20);
    GiveBack(stage, till, order_id, basket, location);
  }
  AskAfterVisit(stage, Subject::kTable, location, 14);
}

void OrderDelivery(Stage& stage) {
  Character& who = stage.who();
  const Basket basket = Choose(stage, 3);
  FillCart(stage, basket);
  const std::string order_id = stage.NewId("W");
  const std::string issuer(kWebshop);
  const std::string email = stage.TypedEmail();
  const bool by_phone = stage.MayGivePhone();
  const std::string phone = by_phone ? stage.TypedPhone() : "";
  ev::CustomerEvent* event = stage.Add(place::kWeb);
  stage.ByCookie();
  stage.ByEmail(email);
  if (by_phone) stage.ByPhone(phone, ev::VERIFICATION_STATED);
  stage.ByAccount();
  if (stage.Chance(6)) stage.Beside(stage.SomebodyElse(), ev::IDENTIFIER_ROLE_RECIPIENT, true);
  StateOrder(event, issuer, order_id, basket, 1, ev::OrderStated::STATUS_PLACED);
  stage.PassMinutes(1, 3);
  if (stage.Chance(6)) {
    RecordPayment(stage, place::kWeb, issuer, order_id, basket.satang, ev::PaymentRecorded::STATUS_FAILED);
    stage.ByCookie();
    stage.PassMinutes(1, 3);
  }
  RecordPayment(stage, place::kWeb, issuer, order_id, basket.satang, ev::PaymentRecorded::STATUS_PAID);
  stage.ByEmail(email);
  stage.PassMinutes(1, 5);

  // The branch that cooks it reports the same order, by what the webshop told it.
  const bool cancelled = stage.Chance(4);
  ev::CustomerEvent* confirmed = stage.Add(place::kStore);
  if (by_phone) {
    stage.ByPhone(phone);
  } else {
    stage.ByEmail(email);
  }
  confirmed->set_location_id(who.restaurant);
  StateOrder(confirmed, issuer, order_id, basket, 2,
             cancelled ? ev::OrderStated::STATUS_CANCELLED : ev::OrderStated::STATUS_COMPLETED);
  if (cancelled) {
    RecordPayment(stage, place::kWeb, issuer, order_id, basket.satang, ev::PaymentRecorded::STATUS_REFUNDED);
    stage.ByEmail(email);
    return;
  }
  Deliver(stage, order_id, email);
  EarnPoints(stage, place::kStore, issuer, order_id, basket.satang);
  AskAfterVisit(stage, Subject::kTable, who.restaurant, 10);
}

}  // namespace tributary::generator::scene
