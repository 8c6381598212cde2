// A small service that keeps state by profile and is moved when profiles merge: facts by their ids, verdicts that
// are adopted, a timer of its own for many a fact, marks by command.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "sim_processor.h"
#include "tributary/processor/moves.h"

namespace tributary::simulation {

inline constexpr std::string_view kMover = "mover";
// Another of its kind on the same partitions, in some seeds.
inline constexpr std::string_view kOtherMover = "other_mover";
inline constexpr std::string_view kWorkspace = "w";
inline constexpr std::string_view kPiece = "sim_piece";
inline constexpr std::string_view kJudged = "sim_judged";
inline constexpr std::string_view kRang = "sim_rang";
inline constexpr std::string_view kMarked = "sim_marked";
inline constexpr std::string_view kAdopted = "sim_adopted";
inline constexpr std::string_view kTold = "sim_told";        // the outcome of an effect
inline constexpr std::string_view kLeft = "sim_left";        // what follows from a lost merge
inline constexpr std::string_view kSettled = "sim_settled";  // what follows when a profile is whole
inline constexpr std::string_view kMarkCommand = "mark";
// A timer that all facts of a profile share; the others are named by their fact.
inline constexpr std::string_view kSharedTimer = "shared";

inline constexpr TableOf<Kind::kFacts, v1::PieceRow, std::string, std::string> kPieces{40, "pieces"};  // profile, id
inline constexpr TableOf<Kind::kFacts, v1::CountRow, std::string> kRetired{41, "retired"};             // profile
inline constexpr TableOf<Kind::kDecisions, v1::CountRow, std::string, std::string> kVerdicts{42,
                                                                                             "verdicts"};  // ~, what
inline constexpr TableOf<Kind::kCaches, v1::ProfileSum, std::string> kProfileSums{43, "profile_sums"};     // profile

bool IsMover(std::string_view processor);
// Whether a type is the mover's, or one that the library uses to move profiles.
bool IsOfMoves(std::string_view type);

// Faults of a move, planted on purpose, in the order of their names.
struct MoveFaults {
  bool end_before_last_part = false;
  bool held_not_forwarded = false;
  bool late_fact_applied_at_pointer = false;
  bool part_applied_at_pointer = false;
  bool decided_while_moving = false;
  bool timers_copied_not_moved = false;
  bool end_not_handed_on = false;
  bool forwards_of_others_taken = false;
  bool outcome_not_handed_on = false;
  bool Any() const {
    return end_before_last_part || held_not_forwarded || late_fact_applied_at_pointer || part_applied_at_pointer ||
           decided_while_moving || timers_copied_not_moved || end_not_handed_on || forwards_of_others_taken ||
           outcome_not_handed_on;
  }
};

// "p5" lives in partition 5 modulo their number.
Partition PartitionOfProfile(std::string_view profile, int partitions);

struct MoverOptions {
  std::string_view name = kMover;
  PartitionRef partition;
  int partitions = 1;
  int32_t rows_per_part = 1'000;  // at most; a release's own
  processor::MoveBounds bounds;
  MoveFaults faults;
  SeededRandom* random = nullptr;
};
std::unique_ptr<processor::Processor> MakeMover(const MoverOptions& options);

}  // namespace tributary::simulation
