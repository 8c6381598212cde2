#include "profile/stays.h"

#include <string_view>
#include <tuple>

namespace tributary::profile {
namespace {

using events::v1::StayStated;
using projection::Row;
using projection::View;
using storage::v1::LastStay;
using storage::v1::StayStatementRow;

bool GuestCame(const StayStated& stay) {
  return stay.status() == StayStated::STATUS_CHECKED_IN || stay.status() == StayStated::STATUS_CHECKED_OUT;
}

// Dates are YYYY-MM-DD, so that text sorts as time.
auto RankOf(const StayStated& stay) {
  return std::tuple(std::string_view(stay.arrival_date()), std::string_view(stay.departure_date()),
                    std::string_view(stay.issuer()), std::string_view(stay.reservation_id()));
}

bool SameReservation(const StayKey& a, const StayKey& b) {
  return std::tie(std::get<1>(a), std::get<2>(a)) == std::tie(std::get<1>(b), std::get<2>(b));
}

}  // namespace

std::vector<std::pair<StayKey, StayStatementRow>> StayStatementsOf(const EntryKey& key,
                                                                   const events::v1::CustomerEvent& event) {
  if (!event.has_stay_stated()) return {};
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  const StayStated& stay = event.stay_stated();
  StayStatementRow row;
  *row.mutable_stated()->mutable_stay() = stay;
  row.mutable_stated()->set_location_id(event.location_id());
  return {{StayKey{profile, stay.issuer(), stay.reservation_id(), stay.revision(), occurred_at, priority, event_id,
                   source_id},
           row}};
}

void LastStayFinder::Add(const StayKey& key, const StayStatementRow& row) {
  if (current_.has_value() && !SameReservation(current_->first, key)) EndReservation();
  current_ = {key, row.stated()};
}

void LastStayFinder::EndReservation() {
  if (!current_.has_value()) return;
  LastStay& stay = current_->second;
  if (GuestCame(stay.stay()) && (!last_.has_value() || RankOf(last_->stay()) < RankOf(stay.stay()))) {
    last_ = std::move(stay);
  }
  current_.reset();
}

std::optional<LastStay> LastStayFinder::Take() {
  EndReservation();
  return std::move(last_);
}

void DeriveStays(const std::string& profile, const StayChanges& changes, const View& view,
                 projection::Writer<Kind::kCaches>& out, storage::v1::SummaryRow* summary) {
  if (changes.empty()) return;
  WriteIndex(kStayStatements, changes, out);
  LastStayFinder finder;
  view.Scan(kStayStatements, std::tuple(profile), [&](const StayKey& key, const Row<StayStatementRow>& row) {
    finder.Add(key, *row);
    return true;
  });
  summary->clear_last_stay();
  if (std::optional<LastStay> last = finder.Take(); last.has_value()) *summary->mutable_last_stay() = *std::move(last);
}

}  // namespace tributary::profile
