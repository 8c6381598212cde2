// Customer events on many channels, made up from a seed: an imaginary Thai group of restaurants and hotels.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/generator/purchases.h"

namespace tributary::generator {

struct EventOptions {
  uint64_t seed = 1;
  int32_t events = 600;  // 1 to 1,000,000
  // 1 to 50,000. Two of three are also customers of the purchase history.
  int32_t people = 60;
  // The history that they buy in; only its best customers are known on other channels. Its seed is `seed`.
  PurchaseOptions purchases;
  // Issuer of the customer_id identifiers: the same as the import's.
  std::string customer_issuer = "shop";
  // Events fall into `days` (30 to 365) from here, in Bangkok's time.
  absl::CivilDay first_day{2025, 1, 1};
  int32_t days = 180;
};

struct EventTotals {
  int64_t events = 0;
  int64_t people = 0;
  int64_t orders = 0;
  int64_t gross_satang = 0;     // THB, hundredths, of all orders
  int64_t returned_satang = 0;  // of all refunds
  // customer_id of the customer of the purchase history who is met on the most channels, as in the file ("00042");
  // empty if nobody of the history is.
  std::string widest_customer;
  int32_t widest_channels = 0;  // on how many, the purchases not counted
};

struct EventHistory {
  std::vector<tributary::events::v1::CustomerEvent> events;  // by time
  EventTotals totals;
};

// A source that the events come from; it must exist before they are ingested.
struct EventSource {
  std::string source_id;
  std::string channel;  // lower-case name of its default channel, e.g. "web"
  std::string display_name;
};
const std::vector<EventSource>& EventSources();

// Visits to the website by cookie, sign-ups, purchases with a loyalty card, stays, calls, LINE and mail, surveys,
// complaints in Thai and English, returns, consents given and withdrawn. Names, numbers and addresses are made up
// (mail at example.com and example.org); telephone numbers have the shape of Thai mobile numbers. The same options give
// the same events. Nobody's phone is another's but for few who share one in a household, so that identity has
// something to refuse.
//
// INVALID_ARGUMENT names the option that is out of bounds. Thread-safe.
absl::StatusOr<EventHistory> MakeEvents(const EventOptions& options);

// As NDJSON: one event a line, in protobuf's JSON with the field names of the .proto files.
std::string FormatEvents(const std::vector<tributary::events::v1::CustomerEvent>& events);

}  // namespace tributary::generator
