#include "fmt/format.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

void StateConsent(Stage& stage, const Place& place, ev::ConsentStated::Status status, std::string_view method) {
  ev::CustomerEvent* event = stage.Add(place);
  stage.ByEmail(stage.who().email);
  ev::ConsentStated* consent = event->mutable_consent_stated();
  consent->mutable_contact_point()->set_channel(ev::CHANNEL_EMAIL);
  consent->mutable_contact_point()->set_address(stage.who().email);
  consent->set_purpose("marketing");
  consent->set_channel(ev::CHANNEL_EMAIL);
  consent->set_status(status);
  consent->set_text_version("2025-01");
  consent->set_method(std::string(method));
}

}  // namespace

void AllowNews(Stage& stage, const Place& place) {
  const bool allows = stage.Chance(82);
  stage.who().takes_news = allows;
  StateConsent(stage, place, allows ? ev::ConsentStated::STATUS_GIVEN : ev::ConsentStated::STATUS_REFUSED,
               place.source == "pos" ? "paper_form" : "web_form");
}

void WithdrawNews(Stage& stage) {
  if (!stage.who().takes_news) return;
  stage.who().takes_news = false;
  StateConsent(stage, place::kMailIn, ev::ConsentStated::STATUS_WITHDRAWN, "unsubscribe_link");
}

void StateWishes(Stage& stage) {
  if (!stage.who().known) return;
  ev::CustomerEvent* event = stage.Add(stage.who().has_app ? place::kApp : place::kWeb);
  if (stage.who().has_app) {
    stage.ByDevice();
  } else {
    stage.ByCookie();
  }
  stage.ByAccount();
  ev::PreferenceStated* wishes = event->mutable_preference_stated();
  wishes->add_channels(stage.who().line_linked ? ev::CHANNEL_LINE : ev::CHANNEL_EMAIL);
  wishes->set_language(stage.who().language);
  ev::LocalHours* hours = wishes->add_hours();
  hours->set_from_minute(9 * 60);
  hours->set_until_minute(20 * 60);
}

void GetNewsletter(Stage& stage, int campaign) {
  if (!stage.who().takes_news) return;
  const std::string send_id = stage.NewId("send-");
  const auto report = [&](ev::DeliveryReported::Status status) {
    ev::CustomerEvent* event = stage.Add(place::kMailOut);
    stage.ByEmail(stage.who().email);
    event->mutable_attribution()->set_campaign_id(fmt::format("news-{:02}", campaign));
    ev::DeliveryReported* delivery = event->mutable_delivery_reported();
    delivery->mutable_contact_point()->set_channel(ev::CHANNEL_EMAIL);
    delivery->mutable_contact_point()->set_address(stage.who().email);
    delivery->set_send_id(send_id);
    delivery->set_status(status);
    return delivery;
  };
  if (stage.random().Below(60) == 0) {
    report(ev::DeliveryReported::STATUS_BOUNCED)->set_bounce_class(ev::DeliveryReported::BOUNCE_CLASS_TRANSIENT);
    return;
  }
  report(ev::DeliveryReported::STATUS_DELIVERED);
  if (!stage.Chance(38)) return;
  stage.PassMinutes(2, 60 * 20);
  report(ev::DeliveryReported::STATUS_OPENED);
  stage.PassMinutes(0, 2);
  if (stage.Chance(22)) {
    report(ev::DeliveryReported::STATUS_CLICKED);
  } else if (stage.random().Below(60) == 0) {
    stage.PassMinutes(0, 2);
    WithdrawNews(stage);
  }
}

}  // namespace tributary::generator::scene
