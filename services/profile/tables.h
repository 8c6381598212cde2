// The tables of profile's projection. Ids and keys are part of its format.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "absl/time/time.h"
#include "tributary/projection/table.h"
#include "tributary/storage/v1/profile.pb.h"
#include "tributary/storage/v1/segment.pb.h"

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

// Profile id, name of the trait, occurred_at as it counts, source priority, event id, source id.
using TraitKey = std::tuple<std::string, std::string, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, TraitKey, storage::v1::TraitStatementRow> kTraitStatements{
    38, "trait_statements", projection::Reuse::kUnlikely};

// Profile id.
using TraitsKey = std::tuple<std::string>;
inline constexpr Table<Kind::kCaches, TraitsKey, storage::v1::TraitsRow> kTraits{39, "traits"};

// Profile id, opaque key of the contact point (empty: the person), purpose, channel, occurred_at as it counts, source
// priority, event id, source id.
using ConsentKey =
    std::tuple<std::string, std::string, std::string, int32_t, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, ConsentKey, storage::v1::ConsentRow> kConsents{40, "consents",
                                                                                     projection::Reuse::kUnlikely};

// Profile id, programme, entry_id of the posting, occurred_at as it counts, source priority, event id, source id.
using PointsKey = std::tuple<std::string, std::string, std::string, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, PointsKey, storage::v1::PointsPostingRow> kPointsPostings{
    41, "points_postings", projection::Reuse::kUnlikely};

// Profile id, issuer, reservation, revision, occurred_at as it counts, source priority, event id, source id.
using StayKey =
    std::tuple<std::string, std::string, std::string, int64_t, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, StayKey, storage::v1::StayStatementRow> kStayStatements{
    42, "stay_statements", projection::Reuse::kUnlikely};

// Workspace, segment id. As it was relayed to this partition.
using SegmentKey = std::tuple<std::string, std::string>;
inline constexpr Table<Kind::kFacts, SegmentKey, storage::v1::SegmentRow> kSegments{43, "segments"};

// Workspace.
using WorkspaceKey = std::tuple<std::string>;
inline constexpr Table<Kind::kFacts, WorkspaceKey, storage::v1::ValueTiersRow> kValueTiers{44, "value_tiers"};
inline constexpr Table<Kind::kFacts, WorkspaceKey, storage::v1::DefinitionStampRow> kDefinitionStamps{
    45, "definition_stamps"};

// The same as partition 0 has decided it, there alone.
inline constexpr Table<Kind::kDecisions, SegmentKey, storage::v1::SegmentRow> kDecidedSegments{46, "decided_segments"};
inline constexpr Table<Kind::kDecisions, WorkspaceKey, storage::v1::ValueTiersRow> kDecidedValueTiers{
    47, "decided_value_tiers"};

// Profile id.
using MembershipsKey = std::tuple<std::string>;
inline constexpr Table<Kind::kDecisions, MembershipsKey, storage::v1::MembershipsRow> kMemberships{48, "memberships"};

// Workspace, segment id, profile id.
using MemberKey = std::tuple<std::string, std::string, std::string>;
inline constexpr Table<Kind::kDecisions, MemberKey, storage::v1::MemberRow> kMembers{49, "members",
                                                                                     projection::Reuse::kUnlikely};

inline constexpr Table<Kind::kDecisions, SegmentKey, storage::v1::SizeRow> kSegmentSizes{50, "segment_sizes"};
// Workspace, tier id.
inline constexpr Table<Kind::kDecisions, SegmentKey, storage::v1::SizeRow> kTierSizes{51, "tier_sizes"};
// Workspace, segment id; empty: the value tiers.
inline constexpr Table<Kind::kDecisions, SegmentKey, storage::v1::TakeInRow> kTakeIns{52, "take_ins"};

// Profile id, number of the body's field, occurred_at as it counts in microseconds below zero (so that the latest comes
// first: going back costs the store several times as much), source priority, event id, source id.
using EventIndexKey = std::tuple<std::string, int32_t, int64_t, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, EventIndexKey, storage::v1::EventIndexRow> kEventIndex{
    53, "event_index", projection::Reuse::kUnlikely};

inline constexpr Table<Kind::kCaches, WorkspaceKey, storage::v1::ProfileCountRow> kProfileCounts{54, "profile_counts"};

// Profile id, offset at which the entry was last changed, source id, event id. Entries that came in a merge are not in
// it.
using ArrivalKey = std::tuple<std::string, int64_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, ArrivalKey, storage::v1::EntryPlace> kArrivals{60, "arrivals",
                                                                                     projection::Reuse::kUnlikely};

// Profile id, number of the body's field, opaque key of the identifier that is named, kind of the relation, occurred_at
// as it counts, source priority, event id, source id.
using AffiliationKey =
    std::tuple<std::string, int32_t, std::string, std::string, absl::Time, int32_t, std::string, std::string>;
inline constexpr Table<Kind::kCaches, AffiliationKey, storage::v1::AffiliationRow> kAffiliations{
    61, "affiliations", projection::Reuse::kUnlikely};

// Opaque key of the identifier that is named, profile id, source id, event id.
using AffiliateKey = std::tuple<std::string, std::string, std::string, std::string>;
inline constexpr Table<Kind::kCaches, AffiliateKey, storage::v1::EntryPlace> kAffiliates{62, "affiliates",
                                                                                         projection::Reuse::kUnlikely};

}  // namespace tributary::profile
