#include <array>

#include "catalogue.h"
#include "fmt/format.h"
#include "people.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

constexpr char kSite[] = "https://baansuan.example";

void SetDevice(Stage& stage, ev::CustomerEvent* event, bool phone) {
  ev::Context* context = event->mutable_context();
  context->set_device_type(phone ? "phone" : "desktop");
  context->set_os_name(phone ? (stage.who().number % 3 == 0 ? "iOS" : "Android") : "Windows");
  context->set_locale(stage.who().language == "th" ? "th-TH" : "en-GB");
}

void Attribute(Stage& stage, ev::CustomerEvent* event) {
  ev::Attribution* attribution = event->mutable_attribution();
  switch (stage.random().Below(4)) {
    case 0:
      attribution->set_utm_source("facebook");
      attribution->set_utm_medium("paid-social");
      attribution->set_utm_campaign(absl::ToCivilMonth(stage.now(), Bangkok()).month() == 4 ? "songkran" : "weekday");
      break;
    case 1:
      attribution->set_utm_source("google");
      attribution->set_utm_medium("cpc");
      attribution->set_utm_term("ร้านอาหารไทย ริมน้ำ");
      break;
    case 2:
      attribution->set_utm_source("newsletter");
      attribution->set_utm_medium("email");
      break;
    default:
      attribution->set_referrer("https://www.google.com/");
  }
}

void View(Stage& stage, ev::CustomerEvent* event) {
  if (stage.Chance(70)) {
    const Page& page = Pick(Pages(), stage.random());
    event->mutable_page_viewed()->set_url(fmt::format("{}{}", kSite, page.path));
    event->mutable_page_viewed()->set_title(std::string(page.title));
    return;
  }
  ev::ProductInteracted* interaction = event->mutable_product_interacted();
  if (stage.Chance(15)) {
    interaction->set_action(ev::ProductInteracted::ACTION_SEARCHED);
    interaction->set_query(std::string(Pick(Menu(), stage.random()).category));
    return;
  }
  interaction->set_action(ev::ProductInteracted::ACTION_VIEWED);
  const Dish& dish = Pick(Menu(), stage.random());
  interaction->mutable_product()->set_product_id(std::string(dish.id));
  interaction->mutable_product()->set_name(std::string(dish.name));
  interaction->mutable_product()->set_category(std::string(dish.category));
}

}  // namespace

void VisitWebsite(Stage& stage) {
  Character& who = stage.who();
  // Another browser, or cookies that were cleared.
  if (stage.random().Below(25) == 0) who.cookies.push_back(Hex(stage.random(), 20));
  const std::string session = stage.NewId("session-");
  const bool phone = stage.Chance(72);
  const int64_t events = stage.Between(2, 7);
  // Whoever has an account logs in now and then, mostly not on the first page.
  const int64_t login = who.known && stage.Chance(45) ? stage.Between(0, events - 1) : events;
  for (int64_t i = 0; i < events; ++i) {
    ev::CustomerEvent* event = stage.Add(place::kWeb);
    stage.ByCookie();
    if (i >= login) stage.ByAccount();
    event->set_session_id(session);
    SetDevice(stage, event, phone);
    if (i == 0 && stage.Chance(45)) Attribute(stage, event);
    if (i == login) {
      event->mutable_tracked()->set_name("Logged In");
    } else {
      View(stage, event);
    }
    stage.Pass(absl::Seconds(stage.Between(8, 240)));
  }
}

void OpenApp(Stage& stage) {
  Character& who = stage.who();
  if (!who.has_app) return;
  if (stage.random().Below(60) == 0) who.devices.push_back(Hex(stage.random(), 32));
  const std::string session = stage.NewId("app-session-");
  const int64_t events = stage.Between(2, 5);
  constexpr std::array<std::string_view, 5> kScreens = {"home", "rewards", "menu", "orders", "branches"};
  for (int64_t i = 0; i < events; ++i) {
    ev::CustomerEvent* event = stage.Add(place::kApp);
    stage.ByDevice();
    stage.ByAccount();
    event->set_session_id(session);
    event->mutable_context()->set_app_name("Baan Suan Club");
    event->mutable_context()->set_app_version("4.2.0");
    event->mutable_screen_viewed()->set_name(std::string(i == 0 ? kScreens[0] : kScreens[stage.random().Below(5)]));
    stage.Pass(absl::Seconds(stage.Between(3, 90)));
  }
}

void UseTablet(Stage& stage) {
  const std::string& location = stage.Chance(80) ? stage.who().restaurant : stage.who().hotel;
  ev::CustomerEvent* event = stage.Add(place::kKiosk);
  stage.ByTablet(location);
  event->set_location_id(location);
  event->mutable_page_viewed()->set_url(fmt::format("{}/menu", kSite));
  event->mutable_page_viewed()->set_name("tablet-menu");
  stage.Pass(absl::Seconds(stage.Between(10, 120)));
  if (!stage.who().known || stage.Chance(40)) return;
  ev::CustomerEvent* looked_up = stage.Add(place::kKiosk);
  stage.ByTablet(location);
  stage.ByAccount(ev::VERIFICATION_STATED);
  looked_up->set_location_id(location);
  looked_up->mutable_tracked()->set_name("Points Looked Up");
}

}  // namespace tributary::generator::scene
