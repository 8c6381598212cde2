#include "stage.h"

#include <cctype>

#include "fmt/format.h"
#include "people.h"

namespace tributary::generator {

absl::TimeZone Bangkok() { return absl::FixedTimeZone(7 * 60 * 60); }

Stage::Stage(const HistoryOptions& options, const Cast& cast, SeededRandom& random)
    : random_(random),
      cast_(cast),
      start_(absl::FromCivil(options.first_day, Bangkok())),
      end_(absl::FromCivil(options.first_day + options.days, Bangkok())) {}

void Stage::Later(absl::Time at, Scene scene) { agenda_.push({at, ++order_, std::move(scene)}); }

void Stage::Play() {
  while (!agenda_.empty()) {
    Entry entry = agenda_.top();
    agenda_.pop();
    if (entry.at < start_ || entry.at >= end_) continue;
    now_ = entry.at;
    entry.scene(*this);
  }
}

ev::CustomerEvent* Stage::Add(const Place& place) {
  Made& made = made_.emplace_back();
  made.person = who_->number;
  ev::CustomerEvent& event = made.event;
  event.set_event_id(NewId(fmt::format("{}-", place.source)));
  event.set_source_id(std::string(place.source));
  event.mutable_occurred_at()->set_seconds(absl::ToUnixSeconds(now_));
  event.set_time_zone("Asia/Bangkok");
  event.set_channel(place.channel);
  event.set_direction(place.direction);
  event.set_brand_id("baansuan");
  return &event;
}

std::string Stage::NewId(std::string_view prefix) {
  auto found = numbers_.find(prefix);
  if (found == numbers_.end()) found = numbers_.emplace(std::string(prefix), 0).first;
  return fmt::format("{}{:06}", prefix, ++found->second);
}

const Character& Stage::SomebodyElse() {
  const std::vector<Character>& people = cast_.people;
  const Character& other = people[random_.Below(people.size())];
  return other.number != who_->number ? other : people[static_cast<size_t>(other.number) % people.size()];
}

void Stage::Put(std::string_view type, std::string_view issuer, const std::string& value, const std::string& canonical,
                ev::Verification verification) {
  Made& made = made_.back();
  ev::Identifier* identifier = made.event.add_identifiers();
  identifier->set_type(std::string(type));
  // Whose cookie it is, ingestion tells by the source.
  const bool of_source = type == "cookie" || type == "device";
  if (!of_source) identifier->set_issuer(std::string(issuer));
  identifier->set_value(value);
  identifier->set_verification(verification);
  const auto [found, inserted] =
      index_.try_emplace(fmt::format("{}\n{}\n{}", type, issuer, canonical), static_cast<int32_t>(identifiers_.size()));
  if (inserted) identifiers_.push_back({std::string(type), std::string(issuer), canonical, {}, 0});
  made.used.push_back(found->second);
}

void Stage::ByCookie() {
  const std::string& cookie = who_->cookies.back();
  Put("cookie", made_.back().event.source_id(), cookie, cookie, ev::VERIFICATION_NONE);
}

void Stage::ByTablet(std::string_view location) {
  auto found = tablets_.find(location);
  if (found == tablets_.end()) found = tablets_.emplace(std::string(location), Hex(random_, 20)).first;
  Put("cookie", made_.back().event.source_id(), found->second, found->second, ev::VERIFICATION_NONE);
}

void Stage::ByDevice() {
  const std::string& device = who_->devices.back();
  Put("device", made_.back().event.source_id(), device, device, ev::VERIFICATION_NONE);
}

void Stage::ByEmail(const std::string& email, ev::Verification verification) {
  std::string written = email;
  // Some write their names with capitals.
  if (random_.Below(8) == 0) written[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(written[0])));
  if (random_.Below(40) == 0) {
    for (char& c : written) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  Put("email", "", written, CanonicalEmail(email), verification);
}

void Stage::ByPhone(const std::string& phone, ev::Verification verification) {
  Put("phone", "", Spell(phone, random_), CanonicalPhone(phone), verification);
}

void Stage::ByCard() { Put("loyalty_card", kProgramme, who_->card, who_->card, ev::VERIFICATION_STAFF); }

void Stage::ByLine() { Put("line_user", kLineChannel, who_->line_user, who_->line_user, ev::VERIFICATION_NONE); }

void Stage::ByAccount(ev::Verification verification) {
  if (who_->known) Put("customer_id", kCrm, who_->customer_id, who_->customer_id, verification);
}

void Stage::Beside(const Character& other, ev::IdentifierRole role, bool by_phone) {
  ev::Identifier* identifier = made_.back().event.add_identifiers();
  identifier->set_type(by_phone ? "phone" : "email");
  identifier->set_value(by_phone ? Spell(other.phone, random_) : other.email);
  identifier->set_role(role);
  identifier->set_verification(ev::VERIFICATION_STATED);
}

std::string Stage::TypedPhone() {
  // Where a customer number stands beside it, a member's number that is hit is told apart from the member.
  if (!who_->near_phone.empty() && who_->known && Chance(30)) return who_->near_phone;
  return random_.Below(1'000) < 12 ? MistypePhone(who_->phone, random_) : who_->phone;
}

std::string Stage::TypedEmail() {
  const std::string& email = !who_->work_email.empty() && Chance(30) ? who_->work_email : who_->email;
  return random_.Below(1'000) < 12 ? MistypeEmail(email, random_) : email;
}

}  // namespace tributary::generator
