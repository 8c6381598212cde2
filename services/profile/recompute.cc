#include "profile/recompute.h"

#include <algorithm>
#include <tuple>

#include "fmt/format.h"
#include "profile/entry.h"
#include "profile/figures.h"

namespace tributary::profile {
namespace {

using events::v1::CustomerEvent;
using projection::Row;
using projection::View;
using storage::v1::EntryRow;

constexpr size_t kMaxDifferences = 100;

// Gathers a profile's entries; Take() gives its figures.
class Gatherer {
 public:
  void Add(const EntryKey& key, EntryRow row) {
    CustomerEvent event;
    event.ParseFromString(row.event());  // one that does not parse counts as what is left of it: a difference
    Correct(row.amendments(), &event);
    *row.mutable_figures() = FiguresOf(event);
    if (!Counts(row)) return;
    const int64_t at = MicrosOf(event.occurred_at());
    storage::v1::SummaryRow& summary = figures_.summary;
    const bool first = summary.entry_count() == 0;
    summary.set_first_seen_micros(first ? at : std::min(summary.first_seen_micros(), at));
    summary.set_last_seen_micros(first ? at : std::max(summary.last_seen_micros(), at));
    summary.set_entry_count(summary.entry_count() + 1);
    ++channels_[event.channel()];
    const auto entry = OrderEntryOf(key, row);
    if (!entry.has_value()) return;
    const OrderEntryKey& order = entry->first;
    builders_[{std::get<0>(order), std::get<1>(order), std::get<2>(order)}].Add(order, entry->second);
    figures_.order_entries.insert(*entry);
  }

  Figures Take() {
    Sums sums;
    for (const auto& [key, builder] : builders_) {
      figures_.orders[key] = builder.Build().value();
      sums.Add(figures_.orders[key], 1);
    }
    sums.WriteTo(&figures_.summary);
    for (const auto& [channel, count] : channels_) {
      storage::v1::ChannelEntries& of = *figures_.summary.add_channels();
      of.set_channel(channel);
      of.set_entry_count(count);
    }
    return std::move(figures_);
  }

 private:
  Figures figures_;
  std::map<events::v1::Channel, int64_t> channels_;
  std::map<OrderKey, OrderBuilder> builders_;
};

// Whether the rows of `table` under `profile` are exactly `expected`.
template <typename T, typename Key, typename Value>
bool Same(const View& view, const T& table, const std::string& profile, const std::map<Key, Value>& expected) {
  bool same = true;
  auto next = expected.begin();
  view.Scan(table, std::tuple(profile), [&](const Key& key, const Row<Value>& row) {
    same = next != expected.end() && next->first == key && next->second.SerializeAsString() == row->SerializeAsString();
    if (same) ++next;
    return same;
  });
  return same && next == expected.end();
}

// Holds the caches of one profile after the other against its figures.
class Checker {
 public:
  Checker(const View& view, CacheCheck* check) : view_(view), check_(check) {}

  void Check(const std::string& profile, const Figures& figures) {
    ++check_->profiles;
    check_->orders += static_cast<int64_t>(figures.orders.size());
    std::map<SummaryKey, storage::v1::SummaryRow> summaries;
    if (figures.summary.entry_count() > 0) summaries[{profile}] = figures.summary;
    Compare(kSummaries, profile, summaries, &summaries_);
    Compare(kOrders, profile, figures.orders, &orders_);
    Compare(kOrderEntries, profile, figures.order_entries, &order_entries_);
  }

  // After all profiles that have entries: no other may have rows.
  void Finish() {
    CompareCount(kSummaries, summaries_);
    CompareCount(kOrders, orders_);
    CompareCount(kOrderEntries, order_entries_);
  }

 private:
  void Tell(std::string difference) {
    if (check_->differences.size() < kMaxDifferences) check_->differences.push_back(std::move(difference));
  }
  template <typename T, typename Expected>
  void Compare(const T& table, const std::string& profile, const Expected& expected, size_t* total) {
    *total += expected.size();
    if (!Same(view_, table, profile, expected)) {
      Tell(fmt::format("profile {}: {} differ from a recomputation", profile, table.name));
    }
  }
  template <typename T>
  void CompareCount(const T& table, size_t expected) {
    size_t rows = 0;
    view_.Scan(table, std::tuple<>(), [&](const typename T::KeyType&, const Row<typename T::ValueType>&) {
      ++rows;
      return true;
    });
    if (rows != expected) Tell(fmt::format("{}: {} rows, a recomputation has {}", table.name, rows, expected));
  }

  const View& view_;
  CacheCheck* const check_;
  size_t summaries_ = 0;
  size_t orders_ = 0;
  size_t order_entries_ = 0;
};

}  // namespace

Figures Recompute(const View& view, const std::string& profile_id) {
  Gatherer gatherer;
  view.Scan(kEntries, std::tuple(profile_id), [&](const EntryKey& key, const Row<EntryRow>& row) {
    gatherer.Add(key, *row);
    return true;
  });
  return gatherer.Take();
}

CacheCheck CheckCaches(const View& view) {
  CacheCheck check;
  Checker checker(view, &check);
  std::string profile;
  Gatherer gatherer;
  view.Scan(kEntries, std::tuple<>(), [&](const EntryKey& key, const Row<EntryRow>& row) {
    if (std::get<0>(key) != profile) {
      if (check.entries > 0) checker.Check(profile, gatherer.Take());
      profile = std::get<0>(key);
      gatherer = Gatherer();
    }
    ++check.entries;
    gatherer.Add(key, *row);
    return true;
  });
  if (check.entries > 0) checker.Check(profile, gatherer.Take());
  checker.Finish();
  return check;
}

}  // namespace tributary::profile
