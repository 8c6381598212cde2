// Merges of profiles across partitions (DESIGN section 4), for every service that keeps state by profile.
//
// A service implements MovableProcessor; MovingProcessor makes a Processor of it that knows pointers, copies, adopted
// state, held facts, end markers and chains of merges. docs/merges.md follows one merge through it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tributary/events/v1/identity.pb.h"
#include "tributary/events/v1/moves.pb.h"
#include "tributary/processor/processor.h"

namespace tributary::processor {

// Some rows of a profile, from a cursor on.
struct CopiedRows {
  std::vector<events::v1::MovedRow> rows;
  // Where the next rows begin, opaque; unset: there are none.
  std::optional<std::string> next;
};

// The id of an effect that concerns a profile: "<profile>/<rest>".
std::string EffectIdOf(std::string_view profile, std::string_view rest);

// What a service does for profiles that move, besides what every Processor does. Of its own functions ApplyFact and
// Decide never see a fact of a profile that has lost a merge, Decide neither its timers nor its effects, and none of
// one whose pieces are still on their way: those are forwarded or held. So that this can be:
//  - the key of a timer is the id of the profile that it concerns, and its id does not begin with "~";
//  - the id of an effect that concerns a profile is EffectIdOf it, and no other has such an id.
class MovableProcessor : public Processor {
 public:
  // Whether `fact` is well-formed, by itself and for ever: OK, or what ApplyFact says of malformed facts. Asked before
  // all else, for a fact that names a loser is judged there, where it can be dead-lettered, and applied elsewhere:
  // ApplyFact accepts what has passed.
  virtual absl::Status CheckFact(const Fact& fact) const = 0;
  // The profile that a fact, or a command, concerns; nullopt: none, or malformed. Of a ProfilesMerged it is not asked.
  virtual std::optional<std::string> ProfileOf(const Fact& fact) const = 0;
  virtual std::optional<std::string> ProfileOf(const Command& command) const = 0;
  // Whether `fact`, if it comes while pieces are on their way, is to be kept (as a decision, in whole) and shown to
  // Decide once they are there. If not, Decide is never called for it, however it came (live, historical, relayed), and
  // what it calls for is up to DecideWhole. Of a profile that is whole it says nothing: there Decide is called always.
  virtual bool MustBeHeld(const Fact& fact) const = 0;

  // That a profile has lost and another has won; of those that live in this partition, rows may be marked. The rows of
  // the loser stay as they are from then on, hidden.
  virtual absl::Status ApplyMerge(const events::v1::ProfilesMerged& merged, bool loser_is_here, bool winner_is_here,
                                  const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) = 0;
  // Rows of `profile`, which has lost, from `cursor` on ("" at first): at most `max_rows`, and no more after
  // `max_bytes` are reached. A cursor is what the call before returned, also if that was another release's.
  virtual CopiedRows CopyRows(const View& view, const std::string& workspace, const std::string& profile,
                              std::string_view cursor, int32_t max_rows, size_t max_bytes) const = 0;
  // Applies a row that came for `winner`, as ApplyFact does a fact: idempotent, in any order with others. Of what is
  // adopted instead it writes nothing.
  virtual absl::Status ApplyMovedRow(const events::v1::MovedRow& row, const std::string& workspace,
                                     const std::string& winner, const KindView<Kind::kFacts>& facts,
                                     Writer<Kind::kFacts>& out) = 0;
  // What has to be decided of a row that came for `winner`: state that decisions hold is adopted. At most 5 decisions.
  virtual std::vector<Decision> Adopt(const events::v1::MovedRow& row, const std::string& winner, const View& view,
                                      absl::Time now) = 0;
  // What follows at the loser's at once, e.g. that it leaves its segments: once for each merge, in the step that
  // decides the pointer, also of a historical one. Nothing that CopyRows gives may change by it, for parts may be still
  // to come, and no timer may be armed nor effect requested for the loser.
  virtual Decided DecideLost(const events::v1::ProfilesMerged& merged, const View& view, absl::Time now) = 0;
  // `profile` is whole again: the last of its moves has ended and all that was held has been decided, in its order. It
  // comes last so that it decides on levels over everything, what held facts led to included, and need not come again;
  // until then the profile counts as moving. Not called for one that has lost a merge itself meanwhile. Once for each
  // time that the profile becomes whole; decide on levels, for one merge may be the first of several.
  virtual Decided DecideWhole(const std::string& workspace, const std::string& profile, const View& view,
                              absl::Time now) = 0;
  // What follows for `profile` from the outcome of an effect that was requested for it, or for one that was merged into
  // it, whose id the effect's then begins with. Of such an effect that nobody had claimed the outcome is withheld,
  // kEffectOfLoser: it may be requested anew, on all that is known now. Instead of Decide, for effects of profiles.
  virtual Decided DecideOutcome(const EndedEffect& ended, const std::string& profile, const View& view,
                                absl::Time now) {
    static_cast<void>(profile);
    return Decide(ended, view, now);
  }
  // The message of `fact` for `winner`, which has taken the place of the profile that it concerns, serialised.
  virtual std::string Forward(const Fact& fact, const std::string& winner) const = 0;
};

// Why an effect was withheld whose profile has lost a merge.
inline constexpr std::string_view kEffectOfLoser = "PROFILE_MERGED";

// Where profiles live.
struct ProfilePlaces {
  std::string log;
  std::function<Partition(std::string_view profile_id)> partition_of;
};

// Bounds of one step of a move; tests have smaller ones.
struct MoveBounds {
  // A part has at most so many rows, timers, held facts and effects, and no more after so many bytes are reached.
  size_t things_per_part = 1'000;
  size_t bytes_per_part = 128 << 10;
  // So many held facts are decided before the next are asked for.
  size_t held_per_round = 1'000;
};

// The service on one partition, with merges. Handles, besides the service's own types, those of moves.proto.
//
// A ReadyEffect of a profile that is moving is shown to the service, which can tell by MovesOf: what nobody may do on a
// part of the state it withholds.
class MovingProcessor final : public Processor {
 public:
  MovingProcessor(std::unique_ptr<MovableProcessor> service, PartitionRef partition, ProfilePlaces places,
                  MoveBounds bounds = {});

  std::string_view name() const override { return service_->name(); }
  uint32_t format() const override { return service_->format(); }
  Handling Handles(std::string_view type) const override;
  void Prefetch(const Fact& fact, KeySet& keys) const override;
  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override;
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override;
  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override;
  bool Derives() const override { return service_->Derives(); }
  Decided Decide(const Input& input, const View& view, absl::Time now) override;

 private:
  struct Room;

  bool Here(std::string_view profile) const;
  PartitionRef PlaceOf(std::string_view profile) const;
  template <typename M>
  const M* Mine(const Fact& fact) const;

  // moves.cc
  absl::Status ApplyMerge(const events::v1::ProfilesMerged& merged, const KindView<Kind::kFacts>& facts,
                          Writer<Kind::kFacts>& out);
  absl::Status ApplyRows(const events::v1::ProfileRowsMoved& moved, const KindView<Kind::kFacts>& facts,
                         Writer<Kind::kFacts>& out);
  Decided DecideFact(const Fact& fact, const View& view, absl::Time now);
  // A fact that concerns `profile`, as it came here or out of a FactForwarded.
  Decided DecideFactOf(const std::string& profile, const Fact& fact, const View& view, absl::Time now);
  Decided DecideTimer(const DueTimer& timer, const View& view, absl::Time now);
  Decided DecideCommand(const Command& command, const View& view, absl::Time now);
  Decided DecideReady(const ReadyEffect& effect, const View& view, absl::Time now);
  Decided DecideEnded(const EndedEffect& effect, const View& view, absl::Time now);

  // moves_loser.cc: what leaves.
  Decided DecideMerge(const events::v1::ProfilesMerged& merged, const View& view, absl::Time now);
  // Sends the next part, or what ends the move. `first`: nothing was sent so far.
  Decided Continue(events::v1::ProfileMoveProgressed progress, bool first, const View& view, absl::Time now) const;
  // Each true if all is in the part, false if there was no room.
  bool TakeTimers(const std::string& loser, const View& view, Room* room, events::v1::ProfileRowsMoved* moved,
                  Decided* decided) const;
  bool TakeHeld(const events::v1::ProfileMoveProgressed& progress, const View& view, Room* room,
                Decided* decided) const;
  // `claimed`: some have been claimed and are waited for.
  bool TakeEffects(const events::v1::ProfileMoveProgressed& progress, const View& view, Room* room, Decided* decided,
                   bool* claimed) const;
  // Ends the move of `loser` if it waits for nothing more.
  void EndIfDone(const std::string& loser, const View& view, Decided* decided) const;
  void End(events::v1::ProfileMoveProgressed* progress, Decided* decided) const;
  Output RowsTo(const std::string& winner, const events::v1::ProfileRowsMoved& moved) const;
  // A timer that fell due before it was sent.
  Decided SendTimer(const DueTimer& timer, const View& view) const;
  Output Forwarded(const Fact& fact, const std::string& winner) const;

  // moves_winner.cc: what arrives.
  Decided DecideRows(const events::v1::ProfileRowsMoved& moved, const View& view, absl::Time now);
  Decided DecideEnd(const events::v1::ProfileMoveEnded& ended, const View& view, absl::Time now);
  // Of a profile whose pieces are all there: has the next held facts decided, or finds it whole.
  Decided Settle(const std::string& workspace, const std::string& profile, const View& view, absl::Time now);
  Decided DecideHeld(const DueTimer& timer, const View& view, absl::Time now);
  // The service's answer to a fact, or outcome, that lies not as such in the log.
  Decided DecideCarried(const std::string& profile, const Fact& fact, const View& view, absl::Time now);

  const std::unique_ptr<MovableProcessor> service_;
  const PartitionRef partition_;
  const ProfilePlaces places_;
  const MoveBounds bounds_;
};

// What a read has to know of a profile, in a view of the partition that it lives in.
struct ProfileMoves {
  // It has lost a merge: ask its winner, and say which merge is to have ended there.
  struct Pointer {
    std::string winner_id;
    std::string merge_id;
  };
  std::optional<Pointer> pointer;
  // Pieces are still on their way to it, or what was held for them is being decided: what is here is not all.
  bool moving = false;
};
ProfileMoves MovesOf(const View& view, const std::string& workspace, const std::string& profile);
// Whether all that the processor knew of a loser has come here.
bool MoveHasEnded(const View& view, const std::string& merge_id);

}  // namespace tributary::processor
