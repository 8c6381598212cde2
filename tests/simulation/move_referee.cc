#include "move_referee.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "mover.h"
#include "tributary/base/status.h"

namespace tributary::simulation {
namespace {

using events::v1::Decision;
using events::v1::DecisionBatch;
using processor::RecordType;

bool IsOwnTimer(std::string_view id) { return id.substr(0, 1) == "~"; }

class MoveReplay {
 public:
  MoveReplay(const TaskName& task, const RefereeInput& input, const PartitionReading& reading, MoveModel* moves)
      : task_(task), input_(input), reading_(reading), moves_(moves) {}

  absl::StatusOr<Model> Run() {
    const auto chain = reading_.chains.find(task_.processor);
    if (chain == reading_.chains.end()) return Wrong("no valid batch");
    birth_ = chain->second.front().second.birth();
    int64_t last_fact = -1;
    for (const eventlog::StoredRecord* record : reading_.records) {
      TRIBUTARY_ASSIGN_OR_RETURN(const bool is_fact, PlayRecord(*record));
      if (is_fact) last_fact = record->offset.value();
    }
    for (const auto& [offset, batch] : chain->second) {
      TRIBUTARY_RETURN_IF_ERROR(Annotate(PlayBatch(offset, batch), fmt::format("batch at {}", offset)));
    }
    REFEREE_EXPECT(malformed_.empty(), "the malformed fact at {} was not dead-lettered", *malformed_.begin());
    REFEREE_EXPECT(last_fact <= model_.through, "the fact at {} is covered by no batch", last_fact);
    REFEREE_EXPECT(model_.timers.empty(), "timer {}/{} never fired", model_.timers.begin()->first.first,
                   model_.timers.begin()->first.second);
    REFEREE_EXPECT(held_.empty(), "the fact at {} is held for {} for ever", std::get<1>(*held_.begin()),
                   std::get<0>(*held_.begin()));
    for (const auto& [id, effect] : model_.effects) moves_->effects.insert(id);
    for (const auto& [loser, ended] : outgoing_) REFEREE_EXPECT(ended, "the move of {} never ended", loser);
    for (const auto& [loser, winner] : moves_->pointers) {
      REFEREE_EXPECT(outgoing_.contains(loser), "the move of {} never began", loser);
      REFEREE_EXPECT(left_.contains(loser), "that {} lost had no consequence", loser);
    }
    return std::move(model_);
  }

 private:
  template <typename M>
  static absl::StatusOr<M> Parse(std::string_view value) {
    M message;
    REFEREE_EXPECT(message.ParseFromArray(value.data(), static_cast<int>(value.size())), "a {} does not parse",
                   M::descriptor()->name());
    return message;
  }

  bool Here(const std::string& profile) const {
    return PartitionOfProfile(profile, input_.partitions) == task_.partition.partition;
  }

  // What tables of facts hold follows from the order of the records alone. True if the record is a fact.
  absl::StatusOr<bool> PlayRecord(const eventlog::StoredRecord& stored) {
    const eventlog::Record& record = stored.record;
    if (!IsOfMoves(record.type)) return false;
    REFEREE_EXPECT(NumberOf(record, "d", 0) < input_.max_depth, "the {} at {} is too deep", record.type, stored.offset);
    if (record.type == kPiece) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto piece, Parse<v1::Piece>(record.value));
      if (piece.malformed()) {
        malformed_.insert(stored.offset.value());
      } else {
        PlayPiece(piece, stored.offset.value(), stored.offset.value() < birth_);
      }
    } else if (record.type == RecordType<events::v1::FactForwarded>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto forwarded, Parse<events::v1::FactForwarded>(record.value));
      if (forwarded.processor() != task_.processor || forwarded.type() != kPiece) return true;
      TRIBUTARY_ASSIGN_OR_RETURN(const auto piece, Parse<v1::Piece>(forwarded.value()));
      REFEREE_EXPECT(!piece.malformed(), "the {} at {} is malformed", record.type, stored.offset);
      REFEREE_EXPECT(piece.profile_id() == forwarded.winner_id(), "{} is forwarded to {}", piece.id(),
                     forwarded.winner_id());
      PlayPiece(piece, stored.offset.value(), forwarded.historical());
    } else if (record.type == RecordType<events::v1::ProfilesMerged>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto merged, Parse<events::v1::ProfilesMerged>(record.value));
      if (Here(merged.loser_id())) moves_->pointers[merged.loser_id()] = merged.winner_id();
    } else if (record.type == RecordType<events::v1::ProfileRowsMoved>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto moved, Parse<events::v1::ProfileRowsMoved>(record.value));
      if (moved.processor() != task_.processor) return true;
      parts_.insert(stored.offset.value());
      REFEREE_EXPECT(!moves_->ended.contains(moved.merge_id()), "a part of merge {} came after its end",
                     moved.merge_id());
      for (const events::v1::MovedRow& row : moved.rows()) {
        if (row.kind() != "piece" || moves_->pointers.contains(moved.winner_id())) continue;
        TRIBUTARY_ASSIGN_OR_RETURN(const auto piece, Parse<v1::MovedPiece>(row.value()));
        moves_->pieces[moved.winner_id()][piece.id()] = piece.amount();
      }
    } else if (record.type == RecordType<events::v1::ProfileMoveEnded>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto ended, Parse<events::v1::ProfileMoveEnded>(record.value));
      if (ended.processor() != task_.processor) return true;
      REFEREE_EXPECT(moves_->ended.insert(ended.merge_id()).second, "merge {} ends twice", ended.merge_id());
    }
    return true;
  }

  void PlayPiece(const v1::Piece& piece, int64_t offset, bool historical) {
    moves_->records.push_back({piece.id(), piece.profile_id(), !piece.quiet() && !historical});
    came_[piece.profile_id()].emplace(piece.id(), offset);
    if (!moves_->pointers.contains(piece.profile_id())) {
      moves_->pieces[piece.profile_id()][piece.id()] = piece.amount();
    }
  }

  // What a loser sends on leaves in the order in which it came.
  absl::Status PlayOutput(const events::v1::Output& output) {
    if (output.type() != RecordType<events::v1::FactForwarded>()) return absl::OkStatus();
    TRIBUTARY_ASSIGN_OR_RETURN(const auto forwarded, Parse<events::v1::FactForwarded>(output.value()));
    if (forwarded.type() != kPiece) return absl::OkStatus();
    TRIBUTARY_ASSIGN_OR_RETURN(const auto piece, Parse<v1::Piece>(forwarded.value()));
    for (const auto& [loser, winner] : moves_->pointers) {
      const auto came = came_[loser].find(piece.id());
      if (winner != forwarded.winner_id() || came == came_[loser].end()) continue;
      int64_t& last = sent_on_.try_emplace(loser, -1).first->second;
      REFEREE_EXPECT(last < came->second, "{} of {} is sent on after a later one", piece.id(), loser);
      last = came->second;
    }
    return absl::OkStatus();
  }

  absl::Status PlayBatch(int64_t offset, const DecisionBatch& batch) {
    REFEREE_EXPECT(batch.through() >= model_.through && batch.through() < offset, "through is {}", batch.through());
    REFEREE_EXPECT(batch.decided_at_micros() >= model_.decided_at, "time goes back");
    model_.decided_at = batch.decided_at_micros();
    for (int32_t i = 0; i < batch.decisions_size(); ++i) {
      TRIBUTARY_RETURN_IF_ERROR(PlayDecision(batch, batch.decisions(i)));
    }
    for (const events::v1::Output& output : batch.outputs()) TRIBUTARY_RETURN_IF_ERROR(PlayOutput(output));
    for (const events::v1::Reply& reply : batch.replies()) {
      TRIBUTARY_RETURN_IF_ERROR(NoteReply(reply, &model_));
      const bool marked = std::any_of(
          batch.decisions().begin(), batch.decisions().end(),
          [&](const Decision& decision) { return decision.type() == kMarked && decision.value() == reply.body(); });
      REFEREE_EXPECT(marked == (reply.code() == 0), "request {} got another answer than was decided",
                     reply.request_id());
      REFEREE_EXPECT(marked || reply.reason() == "PROFILE_MERGED", "request {} was refused: {}", reply.request_id(),
                     reply.reason());
    }
    model_.last_batch = offset;
    model_.through = batch.through();
    return absl::OkStatus();
  }

  absl::Status PlayDecision(const DecisionBatch& batch, const Decision& decision) {
    const std::string_view type = decision.type();
    if (type == "timer_armed" || type == "timer_cancelled" || type == "timer_fired") return PlayTimer(batch, decision);
    TRIBUTARY_ASSIGN_OR_RETURN(const bool effect, PlayEffect(batch, decision, &model_));
    if (effect) return absl::OkStatus();
    const auto fired = std::exchange(fired_, {});
    if (type == "dead_lettered") {
      REFEREE_EXPECT(malformed_.erase(decision.cause().fact()) == 1, "the fact at {} is well-formed",
                     decision.cause().fact());
      return absl::OkStatus();
    }
    if (type == RecordType<events::v1::ProfileMoveProgressed>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto progress, Parse<events::v1::ProfileMoveProgressed>(decision.value()));
      const auto [state, first] = outgoing_.try_emplace(progress.loser_id(), false);
      REFEREE_EXPECT(!state->second, "the move of {} goes on after its end", progress.loser_id());
      state->second = progress.ended();
      for (const auto& [id, open] : model_.effects) {
        REFEREE_EXPECT(!progress.ended() || open.ended || id.substr(0, id.find('/')) != progress.loser_id(),
                       "the move of {} ended before its effect {}", progress.loser_id(), id);
      }
      return absl::OkStatus();
    }
    if (type == RecordType<events::v1::FactHeld>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto held, Parse<events::v1::FactHeld>(decision.value()));
      REFEREE_EXPECT(Here(held.profile_id()), "a {} of {}, which lives elsewhere", type, held.profile_id());
      REFEREE_EXPECT(held_.emplace(held.profile_id(), held.fact(), held.index()).second, "the fact at {} is held twice",
                     held.fact());
      return absl::OkStatus();
    }
    if (type == RecordType<events::v1::HeldFactDecided>()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto done, Parse<events::v1::HeldFactDecided>(decision.value()));
      REFEREE_EXPECT(held_.erase({done.profile_id(), done.fact(), done.index()}) == 1, "the fact at {} was not held",
                     done.fact());
      return absl::OkStatus();
    }
    TRIBUTARY_ASSIGN_OR_RETURN(const auto verdict, Parse<v1::Verdict>(decision.value()));
    if (type == kLeft) {
      REFEREE_EXPECT(left_.insert(verdict.profile_id()).second, "that {} lost has consequences twice",
                     verdict.profile_id());
      return absl::OkStatus();
    }
    if (type == kSettled) {
      const auto held = held_.lower_bound({verdict.profile_id(), -1, -1});
      REFEREE_EXPECT(held == held_.end() || std::get<0>(*held) != verdict.profile_id(), "{} is whole but holds facts",
                     verdict.profile_id());
      moves_->settled[verdict.profile_id()] = {verdict.seen().begin(), verdict.seen().end()};
      return CheckAlive(verdict.profile_id(), type);
    }
    REFEREE_EXPECT(type == kJudged || type == kRang || type == kMarked || type == kAdopted || type == kTold,
                   "a decision of type {} has no business here", type);
    TRIBUTARY_RETURN_IF_ERROR(CheckAlive(verdict.profile_id(), type));
    REFEREE_EXPECT(type != kRang || (fired.first == verdict.profile_id() && "t/" + fired.second == verdict.what()),
                   "{} of {} was decided though no such timer fired", verdict.what(), verdict.profile_id());
    moves_->verdicts[verdict.profile_id()][verdict.what()] += type == kAdopted ? verdict.count() : 1;
    moves_->said.push_back({decision.type(), verdict.profile_id(), verdict.what(),
                            std::set<std::string>(verdict.seen().begin(), verdict.seen().end())});
    return absl::OkStatus();
  }

  absl::Status PlayTimer(const DecisionBatch& batch, const Decision& decision) {
    if (decision.type() == "timer_armed") {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto armed, Parse<events::v1::TimerArmed>(decision.value()));
      const auto old = model_.timers.find({armed.key(), armed.id()});
      const bool moved =
          decision.cause().kind_case() == events::v1::Cause::kFact && parts_.contains(decision.cause().fact());
      REFEREE_EXPECT(!moved || old == model_.timers.end() || old->second > armed.due_micros(),
                     "timer {}/{} gave way to a later one of a loser", armed.key(), armed.id());
      model_.timers[{armed.key(), armed.id()}] = armed.due_micros();
      if (IsOwnTimer(armed.id())) return absl::OkStatus();
      moves_->timers.insert(armed.id());
      return CheckAlive(armed.key(), decision.type());
    }
    if (decision.type() == "timer_cancelled") {
      TRIBUTARY_ASSIGN_OR_RETURN(const auto cancelled, Parse<events::v1::TimerCancelled>(decision.value()));
      model_.timers.erase({cancelled.key(), cancelled.id()});
      return absl::OkStatus();
    }
    TRIBUTARY_ASSIGN_OR_RETURN(const auto fired, Parse<events::v1::TimerFired>(decision.value()));
    const auto timer = model_.timers.find({fired.key(), fired.id()});
    REFEREE_EXPECT(timer != model_.timers.end(), "timer {}/{} fired but was not armed", fired.key(), fired.id());
    REFEREE_EXPECT(timer->second <= batch.decided_at_micros(), "timer {}/{} fired early", fired.key(), fired.id());
    model_.timers.erase(timer);
    fired_ = {fired.key(), fired.id()};
    return absl::OkStatus();
  }

  // Who has lost decides nothing more.
  absl::Status CheckAlive(const std::string& profile, std::string_view type) const {
    REFEREE_EXPECT(!outgoing_.contains(profile), "a {} of {}, which had lost", type, profile);
    REFEREE_EXPECT(Here(profile), "a {} of {}, which lives elsewhere", type, profile);
    return absl::OkStatus();
  }

  const TaskName& task_;
  const RefereeInput& input_;
  const PartitionReading& reading_;
  MoveModel* const moves_;
  int64_t birth_ = 0;
  std::set<int64_t> parts_;                                     // offsets of rows that came
  std::set<int64_t> malformed_;                                 // offsets of facts that are to be dead-lettered
  std::set<std::string> left_;                                  // losers whose merge had its consequence
  std::map<std::string, std::map<std::string, int64_t>> came_;  // profile -> fact -> offset
  std::map<std::string, int64_t> sent_on_;                      // loser -> offset of the last
  std::map<std::string, bool> outgoing_;                        // loser -> ended
  std::set<std::tuple<std::string, int64_t, int32_t>> held_;
  std::pair<std::string, std::string> fired_;  // by the decision before
  Model model_;
};

// All partitions together.
struct Whole {
  std::map<std::string, std::string> profile_of;  // fact -> any profile that it named
  std::map<std::string, bool> decided;            // fact -> it was to be decided
  std::map<std::string, int> times;               // what -> how often it was decided
  std::map<std::string, std::string> asked_of;    // what -> the profile that it was decided of
  std::set<std::string> timers;
  std::set<std::string> effects;
};

std::string SurvivorOf(std::string profile, const std::vector<Merge>& merges) {
  for (const Merge& merge : merges) {
    if (merge.loser == profile) profile = merge.winner;
  }
  return profile;
}

}  // namespace

absl::StatusOr<Model> ReplayMoves(const TaskName& task, const RefereeInput& input, const PartitionReading& reading,
                                  MoveModel* moves) {
  return MoveReplay(task, input, reading, moves).Run();
}

absl::Status CheckMoves(const std::string& mover, const std::map<TaskName, MoveModel>& moves,
                        const RefereeInput& input) {
  Whole whole;
  const MoveIndex& index = input.indexes->at(mover);
  for (const auto& [task, model] : moves) {
    if (task.processor != mover) continue;
    for (const MoveModel::PieceSeen& record : model.records) {
      whole.profile_of[record.id] = record.profile;
      const auto [decided, first] = whole.decided.try_emplace(record.id, record.decided);
      decided->second = decided->second && record.decided;
    }
    whole.timers.insert(model.timers.begin(), model.timers.end());
    whole.effects.insert(model.effects.begin(), model.effects.end());
    for (const MoveModel::Said& said : model.said) {
      if (said.type == kAdopted) continue;
      ++whole.times[said.what];
      whole.asked_of[said.what] = said.profile;
      TRIBUTARY_RETURN_IF_ERROR(Annotate(index.CheckWhole(said.profile, said.seen, *input.merges),
                                         fmt::format("{} of {}", said.what, said.profile)));
    }
  }
  const auto home_of = [&](const std::string& profile) -> const MoveModel& {
    return moves.at({mover, {"journey", PartitionOfProfile(profile, input.partitions)}});
  };
  const auto count = [](const auto& table, const std::string& profile, const std::string& id) -> int64_t {
    const auto rows = table.find(profile);
    if (rows == table.end()) return 0;
    const auto row = rows->second.find(id);
    return row == rows->second.end() ? 0 : row->second;
  };
  for (const Merge& merge : *input.merges) {
    REFEREE_EXPECT(home_of(merge.winner).ended.contains(merge.id), "merge {} never ended", merge.id);
    if (SurvivorOf(merge.winner, *input.merges) != merge.winner) continue;
    const auto settled = home_of(merge.winner).settled.find(merge.winner);
    REFEREE_EXPECT(settled != home_of(merge.winner).settled.end(), "{} was never found whole", merge.winner);
    TRIBUTARY_RETURN_IF_ERROR(Annotate(index.CheckAllOf(merge.loser, settled->second, *input.merges),
                                       fmt::format("{} was found whole before it was", merge.winner)));
  }
  for (const auto& [id, named] : whole.profile_of) {
    const std::string survivor = SurvivorOf(named, *input.merges);
    REFEREE_EXPECT(count(home_of(survivor).pieces, survivor, id) > 0, "{} never came to {}", id, survivor);
    REFEREE_EXPECT(whole.times["j/" + id] == (whole.decided.at(id) ? 1 : 0), "{} was decided {} times", id,
                   whole.times["j/" + id]);
  }
  for (const std::string& timer : whole.timers) {
    REFEREE_EXPECT(timer == kSharedTimer || whole.times["t/" + timer] == 1, "timer {} fired {} times", timer,
                   whole.times["t/" + timer]);
  }
  for (const std::string& effect : whole.effects) {
    REFEREE_EXPECT(whole.times["o/" + effect] == 1, "the outcome of {} was told {} times", effect,
                   whole.times["o/" + effect]);
  }
  for (const auto& [what, asked] : whole.asked_of) {
    if (what == fmt::format("t/{}", kSharedTimer)) continue;
    const std::string survivor = SurvivorOf(asked, *input.merges);
    // A command may be decided anew a week later (NoteReply).
    const int times = whole.times[what];
    REFEREE_EXPECT(times == 1 || what[0] == 'c', "{} was decided {} times", what, times);
    REFEREE_EXPECT(count(home_of(survivor).verdicts, survivor, what) == times, "{} knows of {} {} times, not {}",
                   survivor, what, count(home_of(survivor).verdicts, survivor, what), times);
  }
  return absl::OkStatus();
}

}  // namespace tributary::simulation
