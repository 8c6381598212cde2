// What events say of traits, points, stays and consents, read plainly: every question looks at all events anew. Used by
// the property test as the other opinion.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "profile/tests/journey.h"

namespace tributary::profile::testing {

// Events that count, corrected, of one customer.
class PlainStatements {
 public:
  void Add(const CustomerEvent& event) { events_.push_back(event); }

  // As StatedText().
  std::string Traits() const {
    std::string text;
    for (const std::string name : {"birth_date", "language", "names.en", "names.th", "addresses.home", "addresses.work",
                                   "traits.size", "traits.vip"}) {
      const std::string value = Trait(name);
      if (!value.empty()) text += (text.empty() ? "" : " ") + name + "=" + value;
    }
    return text;
  }

  // As PointsText().
  std::string Points() const {
    std::map<std::pair<std::string, std::string>, const CustomerEvent*> postings;
    for (const CustomerEvent& event : events_) {
      if (!event.has_points_posted()) continue;
      const CustomerEvent*& kept = postings[{event.points_posted().programme(), event.points_posted().entry_id()}];
      if (kept == nullptr || Rank(*kept) < Rank(event)) kept = &event;
    }
    std::map<std::string, std::pair<int64_t, int>> sums;
    for (const auto& [posting, event] : postings) {
      sums[posting.first].first += event->points_posted().points();
      ++sums[posting.first].second;
    }
    std::string text;
    for (const auto& [programme, sum] : sums) {
      text += fmt::format("{}{} {} of {}", text.empty() ? "" : ", ", programme, sum.first, sum.second);
    }
    return text;
  }

  // Reservation and arrival; empty if no guest came.
  std::string LastStay() const {
    std::map<std::string, const CustomerEvent*> stays;
    for (const CustomerEvent& event : events_) {
      if (!event.has_stay_stated()) continue;
      const CustomerEvent*& kept = stays[event.stay_stated().reservation_id()];
      const auto rank = [](const CustomerEvent& of) { return std::pair(of.stay_stated().revision(), Rank(of)); };
      if (kept == nullptr || rank(*kept) < rank(event)) kept = &event;
    }
    std::pair<std::string, std::string> last;
    for (const auto& [reservation, event] : stays) {
      const auto status = event->stay_stated().status();
      if (status != events::v1::StayStated::STATUS_CHECKED_IN && status != events::v1::StayStated::STATUS_CHECKED_OUT) {
        continue;
      }
      last = std::max(last, {event->stay_stated().arrival_date(), reservation});
    }
    return last.second + last.first;
  }

  // "address purpose channel yes|no by" for each at a moment.
  std::set<std::string> Consents(int64_t at) const {
    std::map<Scope, const CustomerEvent*> latest;
    for (const CustomerEvent& event : events_) {
      if (!event.has_consent_stated() || event.occurred_at().seconds() > at) continue;
      const CustomerEvent*& kept = latest[ScopeOf(event)];
      if (kept == nullptr || Rank(*kept) < Rank(event)) kept = &event;
    }
    std::set<std::string> texts;
    for (const auto& [scope, event] : latest) {
      const CustomerEvent* overruling = Refuses(*event) ? nullptr : Overruling(scope, *event, latest);
      const auto& consent = event->consent_stated();
      const bool over = consent.has_valid_until() && consent.valid_until().seconds() <= at;
      texts.insert(ConsentText(std::get<0>(scope), std::get<1>(scope), std::get<2>(scope),
                               !Refuses(*event) && overruling == nullptr && !over,
                               overruling == nullptr ? "" : overruling->source_id() + "/" + overruling->event_id()));
    }
    return texts;
  }

  static std::string ConsentText(const std::string& address, const std::string& purpose, int channel, bool holds,
                                 const std::string& overruled_by) {
    return fmt::format("{} {} {} {} {}", address, purpose, channel, holds ? "yes" : "no", overruled_by);
  }

  // The channel with most entries that are not outbound.
  int FavouriteChannel() const {
    std::map<int, int> counts;
    for (const CustomerEvent& event : events_) {
      if (event.direction() != events::v1::DIRECTION_OUTBOUND && event.channel() != 0) ++counts[event.channel()];
    }
    int favourite = 0;
    for (const auto& [channel, count] : counts) {
      if (favourite == 0 || count > counts[favourite]) favourite = channel;
    }
    return favourite;
  }

 private:
  using Scope = std::tuple<std::string, std::string, int>;  // address, purpose, channel

  static std::tuple<int64_t, int32_t, std::string, std::string> Rank(const CustomerEvent& event) {
    return {event.occurred_at().seconds(), event.source_priority(), event.event_id(), event.source_id()};
  }

  // What the event makes of the trait: says nothing, clears it (an empty value), or a value.
  static std::optional<std::string> Says(const CustomerEvent& event, const std::string& trait) {
    const events::v1::TraitsStated& stated = event.traits_stated();
    if (trait == "birth_date" && !stated.birth_date().empty()) return stated.birth_date();
    if (trait == "language" && !stated.language().empty()) return stated.language();
    for (const auto& name : stated.names()) {
      if (trait == "names." + name.language()) return name.full();
    }
    for (const auto& address : stated.addresses()) {
      if (trait == "addresses." + address.kind()) return address.postal_code();
    }
    for (const auto& property : stated.traits()) {
      if (trait == "traits." + property.key()) return property.value().string_value();
    }
    for (const std::string& cleared : stated.cleared()) {
      if (trait == cleared || trait.substr(0, trait.find('.')) == cleared) return "";
    }
    return std::nullopt;
  }

  std::string Trait(const std::string& trait) const {
    std::string value;
    const CustomerEvent* last = nullptr;
    for (const CustomerEvent& event : events_) {
      const std::optional<std::string> says = Says(event, trait);
      if (!says.has_value() || (last != nullptr && Rank(event) < Rank(*last))) continue;
      last = &event;
      value = *says;
    }
    return value;
  }

  static Scope ScopeOf(const CustomerEvent& event) {
    const auto& consent = event.consent_stated();
    const int channel =
        consent.channel() == 0 && consent.has_contact_point() ? consent.contact_point().channel() : consent.channel();
    return {consent.contact_point().address(), consent.purpose(), channel};
  }

  static bool Refuses(const CustomerEvent& event) {
    return event.consent_stated().status() != events::v1::ConsentStated::STATUS_GIVEN;
  }

  static const CustomerEvent* Overruling(const Scope& scope, const CustomerEvent& given,
                                         const std::map<Scope, const CustomerEvent*>& latest) {
    const auto& [address, purpose, channel] = scope;
    const CustomerEvent* of_person = nullptr;
    for (const auto& [other, event] : latest) {
      const auto& [other_address, other_purpose, other_channel] = other;
      if (!other_address.empty()) continue;
      if (!other_purpose.empty() && other_purpose != purpose) continue;
      if (other_channel != 0 && other_channel != channel) continue;
      if (of_person == nullptr || Rank(*of_person) < Rank(*event)) of_person = event;
    }
    if (of_person != nullptr && Refuses(*of_person)) return of_person;
    const auto wide = latest.find({address, "", channel});
    if (address.empty() || wide == latest.end() || !Refuses(*wide->second)) return nullptr;
    return Rank(given) < Rank(*wide->second) ? wide->second : nullptr;
  }

  std::vector<CustomerEvent> events_;
};

}  // namespace tributary::profile::testing
