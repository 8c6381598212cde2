#include "mover_faults.h"

#include <algorithm>
#include <utility>

namespace tributary::simulation {
namespace {

using namespace processor;  // NOLINT
using events::v1::FactForwarded;
using events::v1::FactHeld;
using events::v1::HeldFactDecided;
using events::v1::ProfileEffectEnded;
using events::v1::ProfileMoveEnded;
using events::v1::ProfileMoveProgressed;
using events::v1::ProfileRowsMoved;
using events::v1::ProfilesMerged;
using events::v1::TimerCancelled;

template <typename M>
bool Is(const Decision& decision) {
  return decision.type == RecordType<M>();
}
template <typename M>
bool Is(const Output& output) {
  return output.type == RecordType<M>();
}

// Passes everything on and spoils what the faults say.
class FaultyMover final : public Processor {
 public:
  FaultyMover(std::unique_ptr<MovingProcessor> mover, MovableProcessor* service, const MoveFaults& faults)
      : mover_(std::move(mover)), service_(service), faults_(faults) {}

  std::string_view name() const override { return mover_->name(); }
  uint32_t format() const override { return mover_->format(); }
  Handling Handles(std::string_view type) const override { return mover_->Handles(type); }
  void Prefetch(const Fact& fact, KeySet& keys) const override { mover_->Prefetch(fact, keys); }
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    mover_->ApplyDecision(decision, decisions, out);
  }
  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override {
    mover_->Derive(changes, view, out);
  }

  absl::Status ApplyFact(const Fact& given, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override {
    const Fact fact = Taken(given);
    if (faults_.late_fact_applied_at_pointer && fact.type == kPiece &&
        facts.Contains(kRetired, {*service_->ProfileOf(fact)})) {
      return service_->ApplyFact(fact, facts, out);
    }
    if (faults_.part_applied_at_pointer && fact.type == RecordType<ProfileRowsMoved>()) {
      const auto* moved = fact.value.As<ProfileRowsMoved>();
      for (const events::v1::MovedRow& row : moved->rows()) {
        const absl::Status applied =
            service_->ApplyMovedRow(row, moved->workspace_id(), moved->winner_id(), facts, out);
        if (!applied.ok()) return applied;
      }
    }
    return mover_->ApplyFact(fact, facts, out);
  }

  Decided Decide(const Input& given, const View& view, absl::Time now) override {
    const Input input = std::holds_alternative<Fact>(given) ? Input(Taken(std::get<Fact>(given))) : given;
    const auto* fact = std::get_if<Fact>(&input);
    Decided decided = mover_->Decide(input, view, now);
    if (fact != nullptr) SpoilFact(*fact, view, now, decided);
    if (faults_.held_not_forwarded && Holds<HeldFactDecided>(decided)) {
      Drop(decided.outputs, [](const Output& output) { return Is<FactForwarded>(output); });
    }
    if (faults_.outcome_not_handed_on) {
      Drop(decided.outputs, [](const Output& output) {
        FactForwarded forwarded;
        return Is<FactForwarded>(output) && forwarded.ParseFromString(std::get<std::string>(output.value)) &&
               forwarded.type() == RecordType<ProfileEffectEnded>();
      });
    }
    if (const auto* timer = std::get_if<DueTimer>(&input);
        faults_.timers_copied_not_moved && timer != nullptr && timer->id.front() != '~' &&
        MovesOf(view, std::string(kWorkspace), timer->key).pointer.has_value()) {
      return service_->Decide(input, view, now);
    }
    if (faults_.timers_copied_not_moved && Holds<ProfileMoveProgressed>(decided)) {
      Drop(decided.decisions, [](const Decision& decision) { return Is<TimerCancelled>(decision); });
    }
    return decided;
  }

 private:
  template <typename M>
  static bool Holds(const Decided& decided) {
    return std::any_of(decided.decisions.begin(), decided.decisions.end(),
                       [](const Decision& decision) { return Is<M>(decision); });
  }
  // What another of its kind sends on, as if it were its own.
  Fact Taken(const Fact& fact) const {
    if (!faults_.forwards_of_others_taken || fact.type != RecordType<FactForwarded>()) return fact;
    FactForwarded forwarded = *fact.value.As<FactForwarded>();
    forwarded.set_processor(std::string(name()));
    Fact taken = fact;
    taken.value = Payload::Of(std::move(forwarded));
    return taken;
  }
  template <typename Things, typename Wanted>
  static void Drop(Things& things, const Wanted& wanted) {
    things.erase(std::remove_if(things.begin(), things.end(), wanted), things.end());
  }

  void SpoilFact(const Fact& fact, const View& view, absl::Time now, Decided& decided) {
    const bool piece = fact.type == kPiece;
    if (faults_.end_before_last_part && fact.type == RecordType<ProfilesMerged>()) SendEndFirst(fact, decided);
    if (faults_.late_fact_applied_at_pointer && piece && decided.decisions.empty()) decided.outputs.clear();
    if (faults_.part_applied_at_pointer && fact.type == RecordType<ProfileRowsMoved>()) decided.outputs.clear();
    if (faults_.decided_while_moving && piece && Holds<FactHeld>(decided)) decided = service_->Decide(fact, view, now);
    if (faults_.end_not_handed_on && fact.type == RecordType<ProfilesMerged>()) SendEndAtOnce(fact, decided);
  }

  static void AddEnd(std::string_view name, const ProfilesMerged& merged, Decided& decided, size_t at) {
    ProfileMoveEnded ended;
    ended.set_processor(std::string(name));
    ended.set_merge_id(merged.merge_id());
    ended.set_workspace_id(merged.workspace_id());
    ended.set_loser_id(merged.loser_id());
    ended.set_winner_id(merged.winner_id());
    Output output = decided.outputs.front();
    output.type = std::string(RecordType<ProfileMoveEnded>());
    output.value = ended.SerializeAsString();
    decided.outputs.insert(decided.outputs.begin() + static_cast<std::ptrdiff_t>(at), std::move(output));
  }

  // Where more than one part is to come.
  void SendEndFirst(const Fact& fact, Decided& decided) {
    if (decided.outputs.empty() || !Is<ProfileRowsMoved>(decided.outputs.front())) return;
    for (const Output& output : decided.outputs) {
      if (Is<ProfileMoveEnded>(output)) return;
    }
    AddEnd(name(), *fact.value.As<ProfilesMerged>(), decided, 0);
  }

  // A loser that is moving itself, and whose own rows are sent, does not wait for what is on its way to it.
  void SendEndAtOnce(const Fact& fact, Decided& decided) {
    if (decided.outputs.empty() || !Is<ProfileRowsMoved>(decided.outputs.front())) return;
    for (const Decision& decision : decided.decisions) {
      const auto* progress = Is<ProfileMoveProgressed>(decision) ? decision.value.As<ProfileMoveProgressed>() : nullptr;
      if (progress == nullptr || !progress->copied() || progress->ended()) continue;
      AddEnd(name(), *fact.value.As<ProfilesMerged>(), decided, decided.outputs.size());
      return;
    }
  }

  const std::unique_ptr<MovingProcessor> mover_;
  MovableProcessor* const service_;
  const MoveFaults faults_;
};

}  // namespace

std::unique_ptr<Processor> PlantMoveFaults(std::unique_ptr<MovingProcessor> mover, MovableProcessor* service,
                                           const MoveFaults& faults) {
  return std::make_unique<FaultyMover>(std::move(mover), service, faults);
}

}  // namespace tributary::simulation
