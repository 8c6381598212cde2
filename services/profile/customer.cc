#include "profile/customer.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "fmt/format.h"
#include "profile/computed.h"
#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/traits.h"

namespace tributary::profile {
namespace {

using projection::Row;
using rules::Value;
using storage::v1::EntryRow;
using storage::v1::EventIndexRow;
using storage::v1::SummaryRow;

Value Number(int64_t number) { return Amount::Of(number, 0).value_or(Amount()); }

Value MoneyValueOf(const events::v1::Money& money) { return rules::MoneyValue{money.currency(), AmountOf(money)}; }

Value TimeOf(int64_t micros) { return absl::FromUnixMicros(micros); }

// A day, YYYY-MM-DD, at midnight UTC.
Value DayOf(const std::string& date) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(date, &day)) return {};
  return absl::FromCivil(day, absl::UTCTimeZone());
}

std::string_view KindName(events::v1::SubjectKind kind) {
  switch (kind) {
    case events::v1::SUBJECT_KIND_PERSON:
      return "person";
    case events::v1::SUBJECT_KIND_ACCOUNT:
      return "account";
    case events::v1::SUBJECT_KIND_HOUSEHOLD:
      return "household";
    default:
      return "";
  }
}

Value TextOrUnknown(std::string_view text) { return text.empty() ? Value() : Value(std::string(text)); }

// What is read of a type at first. Most rules want a few.
constexpr size_t kFirstEvents = 8;
// So many stay parsed for the next rule.
constexpr size_t kKeptEvents = 64;

EventIndexKey IndexKeyOf(const EntryKey& key, int body) {
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  return {profile, body, -absl::ToUnixMicros(occurred_at), priority, event_id, source_id};
}

}  // namespace

std::optional<std::pair<EventIndexKey, EventIndexRow>> EventIndexOf(const EntryKey& key, const EntryRow& row) {
  if (!Counts(row)) return std::nullopt;
  EventIndexRow index;
  index.set_channel(row.figures().channel());
  index.set_outbound(row.figures().outbound());
  return std::pair(IndexKeyOf(key, row.figures().body()), std::move(index));
}

class ProfileCustomer::Event final : public rules::EventView {
 public:
  Event(const projection::View& view, EntryKey key, int body, int channel, bool outbound)
      : view_(view), key_(std::move(key)), body_(body), channel_(channel), outbound_(outbound) {}

  absl::Time occurred_at() const override { return std::get<1>(key_); }
  int body() const override { return body_; }
  events::v1::Channel channel() const override { return static_cast<events::v1::Channel>(channel_); }
  bool outbound() const override { return outbound_; }
  const events::v1::CustomerEvent& event() const override {
    if (event_ == nullptr) {
      const Row<EntryRow> row = view_.Get(kEntries, key_);
      event_ = std::make_unique<events::v1::CustomerEvent>(row == nullptr ? events::v1::CustomerEvent()
                                                                          : CountingEvent(*row));
    }
    return *event_;
  }
  const EntryKey& key() const { return key_; }
  // Parses it again when it is asked for again.
  void Forget() const { event_.reset(); }

 private:
  const projection::View view_;
  const EntryKey key_;
  const int body_;
  const int channel_;
  const bool outbound_;
  mutable std::unique_ptr<const events::v1::CustomerEvent> event_;  // once asked for
};

ProfileCustomer::ProfileCustomer(const projection::View& view, std::string workspace, std::string profile,
                                 std::string value_tier)
    : view_(view), workspace_(std::move(workspace)), profile_(std::move(profile)), value_tier_(std::move(value_tier)) {}

ProfileCustomer::~ProfileCustomer() = default;

const SummaryRow& ProfileCustomer::Summary() const {
  if (summary_ == nullptr) {
    summary_ = view_.Get(kSummaries, {profile_});
    if (summary_ == nullptr) summary_ = std::make_shared<const SummaryRow>();
  }
  return *summary_;
}

const v1::ComputedTraits& ProfileCustomer::Computed() const {
  // Recency is all that the moment matters to, and rules measure it themselves.
  if (!computed_.has_value()) computed_ = ComputedOf(Summary(), absl::UnixEpoch());
  return *computed_;
}

Value ProfileCustomer::Field(std::string_view name, std::string_view key) const {
  if (name == "value_tier") return TextOrUnknown(value_tier_);
  if (name == "traits") return TraitField(fmt::format("traits.{}", key));
  if (name == "birth_date" || name == "gender" || name == "language") return TraitField(std::string(name));
  if (name == "entry_count") return Number(Summary().entry_count());
  if (name == "favourite_channel") return TextOrUnknown(rules::ChannelName(Computed().favourite_channel()));
  if (name == "subject_kind") {
    const auto row = view_.Get(kProfiles, {workspace_, profile_});
    return row == nullptr ? Value() : TextOrUnknown(KindName(row->subject_kind()));
  }
  if (name == "first_seen_at" || name == "last_seen_at") {
    if (Summary().entry_count() == 0) return {};
    return TimeOf(name == "first_seen_at" ? Summary().first_seen_micros() : Summary().last_seen_micros());
  }
  if (name == "last_stay_departure") {
    return Summary().has_last_stay() ? DayOf(Summary().last_stay().stay().departure_date()) : Value();
  }
  if (name == "points") {
    for (const storage::v1::PointsSum& sum : Summary().points()) {
      if (sum.programme() == key) return Number(sum.points());
    }
    return {};
  }
  return OrderField(name, key);
}

Value ProfileCustomer::OrderField(std::string_view name, std::string_view key) const {
  const SummaryRow& summary = Summary();
  if (name == "order_count") return Number(summary.order_count());
  if (name == "orders_per_30_days") {
    if (!Computed().has_orders_per_30_days()) return {};
    const events::v1::Decimal& rate = Computed().orders_per_30_days();
    return Amount::Of(rate.units(), rate.nanos()).value_or(Amount());
  }
  if (name == "first_order_at" || name == "last_order_at") {
    if (summary.order_count() == 0) return {};
    return TimeOf(name == "first_order_at" ? summary.first_order_micros() : summary.last_order_micros());
  }
  for (const storage::v1::CurrencySums& sum : summary.sums()) {
    if (sum.gross().currency() != key) continue;
    if (name == "gross_revenue") return MoneyValueOf(sum.gross());
    if (name == "returned") return MoneyValueOf(sum.returned());
    const v1::Revenue revenue = RevenueOf(sum);
    if (name == "net_revenue") return MoneyValueOf(revenue.net());
    if (name == "average_order_value" && revenue.has_average_order_value()) {
      return MoneyValueOf(revenue.average_order_value());
    }
  }
  return {};
}

Value ProfileCustomer::TraitField(const std::string& name) const {
  if (!traits_.has_value()) traits_ = view_.Get(kTraits, {profile_});
  const storage::v1::TraitStatementRow* statement = *traits_ == nullptr ? nullptr : HeldStatement(**traits_, name);
  if (statement == nullptr) return {};
  if (statement->has_property()) return rules::ValueOf(statement->property());
  return TextOrUnknown(statement->text());
}

bool ProfileCustomer::ReadOn(int body, Events& events) const {
  std::optional<EntryKey> last;
  if (!events.read.empty()) last = events.read.back().key();
  const size_t enough = std::max<size_t>(kFirstEvents, 2 * events.read.size());
  const size_t before = events.read.size();
  const auto add = [&](EntryKey key, int of_body, int channel, bool outbound) {
    if (last.has_value() && key == *last) return true;
    events.read.emplace_back(view_, std::move(key), of_body, channel, outbound);
    return events.read.size() < enough;
  };
  if (body == 0) {
    view_.Scan(kEntries, std::tuple(profile_),
               [&](const EntryKey& key, const Row<EntryRow>& row) {
                 const storage::v1::EntryFigures& figures = row->figures();
                 return !Counts(*row) || add(key, figures.body(), figures.channel(), figures.outbound());
               },
               {.from = last, .reverse = true});
  } else {
    projection::ScanRange<EventIndexKey> range;
    if (last.has_value()) range.from = IndexKeyOf(*last, body);
    view_.Scan(
        kEventIndex, std::tuple(profile_, body),
        [&](const EventIndexKey& key, const Row<EventIndexRow>& row) {
          const auto& [profile, of_body, below_zero, priority, event_id, source_id] = key;
          return add({profile, absl::FromUnixMicros(-below_zero), priority, event_id, source_id}, of_body,
                     row->channel(), row->outbound());
        },
        range);
  }
  events.all_read = events.read.size() < enough;
  return events.read.size() > before;
}

void ProfileCustomer::VisitEvents(int body, absl::Time after, absl::Time until,
                                  const std::function<bool(const rules::EventView&)>& visit) const {
  Events& events = events_[body];
  for (size_t i = 0; i < events.read.size() || (!events.all_read && ReadOn(body, events)); ++i) {
    const Event& event = events.read[i];
    if (event.occurred_at() > until) continue;
    if (event.occurred_at() <= after || !visit(event)) return;
    // A long journey in whole would be gigabytes.
    if (i >= kKeptEvents) event.Forget();
  }
}

absl::Time ProfileCustomer::NextEventAfter(absl::Time after) const {
  if (Summary().entry_count() == 0 || absl::FromUnixMicros(Summary().last_seen_micros()) <= after) {
    return absl::InfiniteFuture();
  }
  absl::Time next = absl::InfiniteFuture();
  view_.Scan(kEntries, std::tuple(profile_),
             [&](const EntryKey& key, const Row<EntryRow>& row) {
               if (!Counts(*row) || std::get<1>(key) <= after) return true;
               next = std::get<1>(key);
               return false;
             },
             {.from = EntryKey{profile_, after, std::numeric_limits<int32_t>::min(), "", ""}});
  return next;
}

}  // namespace tributary::profile
