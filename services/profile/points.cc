#include "profile/points.h"

#include <tuple>

namespace tributary::profile {
namespace {

using projection::Row;
using projection::View;
using storage::v1::PointsPostingRow;
using storage::v1::SummaryRow;

// All that state one posting, in the order in which they count: the last does.
using Postings = std::map<PointsKey, int64_t>;

Postings PostingsOf(const std::string& profile, const std::string& programme, const std::string& entry,
                    const View& view) {
  Postings postings;
  view.Scan(kPointsPostings, std::tuple(profile, programme, entry),
            [&](const PointsKey& key, const Row<PointsPostingRow>& row) {
              postings[key] = row->points();
              return true;
            });
  return postings;
}

}  // namespace

std::vector<std::pair<PointsKey, PointsPostingRow>> PointsPostingsOf(const EntryKey& key,
                                                                     const events::v1::CustomerEvent& event) {
  if (!event.has_points_posted()) return {};
  const auto& [profile, occurred_at, priority, event_id, source_id] = key;
  const events::v1::PointsPosted& posted = event.points_posted();
  PointsPostingRow row;
  row.set_points(posted.points());
  return {{PointsKey{profile, posted.programme(), posted.entry_id(), occurred_at, priority, event_id, source_id}, row}};
}

Balances::Balances(const SummaryRow& summary) {
  for (const storage::v1::PointsSum& sum : summary.points()) {
    sums_[sum.programme()] = {static_cast<uint64_t>(sum.points()), sum.posting_count()};
  }
}

void Balances::Add(const std::string& programme, int64_t points, int sign) {
  Sum& sum = sums_[programme];
  const auto amount = static_cast<uint64_t>(points);
  sum.points = sign > 0 ? sum.points + amount : sum.points - amount;
  sum.postings += sign;
}

void Balances::WriteTo(SummaryRow* summary) const {
  summary->clear_points();
  for (const auto& [programme, sum] : sums_) {
    if (sum.postings == 0) continue;
    storage::v1::PointsSum& row = *summary->add_points();
    row.set_programme(programme);
    row.set_points(static_cast<int64_t>(sum.points));
    row.set_posting_count(sum.postings);
  }
}

void DerivePoints(const std::string& profile, const PointsChanges& changes, const View& view,
                  projection::Writer<Kind::kCaches>& out, SummaryRow* summary) {
  if (changes.empty()) return;
  Balances balances(*summary);
  for (auto it = changes.begin(); it != changes.end();) {
    const std::string& programme = std::get<1>(it->first);
    const std::string& entry = std::get<2>(it->first);
    Postings postings = PostingsOf(profile, programme, entry, view);
    if (!postings.empty()) balances.Add(programme, postings.rbegin()->second, -1);
    for (; it != changes.end() && std::get<1>(it->first) == programme && std::get<2>(it->first) == entry; ++it) {
      if (it->second.has_value()) {
        postings[it->first] = it->second->points();
      } else {
        postings.erase(it->first);
      }
    }
    if (!postings.empty()) balances.Add(programme, postings.rbegin()->second, 1);
  }
  balances.WriteTo(summary);
  WriteIndex(kPointsPostings, changes, out);
}

}  // namespace tributary::profile
