#include "profile/figures.h"

#include <string_view>
#include <tuple>
#include <utility>

#include "profile/entry.h"

namespace tributary::profile {
namespace {

using events::v1::Money;
using events::v1::OrderStated;
using events::v1::ReturnStated;
using storage::v1::CurrencySums;
using storage::v1::EntryRow;
using storage::v1::OrderEntryRow;
using storage::v1::OrderRow;
using storage::v1::SummaryRow;

__extension__ typedef __int128 Wide;

using Rank = std::tuple<int64_t, int64_t, int32_t, std::string_view, std::string_view>;

Rank RankOf(int64_t revision, const OrderEntryKey& key, const OrderEntryRow& row) {
  return {revision, row.occurred_at_micros(), row.source_priority(), std::get<6>(key), std::get<5>(key)};
}

Rank RankOf(const OrderRow& row) {
  return {row.statement().revision(), row.occurred_at_micros(), row.source_priority(), row.event_id(), row.source_id()};
}

}  // namespace

// Entries with any other amount were not let in (CheckEvent).
Amount AmountOf(const Money& money) { return Amount::Of(money.units(), money.nanos()).value_or(Amount()); }

Money MoneyOf(const std::string& currency, Amount amount) {
  Money money;
  money.set_currency(currency);
  money.set_units(amount.units());
  money.set_nanos(amount.nanos());
  return money;
}

Amount Average(Amount amount, int64_t count) {
  // Whole units first: what is left of them is less than `count`, and its nanos fit into 128 bits.
  const int64_t units = amount.units() / count;
  const Wide nanos = static_cast<Wide>(amount.units() % count) * 1'000'000'000 + amount.nanos();
  const Wide average = nanos / count;
  return Amount::Of(units + static_cast<int64_t>(average / 1'000'000'000),
                    static_cast<int32_t>(average % 1'000'000'000))
      .value_or(Amount());
}

bool CountsAsRevenue(OrderStated::Status status) {
  return status == OrderStated::STATUS_PLACED || status == OrderStated::STATUS_CONFIRMED ||
         status == OrderStated::STATUS_COMPLETED;
}

std::optional<absl::Time> RevenueTimeOf(const OrderRow& order) {
  if (!order.has_statement() || !CountsAsRevenue(order.statement().status())) return std::nullopt;
  return absl::FromUnixMicros(order.statement().placed_at_micros());
}

void WriteOrderSpan(const Span& span, SummaryRow* summary) {
  const bool any = span.first <= span.last;
  summary->set_first_order_micros(any ? absl::ToUnixMicros(span.first) : 0);
  summary->set_last_order_micros(any ? absl::ToUnixMicros(span.last) : 0);
}

void ChannelCount::Add(const storage::v1::EntryFigures& figures, int sign) {
  entries += sign;
  if (figures.outbound()) outbound += sign;
}

void WriteChannels(const std::map<int32_t, ChannelCount>& counts, SummaryRow* summary) {
  summary->clear_channels();
  for (const auto& [channel, count] : counts) {
    if (count.entries == 0) continue;
    storage::v1::ChannelEntries& of = *summary->add_channels();
    of.set_channel(static_cast<events::v1::Channel>(channel));
    of.set_entry_count(count.entries);
    of.set_outbound_count(count.outbound);
  }
}

std::optional<std::pair<OrderEntryKey, OrderEntryRow>> OrderEntryOf(const EntryKey& key, const EntryRow& row) {
  if (row.figures().order_issuer().empty() || !Counts(row)) return std::nullopt;
  const auto& [profile, occurred_at, priority, event, source] = key;
  const storage::v1::EntryFigures& figures = row.figures();
  OrderEntryRow order;
  *order.mutable_figures() = figures;
  order.set_occurred_at_micros(absl::ToUnixMicros(occurred_at));
  order.set_source_priority(priority);
  return std::pair(OrderEntryKey{profile, figures.order_issuer(), figures.order_id(), figures.body(),
                                 figures.returned().return_id(), source, event},
                   std::move(order));
}

void StateOrder(const OrderEntryKey& key, const OrderEntryRow& row, OrderRow* order) {
  if (order->has_statement() && RankOf(row.figures().order().revision(), key, row) < RankOf(*order)) return;
  *order->mutable_statement() = row.figures().order();
  order->set_occurred_at_micros(row.occurred_at_micros());
  order->set_source_priority(row.source_priority());
  order->set_source_id(std::get<5>(key));
  order->set_event_id(std::get<6>(key));
}

std::pair<ArrivalKey, storage::v1::EntryPlace> ArrivalOf(const EntryKey& key, const storage::v1::EntryRow& row) {
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  storage::v1::EntryPlace place;
  place.set_occurred_at_micros(absl::ToUnixMicros(occurred_at));
  place.set_source_priority(priority);
  return {ArrivalKey{profile, row.changed_offset(), source_id, event_id}, std::move(place)};
}

void OrderBuilder::Add(const OrderEntryKey& key, const OrderEntryRow& row) {
  any_ = true;
  if (row.figures().has_order()) return StateOrder(key, row, &order_);
  const storage::v1::ReturnStatement& stated = row.figures().returned();
  const auto [it, inserted] = returns_.try_emplace(stated.return_id(), Return{key, row});
  if (inserted) return;
  Return& former = it->second;
  if (RankOf(stated.revision(), key, row) <
      RankOf(former.row.figures().returned().revision(), former.key, former.row)) {
    return;
  }
  former = {key, row};
}

std::optional<OrderRow> OrderBuilder::Build() const {
  if (!any_) return std::nullopt;
  std::map<std::string, Amount> refunds;
  for (const auto& [return_id, stated] : returns_) {
    const storage::v1::ReturnStatement& returned = stated.row.figures().returned();
    if (returned.status() != ReturnStated::STATUS_COMPLETED) continue;
    refunds[returned.refund().currency()] += AmountOf(returned.refund());
  }
  OrderRow order = order_;
  for (const auto& [currency, amount] : refunds) {
    if (amount != Amount()) *order.add_returned() = MoneyOf(currency, amount);
  }
  return order;
}

void Sums::Add(const OrderRow& order, int sign) {
  if (order.has_statement() && CountsAsRevenue(order.statement().status())) {
    Of& of = of_[order.statement().total().currency()];
    const Amount total = AmountOf(order.statement().total());
    of.gross += sign > 0 ? total : -total;
    of.orders += sign;
  }
  for (const Money& returned : order.returned()) {
    const Amount amount = AmountOf(returned);
    of_[returned.currency()].returned += sign > 0 ? amount : -amount;
  }
}

void Sums::Add(const google::protobuf::RepeatedPtrField<CurrencySums>& sums) {
  for (const CurrencySums& sum : sums) {
    Of& of = of_[sum.gross().currency()];
    of.gross += AmountOf(sum.gross());
    of.returned += AmountOf(sum.returned());
    of.orders += sum.order_count();
  }
}

void Sums::WriteTo(SummaryRow* summary) const {
  summary->clear_sums();
  int64_t orders = 0;
  for (const auto& [currency, of] : of_) {
    if (of.orders == 0 && of.gross == Amount() && of.returned == Amount()) continue;
    orders += of.orders;
    CurrencySums& sum = *summary->add_sums();
    *sum.mutable_gross() = MoneyOf(currency, of.gross);
    *sum.mutable_returned() = MoneyOf(currency, of.returned);
    sum.set_order_count(of.orders);
  }
  summary->set_order_count(orders);
}

}  // namespace tributary::profile
