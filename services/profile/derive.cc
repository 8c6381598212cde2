#include "profile/derive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/tables.h"

namespace tributary::profile {
namespace {

using projection::Row;
using projection::View;
using storage::v1::EntryRow;
using storage::v1::OrderEntryRow;
using storage::v1::OrderRow;
using storage::v1::SummaryRow;
using CachesWriter = projection::Writer<Kind::kCaches>;

// Earliest and latest of some times.
struct Span {
  absl::Time first = absl::InfiniteFuture();
  absl::Time last = absl::InfinitePast();
  void Add(absl::Time time) {
    first = std::min(first, time);
    last = std::max(last, time);
  }
};

struct OrderDelta {
  // The one statement of the order itself that came; unset if anything else happened to the order.
  std::optional<std::pair<OrderEntryKey, OrderEntryRow>> sole;
  int changes = 0;
};

struct ProfileDelta {
  int64_t entries = 0;
  std::map<int32_t, int64_t> channels;
  Span added;
  Span removed;
  std::map<OrderKey, OrderDelta> orders;
};

void TakeAway(const EntryKey& key, const EntryRow& row, ProfileDelta& delta, CachesWriter& out) {
  if (!Counts(row)) return;
  --delta.entries;
  --delta.channels[row.figures().channel()];
  delta.removed.Add(std::get<1>(key));
  const auto entry = OrderEntryOf(key, row);
  if (!entry.has_value()) return;
  const OrderEntryKey& order = entry->first;
  OrderDelta& change = delta.orders[{std::get<0>(order), std::get<1>(order), std::get<2>(order)}];
  ++change.changes;
  change.sole.reset();
  out.Delete(kOrderEntries, order);
}

void Put(const EntryKey& key, const EntryRow& row, ProfileDelta& delta, CachesWriter& out) {
  if (!Counts(row)) return;
  ++delta.entries;
  ++delta.channels[row.figures().channel()];
  delta.added.Add(std::get<1>(key));
  auto entry = OrderEntryOf(key, row);
  if (!entry.has_value()) return;
  const OrderEntryKey& order = entry->first;
  OrderDelta& change = delta.orders[{std::get<0>(order), std::get<1>(order), std::get<2>(order)}];
  out.Put(kOrderEntries, order, entry->second);
  if (++change.changes == 1 && row.figures().has_order()) {
    change.sole = *std::move(entry);
  } else {
    change.sole.reset();
  }
}

std::optional<OrderRow> OrderNow(const OrderKey& key, const OrderDelta& delta, const Row<OrderRow>& former,
                                 const View& view) {
  if (delta.sole.has_value()) {
    OrderRow order = former == nullptr ? OrderRow() : *former;
    StateOrder(delta.sole->first, delta.sole->second, &order);
    return order;
  }
  OrderBuilder builder;
  view.Scan(kOrderEntries, key, [&](const OrderEntryKey& entry, const Row<OrderEntryRow>& row) {
    builder.Add(entry, *row);
    return true;
  });
  return builder.Build();
}

void UpdateOrders(const ProfileDelta& delta, const View& view, CachesWriter& out, Sums* sums) {
  for (const auto& [key, change] : delta.orders) {
    const Row<OrderRow> former = view.Get(kOrders, key);
    std::optional<OrderRow> now = OrderNow(key, change, former, view);
    if (former != nullptr) sums->Add(*former, -1);
    if (now.has_value()) {
      sums->Add(*now, 1);
      out.Put(kOrders, key, *std::move(now));
    } else {
      out.Delete(kOrders, key);
    }
  }
}

// The first entry that counts, from one end of the journey.
std::optional<absl::Time> End(const std::string& profile, bool reverse, const View& view) {
  std::optional<absl::Time> end;
  view.Scan(kEntries, std::tuple(profile),
            [&](const EntryKey& key, const Row<EntryRow>& row) {
              if (Counts(*row)) end = std::get<1>(key);
              return !end.has_value();
            },
            {.from = std::nullopt, .reverse = reverse});
  return end;
}

void UpdateSpan(const std::string& profile, const ProfileDelta& delta, bool had_entries, const View& view,
                SummaryRow* summary) {
  Span span = delta.added;
  if (had_entries) {
    span.Add(absl::FromUnixMicros(summary->first_seen_micros()));
    span.Add(absl::FromUnixMicros(summary->last_seen_micros()));
  }
  if (delta.removed.first <= span.first) span.first = End(profile, false, view).value_or(absl::UnixEpoch());
  if (delta.removed.last >= span.last) span.last = End(profile, true, view).value_or(absl::UnixEpoch());
  summary->set_first_seen_micros(absl::ToUnixMicros(span.first));
  summary->set_last_seen_micros(absl::ToUnixMicros(span.last));
}

void UpdateChannels(const std::map<int32_t, int64_t>& delta, SummaryRow* summary) {
  std::map<int32_t, int64_t> counts = delta;
  for (const storage::v1::ChannelEntries& of : summary->channels()) counts[of.channel()] += of.entry_count();
  summary->clear_channels();
  for (const auto& [channel, count] : counts) {
    if (count == 0) continue;
    storage::v1::ChannelEntries& of = *summary->add_channels();
    of.set_channel(static_cast<events::v1::Channel>(channel));
    of.set_entry_count(count);
  }
}

void UpdateProfile(const std::string& profile, const ProfileDelta& delta, const View& view, CachesWriter& out) {
  if (delta.channels.empty()) return;  // nothing that counts came or went
  const Row<SummaryRow> former = view.Get(kSummaries, {profile});
  SummaryRow summary = former == nullptr ? SummaryRow() : *former;
  UpdateSpan(profile, delta, summary.entry_count() > 0, view, &summary);
  summary.set_entry_count(summary.entry_count() + delta.entries);
  UpdateChannels(delta.channels, &summary);
  if (!delta.orders.empty()) {
    Sums sums;
    sums.Add(summary.sums());
    UpdateOrders(delta, view, out, &sums);
    sums.WriteTo(&summary);
  }
  if (summary.entry_count() > 0) {
    out.Put(kSummaries, {profile}, std::move(summary));
  } else {
    out.Delete(kSummaries, {profile});  // no entry, so no order either
  }
}

}  // namespace

void DeriveCaches(const projection::Changes& changes, const View& view, CachesWriter& out) {
  std::map<std::string, ProfileDelta> profiles;
  changes.ForEach(kEntries, [&](const EntryKey& key, const Row<EntryRow>& before, const Row<EntryRow>& after) {
    ProfileDelta& delta = profiles[std::get<0>(key)];
    if (before != nullptr) TakeAway(key, *before, delta, out);
    if (after != nullptr) Put(key, *after, delta, out);
  });
  for (const auto& [profile, delta] : profiles) UpdateProfile(profile, delta, view, out);
}

}  // namespace tributary::profile
