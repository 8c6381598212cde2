#include "src/moves_records.h"

#include <charconv>
#include <utility>

#include "fmt/format.h"
#include "src/tables.h"
#include "src/wire.h"

namespace tributary::processor {

using events::v1::FactForwarded;
using events::v1::FactHeld;
using events::v1::HeldFactDecided;
using events::v1::ProfileEffectEnded;

namespace {
constexpr std::string_view kOwnTimer = "~";
constexpr std::string_view kHeldTimer = "~held/";
}  // namespace

std::string HeldTimerId(int64_t fact, int32_t index) {
  return fmt::format("{}{:020}/{:011}", kHeldTimer, fact, index + 1);
}

bool ParseHeldTimerId(std::string_view id, int64_t* fact, int32_t* index) {
  if (id.size() != kHeldTimer.size() + 32 || id.substr(0, kHeldTimer.size()) != kHeldTimer) return false;
  const char* const begin = id.data() + kHeldTimer.size();
  if (std::from_chars(begin, begin + 20, *fact).ec != std::errc()) return false;
  if (std::from_chars(begin + 21, begin + 32, *index).ec != std::errc()) return false;
  --*index;
  return true;
}

bool IsOwnTimer(std::string_view id) { return id.substr(0, kOwnTimer.size()) == kOwnTimer; }

bool MissesPieces(const projection::View& view, const std::string& profile) {
  return view.Contains(kIncomingMoves, {profile});
}

bool IsMoving(const projection::View& view, const std::string& profile) {
  return MissesPieces(view, profile) || view.Contains(kTimers, {profile, std::string(kSettleTimer)});
}

bool HoldsFacts(const projection::View& view, const std::string& profile) {
  bool any = false;
  view.Scan(kHeldFacts, std::tuple(profile), [&](const auto&, const auto&) {
    any = true;
    return false;
  });
  return any;
}

std::optional<std::string> ProfileOfEffect(std::string_view effect_id) {
  const size_t slash = effect_id.find('/');
  if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
  return std::string(effect_id.substr(0, slash));
}

Decision Hold(const Fact& fact, const std::string& profile) {
  FactHeld held;
  held.set_profile_id(profile);
  held.set_fact(fact.offset.value());
  held.set_index(fact.index);
  held.set_type(std::string(fact.type));
  held.set_key(std::string(fact.key));
  held.set_value(fact.value.Bytes());
  held.set_appended_at_micros(absl::ToUnixMicros(fact.appended_at));
  held.set_depth(fact.depth);
  held.set_historical(fact.historical);
  held.set_relayed(fact.relayed);
  return Decision::Of(std::move(held));
}

Decision DecidedHeld(const FactHeld& held) {
  HeldFactDecided done;
  done.set_profile_id(held.profile_id());
  done.set_fact(held.fact());
  done.set_index(held.index());
  return Decision::Of(std::move(done));
}

namespace {

// What the two messages have in common.
template <typename M>
Fact Carried(const M& message, Offset offset, int32_t index) {
  Fact fact;
  fact.offset = offset;
  fact.index = index;
  fact.type = message.type();
  fact.key = message.key();
  fact.value = Payload(message.value());
  fact.appended_at = absl::FromUnixMicros(message.appended_at_micros());
  fact.depth = message.depth();
  fact.historical = message.historical();
  fact.relayed = message.relayed();
  return fact;
}

}  // namespace

Fact FactOf(const FactHeld& held) { return Carried(held, Offset(held.fact()), held.index()); }

Fact FactOf(const FactForwarded& forwarded, const Fact& carrier) {
  return Carried(forwarded, carrier.offset, carrier.index);
}

Fact FactOf(const ProfileEffectEnded& message) {
  Fact fact;
  fact.type = RecordType<ProfileEffectEnded>();
  fact.key = message.effect_id();
  fact.value = Payload::Of(message);
  return fact;
}

bool IsOutcome(const Fact& fact) { return fact.type == RecordType<ProfileEffectEnded>(); }

ProfileEffectEnded ToMessage(const EndedEffect& ended) {
  ProfileEffectEnded message;
  message.set_effect_id(ended.effect_id);
  message.set_channel(ended.channel);
  message.set_status(ToProto(ended.status));
  message.set_reason(ended.reason);
  return message;
}

EndedEffect OutcomeOf(const ProfileEffectEnded& message) {
  return {message.effect_id(), message.channel(), FromProto(message.status()), message.reason()};
}

}  // namespace tributary::processor
