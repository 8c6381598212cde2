#include "event_builder.h"

#include "fmt/format.h"

namespace tributary::generator {
namespace {

void Put(ev::CustomerEvent* event, std::string_view type, std::string_view issuer, std::string_view value,
         ev::Verification verification) {
  ev::Identifier* identifier = event->add_identifiers();
  identifier->set_type(std::string(type));
  identifier->set_issuer(std::string(issuer));
  identifier->set_value(std::string(value));
  identifier->set_verification(verification);
}

}  // namespace

void SetBaht(int64_t satang, ev::Money* money) {
  money->set_currency("THB");
  money->set_units(satang / 100);
  money->set_nanos(static_cast<int32_t>(satang % 100) * 10'000'000);
}

void EventBuilder::Begin(const Person& person, absl::Time at) {
  person_ = &person;
  now_ = at;
}

ev::CustomerEvent* EventBuilder::Add(const Place& place) {
  ev::CustomerEvent& event = events_.emplace_back();
  event.set_event_id(NewId(fmt::format("{}-", place.source)));
  event.set_source_id(std::string(place.source));
  event.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(now_));
  event.set_time_zone("Asia/Bangkok");
  event.set_channel(place.channel);
  event.set_direction(place.direction);
  event.set_brand_id("baansuan");
  return &event;
}

std::string EventBuilder::NewId(std::string_view prefix) {
  const auto found = numbers_.try_emplace(std::string(prefix), 0).first;
  return fmt::format("{}{:06}", prefix, ++found->second);
}

void EventBuilder::ByCookie(ev::CustomerEvent* event) const {
  Put(event, "cookie", "", person_->cookie, ev::VERIFICATION_NONE);
}
void EventBuilder::ByDevice(ev::CustomerEvent* event) const {
  Put(event, "device", "", person_->device, ev::VERIFICATION_NONE);
}
void EventBuilder::ByEmail(ev::CustomerEvent* event, ev::Verification verification) const {
  Put(event, "email", "", person_->email, verification);
}
void EventBuilder::ByPhone(ev::CustomerEvent* event, ev::Verification verification) {
  Put(event, "phone", "", SpellPhone(person_->phone, random_), verification);
}
void EventBuilder::ByCard(ev::CustomerEvent* event) const {
  Put(event, "loyalty_card", kProgramme, person_->loyalty_card, ev::VERIFICATION_STAFF);
}
void EventBuilder::ByLine(ev::CustomerEvent* event) const {
  Put(event, "line_user", kLineChannel, person_->line_user, ev::VERIFICATION_NONE);
}
void EventBuilder::ByCustomerId(ev::CustomerEvent* event) const {
  if (person_->customer_id.empty()) return;
  Put(event, "customer_id", options_.customer_issuer, person_->customer_id, ev::VERIFICATION_STAFF);
}

}  // namespace tributary::generator
