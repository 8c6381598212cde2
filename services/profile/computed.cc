#include "profile/computed.h"

#include <algorithm>
#include <optional>

#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/recompute.h"
#include "profile/traits.h"

namespace tributary::profile {
namespace {

using projection::Row;
using storage::v1::SummaryRow;

__extension__ typedef __int128 Wide;
constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kMicrosPer30Days = 30LL * 24 * 60 * 60 * kMicrosPerSecond;
constexpr int64_t kNano = 1'000'000'000;

events::v1::Channel FavouriteOf(const SummaryRow& summary) {
  events::v1::Channel favourite = events::v1::CHANNEL_UNSPECIFIED;
  int64_t most = 0;
  for (const storage::v1::ChannelEntries& of : summary.channels()) {
    const int64_t inbound = of.entry_count() - of.outbound_count();
    if (of.channel() == events::v1::CHANNEL_UNSPECIFIED || inbound <= most) continue;
    favourite = of.channel();
    most = inbound;
  }
  return favourite;
}

std::optional<events::v1::Decimal> OrdersPer30Days(const SummaryRow& summary) {
  const int64_t span = summary.last_order_micros() - summary.first_order_micros();
  if (summary.order_count() < 2 || span == 0) return std::nullopt;
  const Wide nanos = static_cast<Wide>(summary.order_count() - 1) * kMicrosPer30Days * kNano / span;
  events::v1::Decimal rate;
  rate.set_units(static_cast<int64_t>(nanos / kNano));
  rate.set_nanos(static_cast<int32_t>(nanos % kNano));
  return rate;
}

void FillOrders(const SummaryRow& summary, absl::Time now, v1::ComputedTraits* computed) {
  computed->set_order_count(summary.order_count());
  for (const storage::v1::CurrencySums& sum : summary.sums()) *computed->add_revenues() = RevenueOf(sum);
  if (summary.order_count() == 0) return;
  *computed->mutable_first_order_at() = TimestampOf(summary.first_order_micros());
  *computed->mutable_last_order_at() = TimestampOf(summary.last_order_micros());
  const int64_t since = std::max<int64_t>(0, absl::ToUnixMicros(now) - summary.last_order_micros());
  computed->mutable_recency()->set_seconds(since / kMicrosPerSecond);
  computed->mutable_recency()->set_nanos(static_cast<int32_t>(since % kMicrosPerSecond * 1'000));
  if (const auto rate = OrdersPer30Days(summary); rate.has_value()) *computed->mutable_orders_per_30_days() = *rate;
}

}  // namespace

v1::Revenue RevenueOf(const storage::v1::CurrencySums& sum) {
  v1::Revenue revenue;
  const std::string& currency = sum.gross().currency();
  const Amount gross = AmountOf(sum.gross());
  *revenue.mutable_gross() = sum.gross();
  *revenue.mutable_returned() = sum.returned();
  *revenue.mutable_net() = MoneyOf(currency, gross - AmountOf(sum.returned()));
  revenue.set_order_count(sum.order_count());
  if (sum.order_count() > 0) {
    *revenue.mutable_average_order_value() = MoneyOf(currency, Average(gross, sum.order_count()));
  }
  return revenue;
}

v1::ComputedTraits ComputedOf(const SummaryRow& summary, absl::Time now) {
  v1::ComputedTraits computed;
  *computed.mutable_as_of() = TimestampOf(absl::ToUnixMicros(now));
  FillOrders(summary, now, &computed);
  computed.set_favourite_channel(FavouriteOf(summary));
  for (const storage::v1::PointsSum& sum : summary.points()) {
    v1::PointsBalance& balance = *computed.add_points();
    balance.set_programme(sum.programme());
    balance.set_points(sum.points());
    balance.set_posting_count(sum.posting_count());
  }
  if (summary.has_last_stay()) {
    *computed.mutable_last_stay()->mutable_stay() = summary.last_stay().stay();
    computed.mutable_last_stay()->set_location_id(summary.last_stay().location_id());
  }
  return computed;
}

v1::GetTraitsResponse ReadTraits(const projection::View& view, const std::string& profile_id, absl::Time now) {
  v1::GetTraitsResponse response;
  response.set_profile_id(profile_id);
  const Row<SummaryRow> summary = view.Get(kSummaries, {profile_id});
  if (summary == nullptr) {
    const Figures figures = Recompute(view, profile_id);
    FillStated(figures.traits, &response);
    *response.mutable_computed() = ComputedOf(figures.summary, now);
    return response;
  }
  if (const Row<storage::v1::TraitsRow> traits = view.Get(kTraits, {profile_id}); traits != nullptr) {
    FillStated(*traits, &response);
  }
  *response.mutable_computed() = ComputedOf(*summary, now);
  return response;
}

}  // namespace tributary::profile
