#include <algorithm>

#include "catalogue.h"
#include "fmt/format.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

constexpr char kFrontDesk[] = "front-desk";

struct Booking {
  std::string id;
  std::string hotel;
  const Room* room = nullptr;
  absl::CivilDay arrival;
  int64_t nights = 1;
  int32_t adults = 2;
  int32_t children = 0;
  absl::Time booked_at;
  int64_t revision = 0;

  int64_t satang() const { return nights * room->satang; }
};

absl::Time At(absl::CivilDay day, int64_t minutes) {
  return absl::FromCivil(absl::CivilMinute(day) + minutes, Bangkok());
}

void StateStay(Booking& booking, ev::StayStated::Status status, ev::CustomerEvent* event) {
  event->set_location_id(booking.hotel);
  ev::StayStated* stay = event->mutable_stay_stated();
  stay->set_issuer(kFrontDesk);
  stay->set_reservation_id(booking.id);
  stay->set_revision(++booking.revision);
  stay->set_status(status);
  stay->set_arrival_date(absl::FormatCivilTime(booking.arrival));
  stay->set_departure_date(absl::FormatCivilTime(booking.arrival + booking.nights));
  stay->set_room_type(std::string(booking.room->type));
  stay->set_rate_plan(std::string(booking.room->rate_plan));
  stay->set_adults(booking.adults);
  stay->set_children(booking.children);
  SetBaht(booking.satang(), stay->mutable_total());
  stay->mutable_booked_at()->set_seconds(absl::ToUnixSeconds(booking.booked_at));
}

// As the front desk knows the guest: by address, and by number where it tells one person.
void ByGuest(Stage& stage, ev::Verification verification) {
  stage.ByAccount(verification);
  stage.ByEmail(stage.who().email, verification);
  if (stage.MayGivePhone()) stage.ByPhone(stage.who().phone, verification);
}

void EatInHouse(Stage& stage, const Booking& booking) {
  const Dish& dish = Pick(Menu(), stage.random());
  const int64_t quantity = stage.Between(1, 3);
  const std::string order_id = stage.NewId("RS");
  ev::CustomerEvent* event = stage.Add(place::kHotel);
  if (stage.who().known) {
    stage.ByAccount(ev::VERIFICATION_STAFF);
  } else {
    stage.ByEmail(stage.who().email);
  }
  event->set_location_id(booking.hotel);
  ev::OrderStated* order = event->mutable_order_stated();
  order->mutable_order()->set_issuer("room-service");
  order->mutable_order()->set_order_id(order_id);
  order->set_revision(1);
  order->set_status(ev::OrderStated::STATUS_COMPLETED);
  ev::OrderLine* line = order->add_lines();
  line->set_line_id("1");
  line->mutable_product()->set_product_id(std::string(dish.id));
  line->mutable_product()->set_name(std::string(dish.name));
  line->mutable_product()->set_category(std::string(dish.category));
  line->mutable_quantity()->set_units(quantity);
  SetBaht(dish.satang, line->mutable_unit_price());
  SetBaht(quantity * dish.satang, order->mutable_total());
  EarnPoints(stage, place::kHotel, "room-service", order_id, quantity * dish.satang);
}

void CheckOut(Stage& stage, Booking booking) {
  ev::CustomerEvent* event = stage.Add(place::kHotel);
  ByGuest(stage, ev::VERIFICATION_STAFF);
  StateStay(booking, ev::StayStated::STATUS_CHECKED_OUT, event);
  stage.PassMinutes(1, 5);
  RecordPayment(stage, place::kHotel, "", "", booking.satang(), ev::PaymentRecorded::STATUS_PAID);
  ByGuest(stage, ev::VERIFICATION_STAFF);
  AskAfterVisit(stage, Subject::kRoom, booking.hotel, 55);
}

void CheckIn(Stage& stage, Booking booking) {
  if (stage.who().joining == Joining::kCheckIn) BecomeKnown(stage);
  ev::CustomerEvent* event = stage.Add(place::kHotel);
  ByGuest(stage, ev::VERIFICATION_DOCUMENT);
  event->set_staff_id(fmt::format("desk-{:02}", stage.Between(1, 20)));
  StateStay(booking, ev::StayStated::STATUS_CHECKED_IN, event);
  event->mutable_stay_stated()->set_room(fmt::format("{}{:02}", stage.Between(1, 8), stage.Between(1, 20)));
  // The registration card is signed on the tablet at the desk, which all guests use.
  if (stage.who().known) {
    stage.PassMinutes(1, 5);
    ev::CustomerEvent* card = stage.Add(place::kKiosk);
    stage.ByTablet(booking.hotel);
    stage.ByAccount(ev::VERIFICATION_DOCUMENT);
    card->set_location_id(booking.hotel);
    card->mutable_tracked()->set_name("Registration Card Signed");
  }
  for (int64_t night = 0; night < booking.nights; ++night) {
    if (!stage.Chance(60)) continue;
    stage.Later(At(booking.arrival + night, stage.Between(17 * 60, 22 * 60)),
                [booking](Stage& later) { EatInHouse(later, booking); });
  }
  stage.Later(At(booking.arrival + booking.nights, stage.Between(9 * 60, 12 * 60)),
              [booking](Stage& later) { CheckOut(later, booking); });
}

void Change(Stage& stage, Booking booking) {
  ev::CustomerEvent* event = stage.Add(place::kHotel);
  ByGuest(stage, ev::VERIFICATION_STATED);
  ++booking.nights;
  StateStay(booking, ev::StayStated::STATUS_BOOKED, event);
  stage.Later(At(booking.arrival, stage.Between(14 * 60, 21 * 60)),
              [booking](Stage& later) { CheckIn(later, booking); });
}

void End(Stage& stage, Booking booking, ev::StayStated::Status status) {
  ev::CustomerEvent* event = stage.Add(place::kHotel);
  ByGuest(stage, ev::VERIFICATION_STATED);
  StateStay(booking, status, event);
}

// By the website, by telephone, or by an agency that tells name and address alone.
void StateBooking(Stage& stage, Booking& booking) {
  const uint64_t way = stage.random().Below(10);
  ev::CustomerEvent* event = stage.Add(way < 6 ? place::kWeb : place::kHotel);
  if (way < 6) {
    stage.ByCookie();
    stage.ByEmail(stage.TypedEmail());
    if (stage.MayGivePhone()) stage.ByPhone(stage.TypedPhone(), ev::VERIFICATION_STATED);
    if (stage.Chance(60)) stage.ByAccount();
  } else if (way < 8) {
    stage.ByPhone(stage.who().phone, ev::VERIFICATION_STAFF);
    event->set_channel(ev::CHANNEL_CALL);
  } else {
    stage.ByEmail(stage.who().email);
    event->set_channel(ev::CHANNEL_PARTNER);
  }
  if (stage.Chance(15)) stage.Beside(stage.SomebodyElse(), ev::IDENTIFIER_ROLE_BOOKER, false);
  if (stage.Chance(12)) stage.Beside(stage.SomebodyElse(), ev::IDENTIFIER_ROLE_GUEST, true);
  if (stage.Chance(8)) stage.Beside(stage.SomebodyElse(), ev::IDENTIFIER_ROLE_PAYER, false);
  StateStay(booking, ev::StayStated::STATUS_BOOKED, event);
}

}  // namespace

void BookStay(Stage& stage) {
  const Character& who = stage.who();
  const absl::CivilDay today = absl::ToCivilDay(stage.now(), Bangkok());
  const bool tourist = who.habit == Habit::kTourist;
  Booking booking;
  booking.id = stage.NewId("H");
  booking.hotel = stage.Chance(70) ? who.hotel : std::string(Pick(Hotels(), stage.random()));
  booking.room = &Pick(Rooms(), stage.random());
  booking.arrival = today + stage.Between(1, tourist ? 7 : 40);
  booking.nights = stage.Between(1, tourist ? 5 : 3);
  booking.children = stage.Chance(25) ? 1 : 0;
  booking.booked_at = stage.now();
  StateBooking(stage, booking);
  const uint64_t fate = stage.random().Below(100);
  const absl::Time between = stage.now() + (At(booking.arrival, 0) - stage.now()) / 2;
  if (fate < 8) {
    stage.Later(between, [booking](Stage& later) { End(later, booking, ev::StayStated::STATUS_CANCELLED); });
  } else if (fate < 10) {
    stage.Later(At(booking.arrival, 23 * 60 + 30),
                [booking](Stage& later) { End(later, booking, ev::StayStated::STATUS_NO_SHOW); });
  } else if (fate < 20) {
    stage.Later(between, [booking](Stage& later) { Change(later, booking); });
  } else {
    stage.Later(At(booking.arrival, stage.Between(14 * 60, 21 * 60)),
                [booking](Stage& later) { CheckIn(later, booking); });
  }
}

}  // namespace tributary::generator::scene
