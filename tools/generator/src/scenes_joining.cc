#include "fmt/format.h"
#include "scenes.h"

namespace tributary::generator::scene {
namespace {

void StateTraits(Stage& stage, ev::CustomerEvent* event) {
  const Character& who = stage.who();
  ev::TraitsStated* traits = event->mutable_traits_stated();
  ev::PersonName* name = traits->add_names();
  name->set_language(who.prefix.empty() ? "en" : "th");
  name->set_prefix(who.prefix);
  name->set_given(who.given);
  name->set_family(who.family);
  traits->set_language(who.language);
}

void OpenCard(Stage& stage, const Place& place, ev::PointsPosted::Kind kind, int64_t points) {
  ev::CustomerEvent* event = stage.Add(place);
  stage.ByCard();
  stage.ByAccount(ev::VERIFICATION_STAFF);
  event->set_location_id(stage.who().restaurant);
  ev::PointsPosted* posting = event->mutable_points_posted();
  posting->set_programme(std::string(kProgramme));
  posting->set_entry_id(stage.NewId("P"));
  posting->set_kind(kind);
  posting->set_points(points);
  stage.who().points += points;
  stage.Pass(absl::Seconds(1));

  ev::CustomerEvent* tier = stage.Add(place);
  stage.ByCard();
  tier->mutable_tier_stated()->set_programme(std::string(kProgramme));
  tier->mutable_tier_stated()->set_tier(points > 1'500 ? "gold" : "green");
}

void SignUpAtStore(Stage& stage) {
  ev::CustomerEvent* event = stage.Add(place::kStore);
  stage.ByAccount(ev::VERIFICATION_STAFF);
  stage.ByCard();
  stage.ByPhone(stage.TypedPhone(), ev::VERIFICATION_STATED);
  if (stage.Chance(60)) stage.ByEmail(stage.TypedEmail());
  event->set_location_id(stage.who().restaurant);
  event->set_staff_id(fmt::format("staff-{:02}", stage.Between(1, 60)));
  StateTraits(stage, event);
}

void SignUpOnLine(Stage& stage) {
  ev::CustomerEvent* event = stage.Add(place::kLineIn);
  stage.ByLine();
  stage.ByAccount();
  stage.ByPhone(stage.who().phone, ev::VERIFICATION_ONE_TIME_CODE);
  StateTraits(stage, event);
  stage.who().line_linked = true;
}

void SignUpOnline(Stage& stage, bool in_app) {
  ev::CustomerEvent* event = stage.Add(in_app ? place::kApp : place::kWeb);
  if (in_app) {
    stage.ByDevice();
  } else {
    stage.ByCookie();
  }
  stage.ByAccount();
  stage.ByEmail(stage.who().email, ev::VERIFICATION_ONE_TIME_CODE);
  stage.ByPhone(stage.TypedPhone(), ev::VERIFICATION_STATED);
  StateTraits(stage, event);
  stage.PassMinutes(1, 3);
  AllowNews(stage, in_app ? place::kApp : place::kWeb);
  if (!stage.Chance(40)) return;
  ev::CustomerEvent* source = stage.Add(place::kWeb);
  stage.ByCookie();
  stage.ByAccount();
  source->mutable_source_stated()->set_choice(stage.Chance(50) ? "friend" : "social_media");
}

}  // namespace

void BecomeKnown(Stage& stage) { stage.who().known = true; }

void BringOver(Stage& stage) {
  BecomeKnown(stage);
  ev::CustomerEvent* event = stage.Add(place::kStore);
  stage.ByAccount(ev::VERIFICATION_STAFF);
  stage.ByCard();
  if (stage.Chance(88)) stage.ByEmail(stage.who().email);
  stage.ByPhone(stage.who().phone, ev::VERIFICATION_STAFF);
  event->set_location_id(stage.who().restaurant);
  event->set_import_ref("members-file");
  StateTraits(stage, event);
  stage.Pass(absl::Seconds(1));
  OpenCard(stage, place::kStore, ev::PointsPosted::KIND_OPENING, stage.Between(20, 2'400));
  stage.Pass(absl::Seconds(1));
  if (stage.Chance(65)) AllowNews(stage, place::kStore);
}

void SignUp(Stage& stage) {
  if (stage.who().known) return;
  BecomeKnown(stage);
  switch (stage.who().joining) {
    case Joining::kStore:
      SignUpAtStore(stage);
      break;
    case Joining::kLine:
      SignUpOnLine(stage);
      break;
    case Joining::kApp:
      SignUpOnline(stage, true);
      break;
    default:
      SignUpOnline(stage, false);
  }
  stage.PassMinutes(1, 4);
  OpenCard(stage, place::kStore, ev::PointsPosted::KIND_BONUS, 100);
}

void LinkLine(Stage& stage) {
  if (stage.who().line_linked || !stage.MayGivePhone()) return;
  ev::CustomerEvent* event = stage.Add(place::kLineIn);
  stage.ByLine();
  stage.ByPhone(stage.who().phone, ev::VERIFICATION_ONE_TIME_CODE);
  stage.ByAccount();
  event->mutable_tracked()->set_name("LINE Account Linked");
  stage.who().line_linked = true;
}

}  // namespace tributary::generator::scene
