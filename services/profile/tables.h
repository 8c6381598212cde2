// The tables of profile's projection. Ids and keys are part of its format.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "absl/time/time.h"
#include "tributary/projection/table.h"
#include "tributary/storage/v1/profile.pb.h"

namespace tributary::profile {

using projection::Kind;
using projection::Table;

// Workspace, profile id: so that one workspace cannot find what is another's.
using ProfileKey = std::tuple<std::string, std::string>;
inline constexpr Table<Kind::kFacts, ProfileKey, storage::v1::ProfileRow> kProfiles{32, "profiles"};

// Profile id, occurred_at as it counts, source priority, event id, source id.
using EntryKey = std::tuple<std::string, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kFacts, EntryKey, storage::v1::EntryRow> kEntries{33, "entries",
                                                                               projection::Reuse::kUnlikely};

// Profile id, source id, event id.
using EntryIdKey = std::tuple<std::string, std::string, std::string>;
inline constexpr Table<Kind::kFacts, EntryIdKey, storage::v1::EntryIdRow> kEntryIds{34, "entry_ids",
                                                                                    projection::Reuse::kUnlikely};

// Profile id, issuer, order id, number of the body's field, return id, source id, event id.
using OrderEntryKey = std::tuple<std::string, std::string, std::string, int32_t, std::string, std::string, std::string>;
inline constexpr Table<Kind::kCaches, OrderEntryKey, storage::v1::OrderEntryRow> kOrderEntries{
    35, "order_entries", projection::Reuse::kUnlikely};

// Profile id, issuer, order id.
using OrderKey = std::tuple<std::string, std::string, std::string>;
inline constexpr Table<Kind::kCaches, OrderKey, storage::v1::OrderRow> kOrders{36, "orders"};

// Profile id.
using SummaryKey = std::tuple<std::string>;
inline constexpr Table<Kind::kCaches, SummaryKey, storage::v1::SummaryRow> kSummaries{37, "summaries"};

}  // namespace tributary::profile
