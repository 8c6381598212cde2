// A purchase history in the shape of the CDNOW files, made up from a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"

namespace tributary::generator {

struct PurchaseOptions {
  uint64_t seed = 1;
  int32_t customers = 2'000;  // 1 to 99,999: ids have five digits
  // Everybody buys for the first time within `quarter_days` (1 to 366) from here; the last day is the end of the
  // history, at most 3,660 days later.
  absl::CivilDay first_day{2024, 1, 1};
  int32_t quarter_days = 91;
  absl::CivilDay last_day{2025, 6, 30};
};

struct Purchase {
  int32_t customer = 0;  // from 1
  absl::CivilDay day;
  int32_t pieces = 0;
  int64_t cents = 0;  // 0 to 999,999
};

// What an import of the history must come to.
struct PurchaseTotals {
  int64_t customers = 0;
  int64_t rows = 0;
  int64_t cents = 0;
  int64_t repeated_rows = 0;  // rows that equal an earlier one to the letter; each is a purchase of its own
};

// The purchases, ordered by customer and day. The same options give the same purchases, and those of customer n do not
// depend on how many customers there are.
//
// The model is BG/NBD (Fader, Hardie, Lee 2005) with the values estimated for CDNOW: each customer buys at a rate of
// his own, drawn from a gamma distribution, and after each purchase stays away for ever with a chance of his own,
// drawn from a beta distribution. Money is lognormal around each customer's own level. Now and then a row occurs twice,
// and now and then something was free.
//
// INVALID_ARGUMENT names the option that is out of bounds. Thread-safe.
absl::StatusOr<std::vector<Purchase>> MakePurchases(const PurchaseOptions& options);

// As text: one header line, then fixed-width columns with blanks between them (customer_id, date as yyyymmdd, pieces,
// dollars); lines end in CR LF, as in the real file.
std::string FormatPurchases(const std::vector<Purchase>& purchases);

PurchaseTotals Sum(const std::vector<Purchase>& purchases);

}  // namespace tributary::generator
