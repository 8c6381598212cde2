// Points: postings, each entry_id once, become a balance per programme. Pure, thread-safe.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "profile/index_changes.h"
#include "profile/tables.h"
#include "tributary/events/v1/customer_event.pb.h"

namespace tributary::profile {

using PointsChanges = IndexChanges<PointsKey, storage::v1::PointsPostingRow>;

// Nothing unless `event`, as it counts, posts points.
std::vector<std::pair<PointsKey, storage::v1::PointsPostingRow>> PointsPostingsOf(
    const EntryKey& key, const events::v1::CustomerEvent& event);

// The balances of programmes, as they are in a summary.
class Balances {
 public:
  Balances() = default;
  explicit Balances(const storage::v1::SummaryRow& summary);
  // A posting counts (`sign` 1) or no longer does (-1).
  void Add(const std::string& programme, int64_t points, int sign);
  // Programmes without postings are left out.
  void WriteTo(storage::v1::SummaryRow* summary) const;

 private:
  struct Sum {
    uint64_t points = 0;  // two's complement: wraps around whatever the order
    int64_t postings = 0;
  };
  std::map<std::string, Sum> sums_;
};

// Writes the index and brings the summary's balances up to date. Reads the postings of the entry_ids that changed.
void DerivePoints(const std::string& profile, const PointsChanges& changes, const projection::View& view,
                  projection::Writer<Kind::kCaches>& out, storage::v1::SummaryRow* summary);

}  // namespace tributary::profile
