#include "referee.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "log_reading.h"
#include "move_referee.h"
#include "mover.h"
#include "sim_processor.h"
#include "tributary/base/status.h"

namespace tributary::simulation {
namespace {

using events::v1::Cause;
using events::v1::DecisionBatch;

bool Applies(std::string_view processor, std::string_view type) {
  return processor == kAlpha ? type == kEvent || type == kEchoed : type == kNoise || type == kNoted;
}

struct FactSeen {
  int64_t offset;
  int32_t index;
  std::string_view type;
  std::string_view value;
  int64_t depth;
  bool relayed;
  bool redriven;
};

std::vector<FactSeen> FactsFor(std::string_view processor, std::string_view task, const PartitionReading& reading) {
  std::vector<FactSeen> facts;
  for (const eventlog::StoredRecord* stored : reading.records) {
    const eventlog::Record& record = stored->record;
    if (!Applies(processor, record.type)) continue;
    // What was sent again is for the task that could not apply it; the others have the original.
    if (record.FindHeader("r").has_value() && record.FindHeader("o") != task) continue;
    facts.push_back({stored->offset.value(), -1, record.type, record.value, NumberOf(record, "d", 0),
                     record.FindHeader("o").has_value(), record.FindHeader("r").has_value()});
  }
  for (const auto& [other, chain] : reading.chains) {
    if (other == processor) continue;
    for (const auto& [offset, batch] : chain) {
      for (int32_t i = 0; i < batch.decisions_size(); ++i) {
        const events::v1::Decision& decision = batch.decisions(i);
        if (!Applies(processor, decision.type())) continue;
        facts.push_back({offset, i, decision.type(), decision.value(), decision.depth(), true, false});
      }
    }
  }
  std::sort(facts.begin(), facts.end(), [](const FactSeen& a, const FactSeen& b) {
    return std::tie(a.offset, a.index) < std::tie(b.offset, b.index);
  });
  return facts;
}

// Plays the valid batches of one task.
class Replay {
 public:
  Replay(const TaskName& task, int32_t max_depth, const PartitionReading& reading)
      : task_(task),
        alpha_(task.processor == kAlpha),
        max_depth_(max_depth),
        reading_(reading),
        facts_(FactsFor(task.processor, task.ToString(), reading)) {}

  absl::StatusOr<Model> Run() {
    const auto chain = reading_.chains.find(task_.processor);
    if (chain == reading_.chains.end()) return Wrong("no valid batch");
    birth_ = chain->second.front().second.birth();
    for (const auto& [offset, batch] : chain->second) {
      TRIBUTARY_RETURN_IF_ERROR(Annotate(PlayBatch(offset, batch), fmt::format("batch at {}", offset)));
    }
    REFEREE_EXPECT(next_ == facts_.size(), "the fact at {} is covered by no batch", facts_[next_].offset);
    REFEREE_EXPECT(model_.timers.empty(), "timer {}/{} never fired", model_.timers.begin()->first.first,
                   model_.timers.begin()->first.second);
    return std::move(model_);
  }

 private:
  absl::Status PlayBatch(int64_t offset, const DecisionBatch& batch) {
    REFEREE_EXPECT(batch.through() >= model_.through, "through goes back to {}", batch.through());
    REFEREE_EXPECT(batch.through() < offset, "through {} lies ahead", batch.through());
    REFEREE_EXPECT(batch.decided_at_micros() >= model_.decided_at, "time goes back");
    model_.decided_at = batch.decided_at_micros();
    watched_since_fact_.clear();
    for (int32_t i = 0; i < batch.decisions_size();) {
      const Cause& cause = batch.decisions(i).cause();
      if (cause.kind_case() != Cause::kFact) {
        TRIBUTARY_RETURN_IF_ERROR(PlayOther(batch, &i));
        continue;
      }
      TRIBUTARY_RETURN_IF_ERROR(PassFacts(cause.fact(), cause.index(), batch.through()));
      REFEREE_EXPECT(
          next_ < facts_.size() && facts_[next_].offset == cause.fact() && facts_[next_].index == cause.index(),
          "something was decided of {}#{}, which is no fact to be decided now", cause.fact(), cause.index());
      TRIBUTARY_RETURN_IF_ERROR(PlayFact(facts_[next_], batch, &i));
      ++next_;
      watched_since_fact_.clear();
    }
    TRIBUTARY_RETURN_IF_ERROR(PassFacts(batch.through() + 1, -1, batch.through()));
    for (const events::v1::Reply& reply : batch.replies()) TRIBUTARY_RETURN_IF_ERROR(NoteReply(reply, &model_));
    model_.last_batch = offset;
    model_.through = batch.through();
    return absl::OkStatus();
  }

  // Facts before (offset, index) of which nothing was decided.
  absl::Status PassFacts(int64_t offset, int32_t index, int64_t through) {
    REFEREE_EXPECT(offset <= through + 1, "the fact at {} is not covered", offset);
    while (next_ < facts_.size() && std::tie(facts_[next_].offset, facts_[next_].index) < std::tie(offset, index)) {
      int32_t none = 0;
      TRIBUTARY_RETURN_IF_ERROR(PlayFact(facts_[next_], DecisionBatch(), &none));
      ++next_;
    }
    return absl::OkStatus();
  }

  // A fact and the decisions of it, from *i on.
  absl::Status PlayFact(const FactSeen& fact, const DecisionBatch& batch, int32_t* i) {
    const auto more = [&] {
      return *i < batch.decisions_size() && batch.decisions(*i).cause().kind_case() == Cause::kFact &&
             batch.decisions(*i).cause().fact() == fact.offset && batch.decisions(*i).cause().index() == fact.index;
    };
    v1::Event event;
    v1::Note note;
    const bool parsed = fact.index < 0 ? event.ParseFromArray(fact.value.data(), static_cast<int>(fact.value.size()))
                                       : note.ParseFromArray(fact.value.data(), static_cast<int>(fact.value.size()));
    const bool mended = fact.redriven && event.amount() % 2 == 0;
    const bool malformed = !parsed || (event.malformed() && !mended);
    if (fact.depth >= max_depth_ || malformed) {
      REFEREE_EXPECT(more() && batch.decisions(*i).type() == "dead_lettered", "the fact at {}#{} is not dead-lettered",
                     fact.offset, fact.index);
      ++*i;
      model_.dead.insert({fact.offset, fact.index});
      REFEREE_EXPECT(!more(), "something was decided of the dead letter at {}", fact.offset);
      return absl::OkStatus();
    }
    REFEREE_EXPECT(model_.applied.insert({fact.offset, fact.index}).second, "the fact at {} is applied twice",
                   fact.offset);
    const std::string key = fact.index < 0 ? event.key() : note.key();
    KeyModel& state = model_.keys[key];
    ++state.seen;
    state.sum += event.amount();
    state.seen_hash =
        Mix(Mix(state.seen_hash, static_cast<uint64_t>(fact.offset)), static_cast<uint64_t>(fact.index) + 1);
    TRIBUTARY_RETURN_IF_ERROR(PlayDuty(fact, key, batch, i, more()));
    while (more()) {
      const events::v1::Decision& decision = batch.decisions(*i);
      REFEREE_EXPECT(decision.depth() == fact.depth + 1, "a decision of {} is at depth {}", fact.offset,
                     decision.depth());
      TRIBUTARY_RETURN_IF_ERROR(PlayFree(batch, decision));
      ++*i;
    }
    return absl::OkStatus();
  }

  // What every release must decide of a fact, given what was seen and decided before it.
  absl::Status PlayDuty(const FactSeen& fact, const std::string& key, const DecisionBatch& batch, int32_t* i,
                        bool any) {
    KeyModel& state = model_.keys[key];
    const bool historical = fact.offset < birth_;
    const uint64_t lot = Mix(static_cast<uint64_t>(fact.offset), static_cast<uint64_t>(fact.index) + 1);
    // Where nothing was decided of a fact, it cannot be told on which side of this batch's commands it was.
    const int64_t watched_before = state.watched - watched_since_fact_[key];
    const bool must = !historical && (watched_before > 0 || lot % 2 == 0);
    const bool may = !historical && (state.watched > 0 || lot % 2 == 0);
    const std::string_view type = alpha_ ? kNoted : lot % 4 == 0 ? kEchoed : kHushed;
    const bool noted = any && *i < batch.decisions_size() && batch.decisions(*i).type() == type;
    REFEREE_EXPECT(noted || !must, "no note of the fact at {}#{}", fact.offset, fact.index);
    REFEREE_EXPECT(may || !noted, "a note of the fact at {}#{} that called for none", fact.offset, fact.index);
    if (noted) {
      v1::Note note;
      REFEREE_EXPECT(note.ParseFromString(batch.decisions(*i).value()), "a note does not parse");
      REFEREE_EXPECT(
          note.seen() == state.seen && note.noted() == state.noted + 1,
          "the fact at {}#{} was decided on another state: it saw {} facts and {} notes, there were {} and {}",
          fact.offset, fact.index, note.seen(), note.noted() - 1, state.seen, state.noted);
      ++state.noted;
      HashDecision(key, batch.decisions(*i));
      ++*i;
    }
    const bool enters = alpha_ && !historical && state.seen >= 3 && !state.entered;
    const bool entered = any && *i < batch.decisions_size() && batch.decisions(*i).type() == kEntered &&
                         batch.decisions(*i).cause().fact() == fact.offset &&
                         batch.decisions(*i).cause().index() == fact.index;
    REFEREE_EXPECT(enters == entered, "key {} {} at {}", key, entered ? "entered again" : "did not enter", fact.offset);
    if (entered) {
      state.entered = true;
      HashDecision(key, batch.decisions(*i));
      ++*i;
    }
    return absl::OkStatus();
  }

  void HashDecision(const std::string& key, const events::v1::Decision& decision) {
    uint64_t& hash = model_.keys[key].decided_hash;
    hash = Mix(Mix(hash, HashText(decision.type())), HashText(decision.value()));
  }

  // What commands, timers and effects led to.
  absl::Status PlayOther(const DecisionBatch& batch, int32_t* i) {
    const events::v1::Decision& decision = batch.decisions(*i);
    ++*i;
    const events::v1::Decision* next = *i < batch.decisions_size() ? &batch.decisions(*i) : nullptr;
    if (decision.type() == "timer_fired") {
      events::v1::TimerFired fired;
      fired.ParseFromString(decision.value());
      const auto timer = model_.timers.find({fired.key(), fired.id()});
      REFEREE_EXPECT(timer != model_.timers.end(), "timer {}/{} fired but was not armed", fired.key(), fired.id());
      REFEREE_EXPECT(timer->second <= batch.decided_at_micros(), "timer {}/{} fired early", fired.key(), fired.id());
      model_.timers.erase(timer);
      v1::Ticked ticked;
      REFEREE_EXPECT(next != nullptr && next->type() == kTicked && ticked.ParseFromString(next->value()),
                     "nothing was decided of timer {}/{}", fired.key(), fired.id());
      REFEREE_EXPECT(ticked.count() == ++model_.keys[fired.key()].ticks, "timer {}/{} was decided on another state",
                     fired.key(), fired.id());
      HashDecision(fired.key(), *next);
      ++*i;
      return absl::OkStatus();
    }
    if (decision.type() == kWatched) {
      v1::Watched watched;
      watched.ParseFromString(decision.value());
      REFEREE_EXPECT(watched.count() == ++model_.keys[watched.key()].watched, "command {} was decided on another state",
                     watched.request_id());
      ++watched_since_fact_[watched.key()];
      HashDecision(watched.key(), decision);
      for (const events::v1::Reply& reply : batch.replies()) {
        if (reply.request_id() == watched.request_id() && reply.body() == decision.value()) return absl::OkStatus();
      }
      return Wrong("command {} was decided without its reply", watched.request_id());
    }
    if (decision.type() == "effect_ended") {
      TRIBUTARY_RETURN_IF_ERROR(PlayFree(batch, decision));
      REFEREE_EXPECT(next != nullptr && next->type() == kEnded, "nothing was decided of an effect's end");
      ++*i;
      return absl::OkStatus();
    }
    return PlayFree(batch, decision);
  }

  absl::Status PlayFree(const DecisionBatch& batch, const events::v1::Decision& decision) {
    if (decision.type() == "timer_armed") {
      events::v1::TimerArmed armed;
      armed.ParseFromString(decision.value());
      model_.timers[{armed.key(), armed.id()}] = armed.due_micros();
    } else if (decision.type() == "timer_cancelled") {
      events::v1::TimerCancelled cancelled;
      cancelled.ParseFromString(decision.value());
      model_.timers.erase({cancelled.key(), cancelled.id()});
    } else if (decision.type() != "redriven") {
      TRIBUTARY_ASSIGN_OR_RETURN(const bool effect, PlayEffect(batch, decision, &model_));
      if (effect) return absl::OkStatus();
      return Wrong("a decision of type {} has no business here", decision.type());
    }
    return absl::OkStatus();
  }

  const TaskName& task_;
  const bool alpha_;
  const int32_t max_depth_;
  const PartitionReading& reading_;
  const std::vector<FactSeen> facts_;
  size_t next_ = 0;
  int64_t birth_ = 0;
  std::map<std::string, int64_t> watched_since_fact_;
  Model model_;
};

using Readings = std::map<PartitionRef, PartitionReading>;

// Rules 16 and 17: every output of every valid batch reached its target, in order, once, as it was decided.
absl::Status CheckRelays(const TaskName& task, const SimLog& log, const Readings& readings) {
  const PartitionReading& own = readings.at(task.partition);
  std::map<PartitionRef, size_t> arrived;
  std::map<PartitionRef, Place> last;
  for (const auto& [offset, batch] : own.chains.at(task.processor)) {
    for (int32_t i = 0; i < batch.outputs_size(); ++i) {
      const events::v1::Output& output = batch.outputs(i);
      const PartitionRef target{output.log(), Partition(output.partition())};
      Place& before = last.try_emplace(target, Place{-1, 0}).first->second;
      const Place named{output.previous_in_batch() ? offset : output.previous().batch_offset(),
                        output.previous().index()};
      REFEREE_EXPECT(named == before, "output {}/{} to {} names {}/{} before it, but it was {}/{}", offset, i,
                     target.ToString(), named.first, named.second, before.first, before.second);
      before = {offset, i};
      const auto& relayed = readings.at(target).relayed;
      const auto sequence = relayed.find(task.ToString());
      const size_t n = arrived[target]++;
      REFEREE_EXPECT(sequence != relayed.end() && n < sequence->second.size(), "output {}/{} never reached {}", offset,
                     i, target.ToString());
      const RelayedRecord& record = sequence->second[n];
      std::string value = output.has_fact()
                              ? log.Records(task.partition)[static_cast<size_t>(output.fact())]->record.value
                              : std::string();
      value += output.value();
      REFEREE_EXPECT((record.place == Place{offset, i}) && record.record->record.type == output.type() &&
                         record.record->record.key == output.key() && record.record->record.value == value &&
                         NumberOf(record.record->record, "d", 0) == output.depth(),
                     "output {}/{} reached {} as something else", offset, i, target.ToString());
    }
  }
  for (const auto& [target, reading] : readings) {
    const auto sequence = reading.relayed.find(task.ToString());
    REFEREE_EXPECT(sequence == reading.relayed.end() || sequence->second.size() == arrived[target],
                   "{} holds outputs that no valid batch decided", target.ToString());
  }
  return absl::OkStatus();
}

absl::Status CheckCalls(const TaskName& task, const Model& model, const std::vector<EffectCallSeen>& calls) {
  std::map<std::pair<std::string, int>, int> made;
  std::map<std::string, int> per_effect;
  for (const EffectCallSeen& seen : calls) {
    if (seen.task != task.ToString()) continue;
    const std::pair<std::string, int> attempt{seen.call.effect_id, seen.call.attempt};
    const auto claim = model.claims.find(attempt);
    REFEREE_EXPECT(claim != model.claims.end(), "effect {} was called without a claim", seen.call.effect_id);
    REFEREE_EXPECT(claim->second == seen.incarnation, "effect {} was called by one who did not claim it",
                   seen.call.effect_id);
    REFEREE_EXPECT(++made[attempt] == 1, "effect {} attempt {} was called twice", attempt.first, attempt.second);
    REFEREE_EXPECT(++per_effect[attempt.first] == 1 || seen.call.channel == kSureChannel,
                   "effect {} was called again though its channel is not idempotent", attempt.first);
  }
  for (const auto& [id, effect] : model.effects) {
    REFEREE_EXPECT(effect.ended, "effect {} never ended", id);
    REFEREE_EXPECT(effect.channel != kSureChannel || effect.status != events::v1::EffectEnded::STATUS_UNKNOWN,
                   "effect {} on an idempotent channel was given up", id);
    REFEREE_EXPECT(effect.status != events::v1::EffectEnded::STATUS_DELIVERED || made.contains({id, effect.attempt}),
                   "effect {} is recorded as delivered but was not called", id);
  }
  return absl::OkStatus();
}

absl::Status CheckAnswers(const TaskName& task, const Model& model, const std::vector<AnswerSeen>& answers) {
  for (const AnswerSeen& seen : answers) {
    if (seen.task != task) continue;
    const auto recorded = model.replies.find(seen.request_id);
    REFEREE_EXPECT(recorded != model.replies.end(), "request {} was answered but no valid batch holds it",
                   seen.request_id);
    const bool same = std::any_of(recorded->second.begin(), recorded->second.end(), [&](const Model::Answer& answer) {
      return answer.reply.code() == static_cast<int32_t>(seen.reply.code) &&
             answer.reply.reason() == seen.reply.reason && answer.reply.body() == seen.reply.body;
    });
    REFEREE_EXPECT(same, "request {} got an answer that is not the recorded one", seen.request_id);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status NoteReply(const events::v1::Reply& reply, Model* model) {
  auto& answers = model->replies[reply.request_id()];
  const int64_t week = absl::ToInt64Microseconds(absl::Hours(24 * 7));
  REFEREE_EXPECT(answers.empty() || model->decided_at - answers.back().decided_at >= week,
                 "request {} is answered twice", reply.request_id());
  answers.push_back({reply, model->decided_at});
  return absl::OkStatus();
}

absl::StatusOr<bool> PlayEffect(const DecisionBatch& batch, const events::v1::Decision& decision, Model* model) {
  if (decision.type() == "effect_requested") {
    events::v1::EffectRequested requested;
    requested.ParseFromString(decision.value());
    model->effects.try_emplace(requested.effect_id(), EffectModel{requested.channel()});
  } else if (decision.type() == "effect_claimed") {
    events::v1::EffectClaimed claimed;
    claimed.ParseFromString(decision.value());
    const auto found = model->effects.find(claimed.effect_id());
    REFEREE_EXPECT(found != model->effects.end() && !found->second.ended, "effect {} is claimed but not open",
                   claimed.effect_id());
    EffectModel& effect = found->second;
    REFEREE_EXPECT(claimed.attempt() == effect.attempt + 1, "effect {} is claimed out of turn", claimed.effect_id());
    REFEREE_EXPECT(effect.attempt == 0 || effect.channel == kSureChannel, "effect {} is claimed again",
                   claimed.effect_id());
    REFEREE_EXPECT(claimed.incarnation() == batch.incarnation(), "effect {} is claimed for another",
                   claimed.effect_id());
    effect.attempt = claimed.attempt();
    effect.incarnation = claimed.incarnation();
    model->claims[{claimed.effect_id(), claimed.attempt()}] = claimed.incarnation();
  } else if (decision.type() == "effect_ended") {
    events::v1::EffectEnded ended;
    ended.ParseFromString(decision.value());
    const auto effect = model->effects.find(ended.effect_id());
    REFEREE_EXPECT(effect != model->effects.end() && !effect->second.ended, "effect {} ends twice", ended.effect_id());
    REFEREE_EXPECT(effect->second.attempt == ended.attempt(), "effect {} ends with an older attempt",
                   ended.effect_id());
    effect->second.ended = true;
    effect->second.status = ended.status();
  } else {
    return false;
  }
  return true;
}

absl::StatusOr<Verdict> Judge(const RefereeInput& input) {
  Readings readings;
  for (const PartitionRef& ref : input.log->Partitions()) {
    TRIBUTARY_ASSIGN_OR_RETURN(PartitionReading reading, ReadPartition(input.log->Records(ref)));
    readings.emplace(ref, std::move(reading));
  }
  Verdict verdict;
  for (const TaskName& task : input.tasks) {
    if (IsMover(task.processor)) {
      MoveModel moves;
      absl::StatusOr<Model> model = ReplayMoves(task, input, readings.at(task.partition), &moves);
      if (!model.ok()) return Annotate(model.status(), task.ToString());
      TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckRelays(task, *input.log, readings), task.ToString()));
      TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckCalls(task, *model, *input.calls), task.ToString()));
      TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckAnswers(task, *model, *input.answers), task.ToString()));
      verdict.models.emplace(task, *std::move(model));
      verdict.moves.emplace(task, std::move(moves));
      continue;
    }
    Replay replay(task, input.max_depth, readings.at(task.partition));
    absl::StatusOr<Model> model = replay.Run();
    if (!model.ok()) return Annotate(model.status(), task.ToString());
    TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckRelays(task, *input.log, readings), task.ToString()));
    TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckCalls(task, *model, *input.calls), task.ToString()));
    TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckAnswers(task, *model, *input.answers), task.ToString()));
    verdict.models.emplace(task, *std::move(model));
  }
  for (const auto& [mover, index] : *input.indexes) {
    TRIBUTARY_RETURN_IF_ERROR(Annotate(CheckMoves(mover, verdict.moves, input), mover));
  }
  return verdict;
}

absl::Status CheckRelayedUpTo(const SimLog& log, const TaskName& task, Offset position) {
  TRIBUTARY_ASSIGN_OR_RETURN(const PartitionReading own, ReadPartition(log.Records(task.partition)));
  const auto chain = own.chains.find(task.processor);
  if (chain == own.chains.end()) return absl::OkStatus();
  std::map<PartitionRef, std::set<Place>> arrived;
  for (const PartitionRef& ref : log.Partitions()) {
    for (const eventlog::RecordPtr& stored : log.Records(ref)) {
      const auto source = stored->record.FindHeader("o");
      if (source == task.ToString()) arrived[ref].insert(ParsePlace(*stored->record.FindHeader("op")));
    }
  }
  for (const auto& [offset, batch] : chain->second) {
    for (int32_t i = 0; i < batch.outputs_size(); ++i) {
      const events::v1::Output& output = batch.outputs(i);
      if (output.cause().kind_case() != Cause::kFact || output.cause().fact() > position.value()) continue;
      const PartitionRef target{output.log(), Partition(output.partition())};
      REFEREE_EXPECT((arrived[target].contains(Place{offset, i})),
                     "{}: what follows from {} was said to be relayed, but output {}/{} is not in {}", task.ToString(),
                     position, offset, i, target.ToString());
    }
  }
  return absl::OkStatus();
}

int64_t BatchThatAnswers(const SimLog& log, const TaskName& task, const std::string& request_id) {
  const absl::StatusOr<PartitionReading> own = ReadPartition(log.Records(task.partition));
  if (!own.ok()) return -1;
  const auto chain = own->chains.find(task.processor);
  if (chain == own->chains.end()) return -1;
  for (const auto& [offset, batch] : chain->second) {
    for (const events::v1::Reply& reply : batch.replies()) {
      if (reply.request_id() == request_id) return offset;
    }
  }
  return -1;
}

}  // namespace tributary::simulation
