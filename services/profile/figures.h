// Orders and sums: how statements become an order, and orders become a profile's money. Exact; pure; thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "google/protobuf/repeated_field.h"
#include "profile/tables.h"
#include "tributary/base/money.h"
#include "tributary/events/v1/value.pb.h"

namespace tributary::profile {

Amount AmountOf(const events::v1::Money& money);
events::v1::Money MoneyOf(const std::string& currency, Amount amount);
// `amount` by `count`, which is above 0, to the nano, the rest dropped.
Amount Average(Amount amount, int64_t count);

// Placed, confirmed or completed.
bool CountsAsRevenue(events::v1::OrderStated::Status status);

// Earliest and latest of some times; none: `first` is later than `last`.
struct Span {
  absl::Time first = absl::InfiniteFuture();
  absl::Time last = absl::InfinitePast();
  void Add(absl::Time time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

// When the order was placed; nothing unless it counts as revenue.
std::optional<absl::Time> RevenueTimeOf(const storage::v1::OrderRow& order);
// First and last order; zero if there are none.
void WriteOrderSpan(const Span& span, storage::v1::SummaryRow* summary);

// Entries of one channel.
struct ChannelCount {
  int64_t entries = 0;
  int64_t outbound = 0;
  // An entry comes (`sign` 1) or goes (-1).
  void Add(const storage::v1::EntryFigures& figures, int sign);
};
// By channel; those without entries are left out.
void WriteChannels(const std::map<int32_t, ChannelCount>& counts, storage::v1::SummaryRow* summary);

// Key and row of the index over entries; nothing unless `row` counts and states an order or a return.
std::optional<std::pair<OrderEntryKey, storage::v1::OrderEntryRow>> OrderEntryOf(const EntryKey& key,
                                                                                 const storage::v1::EntryRow& row);

// Key and row of the index by arrival, for a row whose changed_offset is set.
std::pair<ArrivalKey, storage::v1::EntryPlace> ArrivalOf(const EntryKey& key, const storage::v1::EntryRow& row);

// Gathers what entries state of one order, in any order.
class OrderBuilder {
 public:
  void Add(const OrderEntryKey& key, const storage::v1::OrderEntryRow& row);
  // Nothing if nothing was added.
  std::optional<storage::v1::OrderRow> Build() const;

 private:
  struct Return {
    OrderEntryKey key;
    storage::v1::OrderEntryRow row;
  };
  bool any_ = false;
  storage::v1::OrderRow order_;            // without `returned`
  std::map<std::string, Return> returns_;  // the statement that counts, by return id
};

// Makes `key`, `row` the order's statement if it outranks the one that is there. Of an order's statements the highest
// revision counts; of equal ones the later occurrence, then the higher source priority, then the greater event id.
void StateOrder(const OrderEntryKey& key, const storage::v1::OrderEntryRow& row, storage::v1::OrderRow* order);

// Sums per currency.
class Sums {
 public:
  // Adds what an order brings, `sign` (1 or -1) times.
  void Add(const storage::v1::OrderRow& order, int sign);
  void Add(const google::protobuf::RepeatedPtrField<storage::v1::CurrencySums>& sums);
  // Sums and order count; what is all zero is left out.
  void WriteTo(storage::v1::SummaryRow* summary) const;
  bool empty() const { return of_.empty(); }

 private:
  struct Of {
    Amount gross;
    Amount returned;
    int64_t orders = 0;
  };
  std::map<std::string, Of> of_;  // by currency
};

}  // namespace tributary::profile
