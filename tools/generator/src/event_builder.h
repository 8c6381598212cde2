// Makes events with what they have in common: id, source, time, place, identifiers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "people.h"
#include "places.h"
#include "tributary/base/random.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::generator {

namespace ev = tributary::events::v1;

inline constexpr std::string_view kProgramme = "baansuan-club";
inline constexpr std::string_view kLineChannel = "line-baansuan";
inline constexpr std::string_view kTill = "till";

// Baht from satang (hundredths).
void SetBaht(int64_t satang, ev::Money* money);

// Not thread-safe.
class EventBuilder {
 public:
  EventBuilder(const EventOptions& options, SeededRandom& random) : options_(options), random_(random) {}

  // The events from here on are `person`'s and take place at `at`, later ones as Pass() says.
  void Begin(const Person& person, absl::Time at);
  void Pass(absl::Duration time) { now_ += time; }
  absl::Time now() const { return now_; }
  const Person& person() const { return *person_; }
  SeededRandom& random() { return random_; }

  // A new event; the pointer is valid until the next Add().
  ev::CustomerEvent* Add(const Place& place);
  // A number that is unique with this prefix: "S000017".
  std::string NewId(std::string_view prefix);

  // Each puts one of the person's identifiers on `event`.
  void ByCookie(ev::CustomerEvent* event) const;
  void ByDevice(ev::CustomerEvent* event) const;
  void ByEmail(ev::CustomerEvent* event, ev::Verification verification = ev::VERIFICATION_STATED) const;
  void ByPhone(ev::CustomerEvent* event, ev::Verification verification = ev::VERIFICATION_NONE);
  void ByCard(ev::CustomerEvent* event) const;
  void ByLine(ev::CustomerEvent* event) const;
  // Nothing if the person is not in the purchase history.
  void ByCustomerId(ev::CustomerEvent* event) const;

  std::vector<ev::CustomerEvent> Take() { return std::move(events_); }
  size_t size() const { return events_.size(); }

 private:
  const EventOptions& options_;
  SeededRandom& random_;
  const Person* person_ = nullptr;
  absl::Time now_;
  std::map<std::string, int, std::less<>> numbers_;  // last number given for each prefix
  std::vector<ev::CustomerEvent> events_;
};

}  // namespace tributary::generator
