#include "profile/recompute.h"

#include <algorithm>
#include <tuple>

#include "fmt/format.h"
#include "profile/customer.h"
#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/statements.h"

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
    const CustomerEvent event = CountingEvent(row);
    *row.mutable_figures() = FiguresOf(event);
    if (row.has_changed_offset()) figures_.arrivals.insert(ArrivalOf(key, row));
    if (!Counts(row)) return;
    const int64_t at = MicrosOf(event.occurred_at());
    storage::v1::SummaryRow& summary = figures_.summary;
    const bool first = summary.entry_count() == 0;
    summary.set_first_seen_micros(first ? at : std::min(summary.first_seen_micros(), at));
    summary.set_last_seen_micros(first ? at : std::max(summary.last_seen_micros(), at));
    summary.set_entry_count(summary.entry_count() + 1);
    channels_[event.channel()].Add(row.figures(), 1);
    AddStatements(key, event);
    if (const auto index = EventIndexOf(key, row); index.has_value()) figures_.event_index.insert(*index);
    const auto entry = OrderEntryOf(key, row);
    if (!entry.has_value()) return;
    const OrderEntryKey& order = entry->first;
    builders_[{std::get<0>(order), std::get<1>(order), std::get<2>(order)}].Add(order, entry->second);
    figures_.order_entries.insert(*entry);
  }

  Figures Take() {
    Sums sums;
    Span span;
    for (const auto& [key, builder] : builders_) {
      figures_.orders[key] = builder.Build().value();
      sums.Add(figures_.orders[key], 1);
      if (const auto placed_at = RevenueTimeOf(figures_.orders[key]); placed_at.has_value()) span.Add(*placed_at);
    }
    sums.WriteTo(&figures_.summary);
    WriteOrderSpan(span, &figures_.summary);
    WriteChannels(channels_, &figures_.summary);
    SumStatements();
    return std::move(figures_);
  }

 private:
  void AddStatements(const EntryKey& key, const CustomerEvent& event) {
    for (auto& [at, row] : TraitStatementsOf(key, event)) figures_.trait_statements[at] = row;
    for (auto& [at, row] : ConsentsOf(key, event)) figures_.consents[at] = row;
    for (auto& [at, row] : PointsPostingsOf(key, event)) figures_.points_postings[at] = row;
    for (auto& [at, row] : StayStatementsOf(key, event)) figures_.stay_statements[at] = row;
    if (auto stated = AffiliationOf(key, event); stated.has_value()) figures_.affiliations.insert(*std::move(stated));
  }

  // Each index is in the order in which its rows count.
  void SumStatements() {
    for (const auto& [key, row] : figures_.trait_statements) StateTrait(key, row, &figures_.traits);
    std::map<std::pair<std::string, std::string>, int64_t> postings;
    for (const auto& [key, row] : figures_.points_postings) {
      postings[{std::get<1>(key), std::get<2>(key)}] = row.points();
    }
    Balances balances;
    for (const auto& [posting, points] : postings) balances.Add(posting.first, points, 1);
    balances.WriteTo(&figures_.summary);
    LastStayFinder finder;
    for (const auto& [key, row] : figures_.stay_statements) finder.Add(key, row);
    if (auto last = finder.Take(); last.has_value()) *figures_.summary.mutable_last_stay() = *std::move(last);
  }

  Figures figures_;
  std::map<int32_t, ChannelCount> channels_;
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
    Compare(kEventIndex, profile, figures.event_index, &event_index_);
    std::map<TraitsKey, storage::v1::TraitsRow> traits;
    if (figures.traits.traits_size() > 0) traits[{profile}] = figures.traits;
    Compare(kTraits, profile, traits, &traits_);
    Compare(kTraitStatements, profile, figures.trait_statements, &trait_statements_);
    Compare(kConsents, profile, figures.consents, &consents_);
    Compare(kPointsPostings, profile, figures.points_postings, &points_postings_);
    Compare(kStayStatements, profile, figures.stay_statements, &stay_statements_);
    Compare(kArrivals, profile, figures.arrivals, &arrivals_);
    Compare(kAffiliations, profile, figures.affiliations, &affiliations_);
    for (const auto& [key, row] : figures.affiliations) {
      const auto [at, place] = AffiliateOf(key);
      const Row<storage::v1::EntryPlace> kept = view_.Get(kAffiliates, at);
      if (kept == nullptr || kept->SerializeAsString() != place.SerializeAsString()) {
        Tell(fmt::format("profile {}: {} differ from a recomputation", profile, kAffiliates.name));
      }
    }
  }

  // After all profiles that have entries: no other may have rows.
  void Finish() {
    CompareCount(kSummaries, summaries_);
    CompareCount(kOrders, orders_);
    CompareCount(kOrderEntries, order_entries_);
    CompareCount(kEventIndex, event_index_);
    CompareCount(kTraits, traits_);
    CompareCount(kTraitStatements, trait_statements_);
    CompareCount(kConsents, consents_);
    CompareCount(kPointsPostings, points_postings_);
    CompareCount(kStayStatements, stay_statements_);
    CompareProfileCounts();
    CompareCount(kArrivals, arrivals_);
    CompareCount(kAffiliations, affiliations_);
    CompareCount(kAffiliates, affiliations_);
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

  void CompareProfileCounts() {
    std::map<WorkspaceKey, storage::v1::ProfileCountRow> counts;
    view_.Scan(kProfiles, std::tuple<>(), [&](const ProfileKey& key, const Row<storage::v1::ProfileRow>& row) {
      if (!row->merged_into().empty()) return true;
      storage::v1::ProfileCountRow& count = counts[{std::get<0>(key)}];
      count.set_profiles(count.profiles() + 1);
      return true;
    });
    for (const auto& [key, count] : counts) {
      const auto kept = view_.Get(kProfileCounts, key);
      if (kept == nullptr || kept->profiles() != count.profiles()) {
        Tell(fmt::format("workspace {}: its count of profiles differs from a recomputation", std::get<0>(key)));
      }
    }
    CompareCount(kProfileCounts, counts.size());
  }

  const View& view_;
  CacheCheck* const check_;
  size_t summaries_ = 0;
  size_t orders_ = 0;
  size_t order_entries_ = 0;
  size_t event_index_ = 0;
  size_t traits_ = 0;
  size_t trait_statements_ = 0;
  size_t consents_ = 0;
  size_t points_postings_ = 0;
  size_t stay_statements_ = 0;
  size_t arrivals_ = 0;
  size_t affiliations_ = 0;
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
