// A processor whose rules a test writes down in place. It counts what it applies, so that twice and never
// can be told apart.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "google/protobuf/wrappers.pb.h"
#include "tributary/base/status.h"
#include "tributary/processor/processor.h"

namespace tributary::processor {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;

// text -> how often a fact with it was applied, and a decision with it.
inline constexpr projection::Table<Kind::kFacts, std::tuple<std::string>, Int64Value> kSeen{32, "seen"};
inline constexpr projection::Table<Kind::kDecisions, std::tuple<std::string>, Int64Value> kNoted{33, "noted"};
// "facts" -> how many of them were historical.
inline constexpr projection::Table<Kind::kFacts, std::tuple<std::string>, Int64Value> kHistorical{35, "historical"};
// "seen" and "noted" -> sums of the above.
inline constexpr projection::Table<Kind::kCaches, std::tuple<std::string>, Int64Value> kSums{34, "sums"};

inline StringValue Text(std::string_view text) {
  StringValue value;
  value.set_value(text.data(), text.size());
  return value;
}
inline Int64Value Number(int64_t number) {
  Int64Value value;
  value.set_value(number);
  return value;
}
template <typename ViewOf, typename T>
int64_t CountIn(const ViewOf& view, const T& table, const std::string& text) {
  const auto row = view.Get(table, {text});
  return row == nullptr ? 0 : row->value();
}

// A fact that is applied, and one that is ignored.
inline eventlog::Record Word(std::string_view text) {
  return {.key = "k", .type = "word", .headers = {}, .value = Text(text).SerializeAsString()};
}
inline eventlog::Record Noise() { return {.key = "k", .type = "noise", .headers = {}, .value = ""}; }
inline Decision Note(std::string_view text) { return {"noted", Payload::Of(Text(text))}; }
inline std::string TextOf(const Payload& value) {
  const auto* text = value.As<StringValue>();
  return text == nullptr ? "" : text->value();
}
inline Output WordTo(PartitionRef to, std::string_view text) {
  return {std::move(to), "word", "k", Text(text).SerializeAsString()};
}
inline Command Say(std::string request_id, std::string_view text) {
  return {std::move(request_id), "say", Text(text).SerializeAsString()};
}

struct Script {
  std::string name = "tally";
  uint32_t format = 1;
  std::set<std::string, std::less<>> applies = {"word"};
  std::set<std::string, std::less<>> ignores = {"noise", "noted"};
  std::function<Decided(const Input&, const View&, absl::Time)> decide;

  // The usual one: notes every fact and every command that is said.
  static Decided NoteAll(const Input& input, const View&, absl::Time) {
    Decided decided;
    if (const auto* fact = std::get_if<Fact>(&input)) decided.decisions.push_back(Note(TextOf(fact->value)));
    if (const auto* command = std::get_if<Command>(&input)) {
      StringValue text;
      text.ParseFromString(command->body);
      decided.decisions.push_back(Note(text.value()));
      decided.reply = Reply::Ok(text);
    }
    return decided;
  }
};

// Facts whose text begins with "bad" are malformed, with "broken" our own failure; both are noticed only
// after something was written.
class Scripted final : public Processor {
 public:
  explicit Scripted(Script script) : script_(std::move(script)) {
    if (!script_.decide) script_.decide = Script::NoteAll;
  }
  std::string_view name() const override { return script_.name; }
  uint32_t format() const override { return script_.format; }
  Handling Handles(std::string_view type) const override {
    if (script_.applies.contains(type)) return Handling::kApplied;
    return script_.ignores.contains(type) ? Handling::kIgnored : Handling::kUnknown;
  }
  void Prefetch(const Fact& fact, KeySet& keys) const override { keys.Add(kSeen, {TextOf(fact.value)}); }
  absl::Status ApplyFact(const Fact& fact, const KindView<Kind::kFacts>& facts, Writer<Kind::kFacts>& out) override {
    const std::string text = TextOf(fact.value);
    out.Put(kSeen, {text}, Number(CountIn(facts, kSeen, text) + 1));
    if (fact.historical) out.Put(kHistorical, {"facts"}, Number(CountIn(facts, kHistorical, "facts") + 1));
    if (text.starts_with("broken")) return absl::InternalError("our own failure");
    if (text.starts_with("bad")) return InvalidField("BAD_WORD", "text", "is bad", "Mind your words");
    return absl::OkStatus();
  }
  void ApplyDecision(const Decision& decision, const KindView<Kind::kDecisions>& decisions,
                     Writer<Kind::kDecisions>& out) override {
    const std::string text = TextOf(decision.value);
    out.Put(kNoted, {text}, Number(CountIn(decisions, kNoted, text) + 1));
  }
  void Derive(const Changes& changes, const View& view, Writer<Kind::kCaches>& out) override {
    Add(changes, kSeen, "seen", view, out);
    Add(changes, kNoted, "noted", view, out);
  }
  Decided Decide(const Input& input, const View& view, absl::Time now) override {
    return script_.decide(input, view, now);
  }

 private:
  template <typename T>
  static void Add(const Changes& changes, const T& table, const std::string& sum, const View& view,
                  Writer<Kind::kCaches>& out) {
    int64_t by = 0;
    changes.ForEach(table, [&](const auto&, const auto& before, const auto& after) {
      by += (after == nullptr ? 0 : after->value()) - (before == nullptr ? 0 : before->value());
    });
    if (by != 0) out.Put(kSums, {sum}, Number(CountIn(view, kSums, sum) + by));
  }

  Script script_;
};

}  // namespace tributary::processor
