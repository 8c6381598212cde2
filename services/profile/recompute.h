// The caches computed anew from the entries, in the plainest way: what `verify` and tests hold the kept ones against.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "profile/tables.h"

namespace tributary::profile {

struct Figures {
  storage::v1::SummaryRow summary;  // all zero if no entry counts
  std::map<OrderKey, storage::v1::OrderRow> orders;
  std::map<OrderEntryKey, storage::v1::OrderEntryRow> order_entries;
  std::map<EventIndexKey, storage::v1::EventIndexRow> event_index;
  storage::v1::TraitsRow traits;  // none if nothing was said
  std::map<TraitKey, storage::v1::TraitStatementRow> trait_statements;
  std::map<ConsentKey, storage::v1::ConsentRow> consents;
  std::map<PointsKey, storage::v1::PointsPostingRow> points_postings;
  std::map<StayKey, storage::v1::StayStatementRow> stay_statements;
  std::map<ArrivalKey, storage::v1::EntryPlace> arrivals;
  std::map<AffiliationKey, storage::v1::AffiliationRow> affiliations;
};

// From all entries under `profile_id` (not those of its survivor), events parsed again.
Figures Recompute(const projection::View& view, const std::string& profile_id);

struct CacheCheck {
  int64_t profiles = 0;  // with entries, hidden ones included
  int64_t entries = 0;
  int64_t orders = 0;
  // What is not as recomputed: profile and table, no personal data. At most 100.
  std::vector<std::string> differences;
};

// Reads all rows.
CacheCheck CheckCaches(const projection::View& view);

}  // namespace tributary::profile
