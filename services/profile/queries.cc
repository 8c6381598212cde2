#include "profile/queries.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "fmt/format.h"
#include "profile/computed.h"
#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/recompute.h"
#include "profile/segment_queries.h"
#include "tributary/processor/moves.h"

namespace tributary::profile {
namespace {

using projection::Row;
using projection::View;
using storage::v1::EntryRow;
using storage::v1::OrderRow;
using storage::v1::ProfileRow;
using storage::v1::SummaryRow;

constexpr int kMaxRetiredIdsTold = 1'000;
// Places orders of which only returns are known behind all others; its negative is a number too.
constexpr int64_t kNeverPlaced = std::numeric_limits<int64_t>::min() + 1;

void FillFigures(const SummaryRow& summary, v1::Profile* profile) {
  if (summary.entry_count() > 0) {
    *profile->mutable_first_seen_at() = TimestampOf(summary.first_seen_micros());
    *profile->mutable_last_seen_at() = TimestampOf(summary.last_seen_micros());
  }
  profile->set_entry_count(summary.entry_count());
  profile->set_order_count(summary.order_count());
  for (const storage::v1::CurrencySums& sum : summary.sums()) *profile->add_revenues() = RevenueOf(sum);
  for (const storage::v1::ChannelEntries& of : summary.channels()) {
    v1::ChannelActivity& activity = *profile->add_channels();
    activity.set_channel(of.channel());
    activity.set_entry_count(of.entry_count());
  }
}

bool Passes(const EntryRow& row, const JourneyQuery& query) {
  if (!query.include_retracted && IsRetracted(row)) return false;
  if (!query.channels.empty() && !query.channels.contains(row.figures().channel())) return false;
  return query.bodies.empty() || query.bodies.contains(row.figures().body());
}

// Where the scan for a page starts; no entry has an empty event id, so that a time stands before all of its entries.
std::optional<EntryKey> StartOf(const std::string& profile, const JourneyQuery& query) {
  if (query.after.has_value()) return std::tuple_cat(std::tuple(profile), *query.after);
  const std::optional<absl::Time>& bound = query.ascending ? query.from : query.until;
  if (!bound.has_value()) return std::nullopt;
  return EntryKey{profile, *bound, std::numeric_limits<int32_t>::min(), "", ""};
}

v1::Order OrderOf(const OrderKey& key, const OrderRow& row) {
  v1::Order order;
  order.mutable_order()->set_issuer(std::get<1>(key));
  order.mutable_order()->set_order_id(std::get<2>(key));
  const storage::v1::OrderStatement& statement = row.statement();
  std::string currency = statement.total().currency();
  if (row.has_statement()) {
    order.set_revision(statement.revision());
    order.set_status(statement.status());
    *order.mutable_placed_at() = TimestampOf(statement.placed_at_micros());
    order.set_line_count(statement.line_count());
    *order.mutable_total() = statement.total();
  } else if (row.returned_size() > 0) {
    currency = row.returned(0).currency();
  }
  if (currency.empty()) return order;
  Amount returned;
  for (const events::v1::Money& sum : row.returned()) {
    if (sum.currency() == currency) returned = AmountOf(sum);
  }
  const Amount gross = CountsAsRevenue(statement.status()) ? AmountOf(statement.total()) : Amount();
  *order.mutable_returned() = MoneyOf(currency, returned);
  *order.mutable_net() = MoneyOf(currency, gross - returned);
  return order;
}

}  // namespace

std::optional<FoundProfile> FindProfile(const View& view, const std::string& workspace_id,
                                        const std::string& profile_id) {
  FoundProfile found{profile_id, view.Get(kProfiles, {workspace_id, profile_id})};
  while (found.row != nullptr && !found.row->merged_into().empty()) {
    found.id = found.row->merged_into();
    found.row = view.Get(kProfiles, {workspace_id, found.id});
  }
  if (found.row == nullptr) return std::nullopt;
  return found;
}

v1::Profile ReadProfile(const View& view, const std::string& workspace_id, const FoundProfile& found,
                        std::string_view requested_id) {
  v1::Profile profile;
  profile.set_profile_id(found.id);
  if (requested_id != found.id) profile.set_requested_profile_id(std::string(requested_id));
  profile.set_workspace_id(workspace_id);
  profile.set_subject_kind(found.row->subject_kind());
  for (const std::string& retired : found.row->retired_profile_ids()) {
    if (profile.retired_profile_ids_size() == kMaxRetiredIdsTold) break;
    profile.add_retired_profile_ids(retired);
  }
  if (const auto memberships = view.Get(kMemberships, {found.id}); memberships != nullptr) {
    profile.set_value_tier(memberships->value_tier());
    for (const storage::v1::Membership& in : memberships->segments()) {
      if (!IsDeleted(view, workspace_id, in.segment_id())) profile.add_segment_ids(in.segment_id());
    }
  }
  const Row<SummaryRow> summary = view.Get(kSummaries, {found.id});
  FillFigures(summary != nullptr ? *summary : Recompute(view, found.id).summary, &profile);
  return profile;
}

ProfilesPage ReadProfiles(const View& view, const std::string& workspace_id, const std::string& after_id,
                          int32_t limit) {
  std::vector<FoundProfile> found;
  int32_t visited = 0;
  std::optional<std::string> last;
  bool more = false;
  projection::ScanRange<ProfileKey> range;
  if (!after_id.empty()) range.from = ProfileKey{workspace_id, after_id};
  view.Scan(
      kProfiles, std::tuple(workspace_id),
      [&](const ProfileKey& key, const Row<ProfileRow>& row) {
        const std::string& id = std::get<1>(key);
        if (id == after_id) return true;
        more = static_cast<int32_t>(found.size()) == limit || visited == kMaxEntriesVisited;
        if (more) return false;
        ++visited;
        last = id;
        if (row->merged_into().empty()) found.push_back({id, row});
        return true;
      },
      range);
  ProfilesPage page;
  for (const FoundProfile& profile : found) {
    if (!processor::MovesOf(view, workspace_id, profile.id).moving) {
      page.profiles.push_back(ReadProfile(view, workspace_id, profile, profile.id));
      continue;
    }
    v1::Profile& moving = page.profiles.emplace_back();
    moving.set_profile_id(profile.id);
    moving.set_workspace_id(workspace_id);
    moving.set_subject_kind(profile.row->subject_kind());
    moving.set_moving(true);
  }
  if (more) page.next_after = last;
  return page;
}

v1::JourneyEntry EntryOf(const EntryKey& key, const EntryRow& row) {
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  v1::JourneyEntry entry;
  entry.set_entry_id(fmt::format("{}/{}", source_id, event_id));
  events::v1::CustomerEvent& event = *entry.mutable_event();
  event.ParseFromString(row.event());  // it was parsed before it was kept
  entry.set_corrected(Correct(row.amendments(), &event));
  entry.set_retracted(IsRetracted(row));
  *entry.mutable_occurred_at() = event.occurred_at();
  if (event.has_recorded_at()) *entry.mutable_recorded_at() = event.recorded_at();
  if (event.resolution().profile_id() != profile) entry.set_merged_from(event.resolution().profile_id());
  return entry;
}

JourneyPage ReadJourney(const View& view, const std::string& profile_id, const JourneyQuery& query) {
  JourneyPage page;
  int32_t visited = 0;
  bool more = false;
  std::optional<JourneyPosition> last;
  view.Scan(
      kEntries, std::tuple(profile_id),
      [&](const EntryKey& key, const Row<EntryRow>& row) {
        const auto& [profile, occurred_at, priority, event_id, source_id] = key;
        JourneyPosition position(occurred_at, priority, event_id, source_id);
        if (position == query.after) return true;
        if (query.ascending ? query.until && occurred_at >= *query.until : query.from && occurred_at < *query.from) {
          return false;
        }
        if (static_cast<int32_t>(page.entries.size()) == query.limit || visited == kMaxEntriesVisited) {
          more = true;
          return false;
        }
        ++visited;
        last = std::move(position);
        if (Passes(*row, query)) page.entries.push_back(EntryOf(key, *row));
        return true;
      },
      {.from = StartOf(profile_id, query), .reverse = !query.ascending});
  if (more) page.next_after = std::move(last);
  return page;
}

OrdersPage ReadOrders(const View& view, const std::string& profile_id, const std::optional<OrderPosition>& after,
                      int32_t limit) {
  // Sorted as listed: later times first.
  using Place = std::tuple<int64_t, std::string, std::string>;
  const auto place_of = [](const OrderPosition& position) {
    return Place(-std::get<0>(position), std::get<1>(position), std::get<2>(position));
  };
  const std::optional<Place> behind = after ? std::optional(place_of(*after)) : std::nullopt;
  std::map<Place, std::pair<OrderKey, Row<OrderRow>>> best;  // one more than the page, to know whether there is more
  view.Scan(kOrders, std::tuple(profile_id), [&](const OrderKey& key, const Row<OrderRow>& row) {
    const int64_t placed_at = row->has_statement() ? row->statement().placed_at_micros() : kNeverPlaced;
    Place place = place_of({placed_at, std::get<1>(key), std::get<2>(key)});
    if (behind && place <= *behind) return true;
    best.emplace(std::move(place), std::pair(key, row));
    if (static_cast<int32_t>(best.size()) > limit + 1) best.erase(std::prev(best.end()));
    return true;
  });
  OrdersPage page;
  for (const auto& [place, order] : best) {
    if (static_cast<int32_t>(page.orders.size()) == limit) return page;
    page.orders.push_back(OrderOf(order.first, *order.second));
    page.next_after = OrderPosition(-std::get<0>(place), std::get<1>(place), std::get<2>(place));
  }
  page.next_after.reset();
  return page;
}

}  // namespace tributary::profile
