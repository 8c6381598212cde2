#include "sim_processor.h"

#include <optional>
#include <utility>
#include <vector>

#include "mover.h"
#include "tributary/base/status.h"

namespace tributary::simulation {
namespace {

using namespace processor;  // NOLINT

template <typename M>
Decision Of(std::string_view type, M message) {
  return {type, Payload::Of(std::move(message))};
}

class SimProcessor final : public Processor {
 public:
  SimProcessor(std::string_view name, PartitionRef partition, uint32_t code, int partitions, SeededRandom* random)
      : name_(name),
        alpha_(name == kAlpha),
        partition_(std::move(partition)),
        code_(code),
        partitions_(partitions),
        random_(random) {}

  std::string_view name() const override { return name_; }
  uint32_t format() const override { return 1; }

  Handling Handles(std::string_view type) const override {
    if (type == (alpha_ ? kEvent : kNoise) || type == (alpha_ ? kEchoed : kNoted)) return Handling::kApplied;
    for (const std::string_view ignored : {kEvent, kNoise, kHushed, kEntered, kWatched, kTicked, kEnded}) {
      if (type == ignored) return Handling::kIgnored;
    }
    return IsOfMoves(type) ? Handling::kIgnored : Handling::kUnknown;
  }

  void Prefetch(const Fact& fact, KeySet& keys) const override {
    const std::string key = KeyOf(fact);
    keys.Add(kFacts, {key});
    keys.Add(kKeys, {key});
  }

  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override {
    if (fact.index < 0 && fact.value.As<v1::Event>() == nullptr) {
      return InvalidField("SIM_GARBAGE", "value", "does not parse", "Send another");
    }
    const std::string key = KeyOf(fact);
    v1::CountRow applied;
    if (const auto row = facts.Get(kApplied, {fact.offset.value(), fact.index})) applied = *row;
    applied.set_count(applied.count() + 1);
    out.Put(kApplied, {fact.offset.value(), fact.index}, applied);
    v1::FactsRow totals;
    if (const auto row = facts.Get(kFacts, {key})) totals = *row;
    totals.set_count(totals.count() + 1);
    totals.set_hash(
        Mix(Mix(totals.hash(), static_cast<uint64_t>(fact.offset.value())), static_cast<uint64_t>(fact.index) + 1));
    if (fact.index < 0) {
      const auto* event = fact.value.As<v1::Event>();
      totals.set_sum(totals.sum() + event->amount());
      out.Put(kFacts, {key}, totals);
      // Only now, so that something is to be undone. A re-drive of an even amount has been mended.
      if (event->malformed() && !(fact.redrive_of.has_value() && event->amount() % 2 == 0)) {
        return InvalidField("SIM_MALFORMED", "malformed", "is set", "Send another");
      }
    } else {
      out.Put(kFacts, {key}, totals);
    }
    return absl::OkStatus();
  }

  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    if (decision.type == kEnded) {
      v1::CountRow row;
      const std::string& id = decision.value.As<v1::Ended>()->effect_id();
      if (const auto old = decisions.Get(kEnds, {id})) row = *old;
      row.set_count(row.count() + 1);
      return out.Put(kEnds, {id}, row);
    }
    const auto edit = [&](const std::string& key, const auto& change) {
      v1::KeyRow row;
      if (const auto old = decisions.Get(kKeys, {key})) row = *old;
      row.set_hash(Mix(Mix(row.hash(), HashText(decision.type)), HashText(decision.value.Bytes())));
      change(row);
      out.Put(kKeys, {key}, row);
    };
    if (decision.type == kWatched) {
      const auto* watched = decision.value.As<v1::Watched>();
      edit(watched->key(), [](v1::KeyRow& row) { row.set_watched(row.watched() + 1); });
      v1::CountRow row;
      row.set_count(watched->count());
      out.Put(kCommands, {watched->request_id()}, row);
    } else if (decision.type == kTicked) {
      edit(decision.value.As<v1::Ticked>()->key(), [](v1::KeyRow& row) { row.set_ticks(row.ticks() + 1); });
    } else {
      const auto* note = decision.value.As<v1::Note>();
      const bool entered = decision.type == kEntered;
      edit(note->key(), [&](v1::KeyRow& row) {
        if (entered) {
          row.set_entered(true);
        } else {
          row.set_noted(row.noted() + 1);
        }
      });
      if (entered) return;
      v1::CountRow row;
      if (const auto old = decisions.Get(kNotes, {note->fact(), note->index()})) row = *old;
      row.set_count(row.count() + 1);
      out.Put(kNotes, {note->fact(), note->index()}, row);
    }
  }

  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override {
    const auto refresh = [&](const auto& key, const auto&, const auto&) {
      const auto facts = view.Get(kFacts, key);
      const auto decided = view.Get(kKeys, key);
      v1::CacheRow row;
      row.set_seen(facts == nullptr ? 0 : facts->count());
      row.set_noted(decided == nullptr ? 0 : decided->noted());
      row.set_hash(Mix(facts == nullptr ? 0 : facts->hash(), decided == nullptr ? 0 : decided->hash()));
      out.Put(kSummary, key, row);
    };
    changes.ForEach(kFacts, refresh);
    changes.ForEach(kKeys, refresh);
  }

  Decided Decide(const Input& input, const View& view, absl::Time now) override {
    if (const auto* fact = std::get_if<Fact>(&input)) return DecideFact(*fact, view, now);
    if (const auto* timer = std::get_if<DueTimer>(&input)) return DecideTimer(*timer, view, now);
    if (const auto* command = std::get_if<Command>(&input)) return DecideCommand(*command, view);
    Decided decided;
    if (std::get_if<ReadyEffect>(&input) != nullptr) {
      if (Draw(10)) decided.withhold = "SIM_WITHHELD";
      return decided;
    }
    const auto& effect = std::get<EndedEffect>(input);
    v1::Ended ended;
    ended.set_effect_id(effect.effect_id);
    ended.set_status(static_cast<int32_t>(effect.status));
    decided.decisions.push_back(Of(kEnded, ended));
    return decided;
  }

 private:
  static std::string KeyOf(const Fact& fact) {
    if (fact.index >= 0) return fact.value.As<v1::Note>()->key();
    const auto* event = fact.value.As<v1::Event>();
    return event == nullptr ? "" : event->key();
  }
  bool Draw(int percent) { return random_->Chance(percent); }

  Decided DecideFact(const Fact& fact, const View& view, absl::Time now) {
    Decided decided;
    const std::string key = KeyOf(fact);
    const auto facts = view.Get(kFacts, {key});
    v1::KeyRow state;
    if (const auto row = view.Get(kKeys, {key})) state = *row;
    if (fact.historical) return decided;
    // The duty, which the referee foresees: it depends on what was seen and decided before.
    const uint64_t lot = Mix(static_cast<uint64_t>(fact.offset.value()), static_cast<uint64_t>(fact.index) + 1);
    if (state.watched() > 0 || lot % 2 == 0) {
      v1::Note note;
      note.set_key(key);
      note.set_fact(fact.offset.value());
      note.set_index(fact.index);
      note.set_seen(facts->count());
      note.set_noted(state.noted() + 1);
      note.set_version(code_);
      note.set_draw(random_->Next64());
      decided.decisions.push_back(Of(alpha_ ? kNoted : lot % 4 == 0 ? kEchoed : kHushed, note));
    }
    if (alpha_ && facts->count() >= 3 && !state.entered()) {
      v1::Note note;
      note.set_key(key);
      note.set_seen(facts->count());
      decided.decisions.push_back(Of(kEntered, note));
    }
    // The rest is as the release likes.
    const bool eager = code_ % 2 == 1;
    if (Draw(eager ? 25 : 15)) {
      decided.decisions.push_back(ArmTimer(key, Draw(50) ? "a" : "b", now + absl::Milliseconds(random_->Below(400))));
    }
    if (Draw(8)) decided.decisions.push_back(CancelTimer(key, "a"));
    if (Draw(eager ? 12 : 6)) decided.decisions.push_back(RandomEffect(key));
    int outputs = Draw(eager ? 45 : 30) ? 1 + static_cast<int>(random_->Below(3)) : 0;
    while (outputs-- > 0) decided.outputs.push_back(MakeOutput(key, fact));
    return decided;
  }

  Decision RandomEffect(const std::string& key) {
    // Few ids, so that some are requested again.
    return RequestEffect(fmt::format("{}/{}/{}", name_, key, random_->Below(6)),
                         std::string(Draw(50) ? kSureChannel : kOnceChannel), "payload");
  }

  PartitionRef RandomTarget() {
    const uint64_t pick = random_->Below(static_cast<uint64_t>(partitions_) + 1);
    if (pick == static_cast<uint64_t>(partitions_)) return {"side", Partition(0)};
    return {partition_.log, Partition(static_cast<int32_t>(pick))};
  }

  Output MakeOutput(const std::string& key, const Fact& fact) {
    v1::Event event;
    event.set_via(fmt::format("{}:{}", name_, code_));
    event.set_hops(fact.depth + 1);
    if (fact.index < 0 && Draw(50)) {
      // As a patch: the rest is the fact's. One that was mended must not be malformed further on.
      event.set_amount(random_->Below(10) + 1);
      if (!fact.value.As<v1::Event>()->malformed()) {
        return {RandomTarget(), std::string(kEvent), key, FactPatch{event.SerializeAsString()}};
      }
    }
    return {RandomTarget(), std::string(Draw(75) ? kEvent : kNoise), key, FreshEvent(key, std::move(event))};
  }

  std::string FreshEvent(const std::string& key, v1::Event event) {
    event.set_id(fmt::format("d{}", random_->Below(1000)));
    event.set_key(key);
    event.set_amount(static_cast<int64_t>(random_->Below(10)) + 1);
    return event.SerializeAsString();
  }

  Decided DecideTimer(const DueTimer& timer, const View& view, absl::Time now) {
    Decided decided;
    v1::Ticked ticked;
    ticked.set_key(timer.key);
    ticked.set_id(timer.id);
    const auto row = view.Get(kKeys, {timer.key});
    ticked.set_count((row == nullptr ? 0 : row->ticks()) + 1);
    decided.decisions.push_back(Of(kTicked, ticked));
    if (Draw(20))
      decided.decisions.push_back(ArmTimer(timer.key, timer.id, now + absl::Milliseconds(random_->Below(200))));
    if (Draw(10)) decided.decisions.push_back(RandomEffect(timer.key));
    if (Draw(15))
      decided.outputs.push_back({RandomTarget(), std::string(kNoise), timer.key, FreshEvent(timer.key, {})});
    return decided;
  }

  Decided DecideCommand(const Command& command, const View& view) {
    Decided decided;
    if (Draw(8)) {
      decided.reply = Reply{.code = absl::StatusCode::kUnavailable, .reason = "SIM_LATER", .retry = true};
      return decided;
    }
    const std::string& key = command.body;
    const auto row = view.Get(kKeys, {key});
    v1::Watched watched;
    watched.set_key(key);
    watched.set_request_id(command.request_id);
    watched.set_count((row == nullptr ? 0 : row->watched()) + 1);
    if (watched.count() > kMaxWatched) {
      decided.reply = Reply::Reject(absl::StatusCode::kFailedPrecondition, "SIM_TOO_MANY", "key", "watched enough");
      return decided;
    }
    decided.reply = Reply::Ok(watched);
    decided.decisions.push_back(Of(kWatched, watched));
    if (Draw(30)) decided.outputs.push_back({RandomTarget(), std::string(kEvent), key, FreshEvent(key, {})});
    return decided;
  }

  const std::string_view name_;
  const bool alpha_;
  const PartitionRef partition_;
  const uint32_t code_;
  const int partitions_;
  SeededRandom* const random_;
};

}  // namespace

std::unique_ptr<Processor> MakeSimProcessor(std::string_view name, PartitionRef partition, uint32_t code,
                                            int partitions, SeededRandom* random) {
  return std::make_unique<SimProcessor>(name, std::move(partition), code, partitions, random);
}

}  // namespace tributary::simulation
