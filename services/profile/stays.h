// Stays: of a reservation the highest revision counts; the last stay is the one that began last. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile/index_changes.h"
#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::profile {

using StayChanges = IndexChanges<StayKey, storage::v1::StayStatementRow>;

// Nothing unless `event`, as it counts, states a stay.
std::vector<std::pair<StayKey, storage::v1::StayStatementRow>> StayStatementsOf(const EntryKey& key,
                                                                                const events::v1::CustomerEvent& event);

// Finds the last stay among statements that are added in the order of their keys.
class LastStayFinder {
 public:
  void Add(const StayKey& key, const storage::v1::StayStatementRow& row);
  // Nothing if no guest has come yet.
  std::optional<storage::v1::LastStay> Take();

 private:
  void EndReservation();
  std::optional<std::pair<StayKey, storage::v1::LastStay>> current_;  // what counts of the reservation so far
  std::optional<storage::v1::LastStay> last_;
};

// Writes the index and the summary's last stay; reads all statements of the profile's stays.
void DeriveStays(const std::string& profile, const StayChanges& changes, const projection::View& view,
                 projection::Writer<Kind::kCaches>& out, storage::v1::SummaryRow* summary);

}  // namespace tributary::profile
