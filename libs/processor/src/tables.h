// Tables that the library keeps for every task; ids below 32.
#pragma once

#include <string>
#include <tuple>

#include "tributary/projection/table.h"
#include "tributary/storage/v1/processor.pb.h"

namespace tributary::processor {

inline constexpr std::string_view kPositionMeta = "position";
inline constexpr uint8_t kFirstServiceTable = 32;

template <projection::Kind K, typename V, typename... Parts>
using TableOf = projection::Table<K, std::tuple<Parts...>, V>;
inline constexpr auto kFactsKind = projection::Kind::kFacts;
inline constexpr auto kDecisionsKind = projection::Kind::kDecisions;

// processor -> its last valid batch, as of T.
inline constexpr TableOf<kFactsKind, storage::v1::ChainTip, std::string> kChainTips{1, "chain_tips"};
// source -> its last applied output, as of T.
inline constexpr TableOf<kFactsKind, storage::v1::OriginTip, std::string> kOriginTips{2, "origin_tips"};
// (fact offset, index)
inline constexpr TableOf<kDecisionsKind, storage::v1::DeadLetterRow, int64_t, int32_t> kDeadLetters{3, "dead_letters"};
// (key, id)
inline constexpr TableOf<kDecisionsKind, storage::v1::TimerRow, std::string, std::string> kTimers{4, "timers"};
// (due, key, id)
inline constexpr TableOf<kDecisionsKind, storage::v1::Mark, int64_t, std::string, std::string> kTimersByDue{
    5, "timers_by_due"};
// request_id
inline constexpr TableOf<kDecisionsKind, storage::v1::ReplyRow, std::string> kReplies{6, "replies"};
// (decided_at, request_id)
inline constexpr TableOf<kDecisionsKind, storage::v1::Mark, int64_t, std::string> kRepliesByTime{7, "replies_by_time"};
// effect_id of those without an outcome
inline constexpr TableOf<kDecisionsKind, storage::v1::EffectRow, std::string> kEffects{8, "effects"};
// effect_id of every effect there ever was: none is requested twice
inline constexpr TableOf<kDecisionsKind, storage::v1::Mark, std::string> kEffectIds{9, "effect_ids"};

// Merges (moves.h). A profile that has lost -> who won.
inline constexpr TableOf<kFactsKind, storage::v1::MovePointer, std::string> kMovePointers{10, "move_pointers"};
// A winner -> merges whose state has not come in whole.
inline constexpr TableOf<kFactsKind, storage::v1::IncomingMoves, std::string> kIncomingMoves{11, "incoming_moves"};
// merge id of those whose end marker has come
inline constexpr TableOf<kFactsKind, storage::v1::Mark, std::string> kEndedMoves{12, "ended_moves",
                                                                                 projection::Reuse::kUnlikely};
// A profile that has lost -> how far its state is on its way.
inline constexpr TableOf<kDecisionsKind, storage::v1::OutgoingMove, std::string> kOutgoingMoves{13, "outgoing_moves"};
// (profile, offset, index)
inline constexpr TableOf<kDecisionsKind, storage::v1::HeldFact, std::string, int64_t, int32_t> kHeldFacts{14,
                                                                                                          "held_facts"};

}  // namespace tributary::processor
