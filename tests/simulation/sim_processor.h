// A small service whose state shows every fact or decision that is lost, doubled or seen in the wrong order.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sim_log.h"
#include "simulation/simulation.pb.h"
#include "tributary/base/random.h"
#include "tributary/processor/processor.h"

namespace tributary::simulation {

// Record and decision types. Alpha applies events and beta's echoes, beta applies noise and alpha's notes.
inline constexpr std::string_view kEvent = "sim_event";
inline constexpr std::string_view kNoise = "sim_noise";
inline constexpr std::string_view kUnknownType = "sim_unknown";
inline constexpr std::string_view kNoted = "sim_noted";      // alpha's, beta applies it
inline constexpr std::string_view kEchoed = "sim_echoed";    // beta's, alpha applies it
inline constexpr std::string_view kHushed = "sim_hushed";    // beta's, alpha ignores it
inline constexpr std::string_view kEntered = "sim_entered";  // alpha's, beta ignores it
inline constexpr std::string_view kWatched = "sim_watched";
inline constexpr std::string_view kTicked = "sim_ticked";
inline constexpr std::string_view kEnded = "sim_ended";

inline constexpr std::string_view kAlpha = "alpha";
inline constexpr std::string_view kBeta = "beta";
inline constexpr std::string_view kWatchCommand = "watch";
inline constexpr std::string_view kSureChannel = "sure";  // idempotent
inline constexpr std::string_view kOnceChannel = "once";  // not
inline constexpr int64_t kMaxWatched = 4;

using processor::Kind;
template <Kind K, typename V, typename... Parts>
using TableOf = projection::Table<K, std::tuple<Parts...>, V>;
inline constexpr TableOf<Kind::kFacts, v1::FactsRow, std::string> kFacts{32, "facts"};            // key
inline constexpr TableOf<Kind::kFacts, v1::CountRow, int64_t, int32_t> kApplied{33, "applied"};   // fact, index
inline constexpr TableOf<Kind::kDecisions, v1::KeyRow, std::string> kKeys{34, "keys"};            // key
inline constexpr TableOf<Kind::kDecisions, v1::CountRow, int64_t, int32_t> kNotes{35, "notes"};   // fact, index
inline constexpr TableOf<Kind::kDecisions, v1::CountRow, std::string> kCommands{36, "commands"};  // request_id
inline constexpr TableOf<Kind::kDecisions, v1::CountRow, std::string> kEnds{37, "ends"};          // effect_id
inline constexpr TableOf<Kind::kCaches, v1::CacheRow, std::string> kSummary{38, "summary"};       // key

// `code` stands for the release: what is decided beyond the bare duty differs between two of them.
std::unique_ptr<processor::Processor> MakeSimProcessor(std::string_view name, PartitionRef partition, uint32_t code,
                                                       int partitions, SeededRandom* random);

}  // namespace tributary::simulation
