// A long history on all channels with the truth beside it: who was who, for measuring what identity makes of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/generator/truth.h"

namespace tributary::generator {

// Issuer of the history's customer_id identifiers.
inline constexpr char kCrm[] = "crm";

struct HistoryOptions {
  uint64_t seed = 1;
  int32_t people = 2'000;  // 1 to 10,000; each leads to some 50 events
  // Events fall into `days` (30 to 365) from here, in Bangkok's time.
  absl::CivilDay first_day{2025, 1, 1};
  int32_t days = 180;
};

struct HistoryTotals {
  int64_t events = 0;
  int64_t people = 0;  // of whom there is an event
  int64_t identifiers = 0;
  // Each as it stands at the end, once, whoever reported it; cancelled and pending orders do not count.
  int64_t orders = 0;
  int64_t gross_satang = 0;     // THB, hundredths, of those orders
  int64_t returned_satang = 0;  // of the completed returns
  // customer_id of somebody who came as an unknown visitor, became known and is met on many channels with a journey
  // that can still be read; empty if there is nobody.
  std::string example_customer;
  int32_t example_channels = 0;
};

struct History {
  std::vector<tributary::events::v1::CustomerEvent> events;  // by time; from EventSources()
  Truth truth;
  HistoryTotals totals;
};

// An imaginary Thai group of restaurants and hotels. Regulars of one branch, members of its club, hotel guests, web
// visitors and tourists come by their own habits, by season, weekday and hour. Some visitors become known when they
// sign up, book or check in; families share a telephone and front desks a tablet; numbers and addresses are mistyped,
// now and then into somebody else's; bookings have booker, guest and payer; orders have revisions, payments,
// deliveries and returns; guests stay, answer surveys, praise and complain in Thai and English, and give and withdraw
// consents.
//
// The same options give the same events. Names, numbers and addresses are made up (mail below example.com and
// example.org). INVALID_ARGUMENT names the option that is out of bounds. Memory: some 1.5 KiB an event. Thread-safe.
absl::StatusOr<History> MakeHistory(const HistoryOptions& options);

}  // namespace tributary::generator
