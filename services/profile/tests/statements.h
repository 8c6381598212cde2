// Events that state traits, points, stays and consents, and answers as short text.
#pragma once

#include <string>
#include <utility>

#include "profile/tests/journey.h"

namespace tributary::profile::testing {

inline void AddName(const std::string& language, const std::string& full, events::v1::TraitsStated* stated) {
  events::v1::PersonName& name = *stated->add_names();
  name.set_language(language);
  name.set_full(full);
}

inline void AddAddress(const std::string& kind, const std::string& postal_code, events::v1::TraitsStated* stated) {
  events::v1::Address& address = *stated->add_addresses();
  address.set_kind(kind);
  address.set_postal_code(postal_code);
}

inline void AddTrait(const std::string& key, const std::string& value, events::v1::TraitsStated* stated) {
  events::v1::Property& property = *stated->add_traits();
  property.set_key(key);
  property.mutable_value()->set_string_value(value);
}

inline CustomerEvent PointsEvent(const std::string& profile, const std::string& id, int64_t seconds,
                                 const std::string& programme, const std::string& entry, int64_t points) {
  CustomerEvent event = Event(profile, id, seconds);
  event.mutable_points_posted()->set_programme(programme);
  event.mutable_points_posted()->set_entry_id(entry);
  event.mutable_points_posted()->set_kind(events::v1::PointsPosted::KIND_EARNED);
  event.mutable_points_posted()->set_points(points);
  return event;
}

inline CustomerEvent StayEvent(const std::string& profile, const std::string& id, int64_t seconds,
                               const std::string& reservation, int64_t revision, events::v1::StayStated::Status status,
                               const std::string& arrival) {
  CustomerEvent event = Event(profile, id, seconds);
  event.set_location_id("hotel-" + reservation);
  events::v1::StayStated& stay = *event.mutable_stay_stated();
  stay.set_issuer("pms");
  stay.set_reservation_id(reservation);
  stay.set_revision(revision);
  stay.set_status(status);
  stay.set_arrival_date(arrival);
  stay.set_departure_date("2026-12-31");
  return event;
}

// Of a mail address; empty: the person as a whole.
inline CustomerEvent ConsentEvent(const std::string& profile, const std::string& id, int64_t seconds,
                                  const std::string& address, const std::string& purpose,
                                  events::v1::ConsentStated::Status status,
                                  events::v1::Channel channel = events::v1::CHANNEL_EMAIL) {
  CustomerEvent event = Event(profile, id, seconds);
  events::v1::ConsentStated& consent = *event.mutable_consent_stated();
  if (!address.empty()) {
    consent.mutable_contact_point()->set_channel(events::v1::CHANNEL_EMAIL);
    consent.mutable_contact_point()->set_address(address);
  }
  consent.set_channel(channel);
  consent.set_purpose(purpose);
  consent.set_status(status);
  return event;
}

// "language=th names.en=Somchai", by the fields of TraitsStated.
inline std::string StatedText(const v1::GetTraitsResponse& traits) {
  std::string text;
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) text += (text.empty() ? "" : " ") + name + "=" + value;
  };
  const events::v1::TraitsStated& stated = traits.stated();
  add("birth_date", stated.birth_date());
  add("gender", stated.gender());
  add("language", stated.language());
  add("time_zone", stated.time_zone());
  for (const auto& name : stated.names()) add("names." + name.language(), name.full());
  for (const auto& address : stated.addresses()) add("addresses." + address.kind(), address.postal_code());
  for (const auto& trait : stated.traits()) add("traits." + trait.key(), trait.value().string_value());
  return text;
}

// "gold 30 of 2, spa 7 of 1"
inline std::string PointsText(const v1::GetTraitsResponse& traits) {
  std::string text;
  for (const v1::PointsBalance& balance : traits.computed().points()) {
    text += (text.empty() ? "" : ", ") + balance.programme() + " " + std::to_string(balance.points()) + " of " +
            std::to_string(balance.posting_count());
  }
  return text;
}

}  // namespace tributary::profile::testing
