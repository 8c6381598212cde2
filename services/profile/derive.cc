#include "profile/derive.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "profile/customer.h"
#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/statements.h"
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

struct OrderDelta {
  // The one statement of the order itself that came; unset if anything else happened to the order.
  std::optional<std::pair<OrderEntryKey, OrderEntryRow>> sole;
  int changes = 0;
};

struct ProfileDelta {
  int64_t entries = 0;
  std::map<int32_t, ChannelCount> channels;
  Span added;
  Span removed;
  std::map<OrderKey, OrderDelta> orders;
  StatementChanges statements;
};

// What happened to the orders that count as revenue.
struct OrdersMoved {
  Sums sums;
  Span added;
  Span removed;
};

void TakeAway(const EntryKey& key, const EntryRow& row, ProfileDelta& delta, CachesWriter& out) {
  if (!Counts(row)) return;
  --delta.entries;
  delta.channels[row.figures().channel()].Add(row.figures(), -1);
  delta.removed.Add(std::get<1>(key));
  NoteStatements(key, row, false, &delta.statements);
  if (const auto event = EventIndexOf(key, row); event.has_value()) out.Delete(kEventIndex, event->first);
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
  delta.channels[row.figures().channel()].Add(row.figures(), 1);
  delta.added.Add(std::get<1>(key));
  NoteStatements(key, row, true, &delta.statements);
  if (const auto event = EventIndexOf(key, row); event.has_value()) out.Put(kEventIndex, event->first, event->second);
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

void AddTime(const OrderRow& order, Span* span) {
  if (const std::optional<absl::Time> placed_at = RevenueTimeOf(order); placed_at.has_value()) span->Add(*placed_at);
}

void UpdateOrders(const ProfileDelta& delta, const View& view, CachesWriter& out, OrdersMoved* moved) {
  for (const auto& [key, change] : delta.orders) {
    const Row<OrderRow> former = view.Get(kOrders, key);
    std::optional<OrderRow> now = OrderNow(key, change, former, view);
    if (former != nullptr) {
      moved->sums.Add(*former, -1);
      AddTime(*former, &moved->removed);
    }
    if (now.has_value()) {
      moved->sums.Add(*now, 1);
      AddTime(*now, &moved->added);
      out.Put(kOrders, key, *std::move(now));
    } else {
      out.Delete(kOrders, key);
    }
  }
}

// First and last order. All orders are read only if one that was the first or last went inward, or away.
void UpdateOrderSpan(const std::string& profile, const OrdersMoved& moved, bool had_orders, const View& view,
                     SummaryRow* summary) {
  Span span = moved.added;
  bool lost_end = false;
  if (had_orders) {
    const absl::Time first = absl::FromUnixMicros(summary->first_order_micros());
    const absl::Time last = absl::FromUnixMicros(summary->last_order_micros());
    lost_end = (moved.removed.first == first && moved.added.first > first) ||
               (moved.removed.last == last && moved.added.last < last);
    span.Add(first);
    span.Add(last);
  }
  if (lost_end) {
    span = Span();
    view.Scan(kOrders, std::tuple(profile), [&](const OrderKey&, const Row<OrderRow>& row) {
      AddTime(*row, &span);
      return true;
    });
  }
  WriteOrderSpan(span, summary);
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

void UpdateChannels(const std::map<int32_t, ChannelCount>& delta, SummaryRow* summary) {
  std::map<int32_t, ChannelCount> counts = delta;
  for (const storage::v1::ChannelEntries& of : summary->channels()) {
    ChannelCount& count = counts[of.channel()];
    count.entries += of.entry_count();
    count.outbound += of.outbound_count();
  }
  WriteChannels(counts, summary);
}

void UpdateProfile(const std::string& profile, const ProfileDelta& delta, const View& view, CachesWriter& out) {
  if (delta.channels.empty()) return;  // nothing that counts came or went
  const Row<SummaryRow> former = view.Get(kSummaries, {profile});
  SummaryRow summary = former == nullptr ? SummaryRow() : *former;
  UpdateSpan(profile, delta, summary.entry_count() > 0, view, &summary);
  summary.set_entry_count(summary.entry_count() + delta.entries);
  UpdateChannels(delta.channels, &summary);
  if (!delta.orders.empty()) {
    const bool had_orders = summary.order_count() > 0;
    OrdersMoved moved;
    moved.sums.Add(summary.sums());
    UpdateOrders(delta, view, out, &moved);
    moved.sums.WriteTo(&summary);
    UpdateOrderSpan(profile, moved, had_orders, view, &summary);
  }
  DeriveStatements(profile, delta.statements, view, out, &summary);
  if (summary.entry_count() > 0) {
    out.Put(kSummaries, {profile}, std::move(summary));
  } else {
    out.Delete(kSummaries, {profile});  // no entry, so no order either
  }
}

bool Lives(const Row<storage::v1::ProfileRow>& row) { return row != nullptr && row->merged_into().empty(); }

void UpdateProfileCounts(const projection::Changes& changes, const View& view, CachesWriter& out) {
  std::map<std::string, int64_t> more;  // by workspace
  changes.ForEach(kProfiles, [&](const ProfileKey& key, const Row<storage::v1::ProfileRow>& before,
                                 const Row<storage::v1::ProfileRow>& after) {
    if (Lives(before) != Lives(after)) more[std::get<0>(key)] += Lives(after) ? 1 : -1;
  });
  for (const auto& [workspace, count] : more) {
    const Row<storage::v1::ProfileCountRow> former = view.Get(kProfileCounts, {workspace});
    storage::v1::ProfileCountRow row;
    row.set_profiles((former == nullptr ? 0 : former->profiles()) + count);
    if (row.profiles() > 0) {
      out.Put(kProfileCounts, {workspace}, std::move(row));
    } else {
      out.Delete(kProfileCounts, {workspace});
    }
  }
}

}  // namespace

void DeriveCaches(const projection::Changes& changes, const View& view, CachesWriter& out) {
  std::map<std::string, ProfileDelta> profiles;
  std::map<ArrivalKey, storage::v1::EntryPlace> arrivals;
  changes.ForEach(kEntries, [&](const EntryKey& key, const Row<EntryRow>& before, const Row<EntryRow>& after) {
    ProfileDelta& delta = profiles[std::get<0>(key)];
    if (before != nullptr) TakeAway(key, *before, delta, out);
    if (after != nullptr) Put(key, *after, delta, out);
    if (before != nullptr && before->has_changed_offset()) out.Delete(kArrivals, ArrivalOf(key, *before).first);
    if (after != nullptr && after->has_changed_offset()) arrivals.insert(ArrivalOf(key, *after));
  });
  // Last: an entry that a correction moved in time goes and comes under one key.
  for (auto& [key, place] : arrivals) out.Put(kArrivals, key, std::move(place));
  for (const auto& [profile, delta] : profiles) UpdateProfile(profile, delta, view, out);
  UpdateProfileCounts(changes, view, out);
}

}  // namespace tributary::profile
