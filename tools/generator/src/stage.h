// Where the scenes of a history are played: one person after the other, each by an agenda of times and scenes.
#pragma once

#include <functional>
#include <map>
#include <queue>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "cast.h"
#include "event_builder.h"
#include "places.h"
#include "tributary/generator/truth.h"

namespace tributary::generator {

absl::TimeZone Bangkok();

// An event with the truth about it.
struct Made {
  ev::CustomerEvent event;
  int32_t person = 0;
  std::vector<int32_t> used;  // the subject's identifiers, as indices of Stage::identifiers()
};

// Not thread-safe.
class Stage {
 public:
  using Scene = std::function<void(Stage&)>;

  // All must outlive it.
  Stage(const HistoryOptions& options, const Cast& cast, SeededRandom& random);

  absl::Time start() const { return start_; }
  absl::Time end() const { return end_; }

  // Scenes that are put on the agenda from here on are `who`'s, until Play() has played them.
  void Enter(Character& who) { who_ = &who; }
  void Later(absl::Time at, Scene scene);
  // Plays the agenda by time, with what the scenes add to it. What would come after the end of the history is left out.
  void Play();

  Character& who() { return *who_; }
  SeededRandom& random() { return random_; }
  bool Chance(int percent) { return random_.Chance(percent); }
  int64_t Between(int64_t from, int64_t to) {
    return from + static_cast<int64_t>(random_.Below(static_cast<uint64_t>(to - from) + 1));
  }
  absl::Time now() const { return now_; }
  void Pass(absl::Duration time) { now_ += time; }
  void PassMinutes(int64_t from, int64_t to) { now_ += absl::Seconds(Between(from * 60, to * 60)); }

  // A new event of who(), now; the pointer is valid until the next Add().
  ev::CustomerEvent* Add(const Place& place);
  // A number that is unique with this prefix: "S000017".
  std::string NewId(std::string_view prefix);
  const Character& SomebodyElse();

  // Each puts an identifier on the event that was added last.
  void ByCookie();
  void ByTablet(std::string_view location);
  void ByDevice();
  void ByEmail(const std::string& email, ev::Verification verification = ev::VERIFICATION_STATED);
  void ByPhone(const std::string& phone, ev::Verification verification = ev::VERIFICATION_NONE);
  void ByCard();
  void ByLine();
  // Nothing as long as who() has no customer number.
  void ByAccount(ev::Verification verification = ev::VERIFICATION_NONE);
  // Of somebody who is not the subject, thus in no truth.
  void Beside(const Character& other, ev::IdentifierRole role, bool by_phone);

  // The number as somebody keys it in: mostly right.
  std::string TypedPhone();
  std::string TypedEmail();
  // Who shares a number gives it only once known: by then a customer number mostly keeps the two of a family apart,
  // though not where somebody known books without logging in.
  bool MayGivePhone() { return who_->known || !who_->shares_phone; }

  // Each identifier that was used, once; persons and group are not filled in.
  const std::vector<TrueIdentifier>& identifiers() const { return identifiers_; }
  std::vector<Made> Take() { return std::move(made_); }

 private:
  struct Entry {
    absl::Time at;
    int64_t order;
    Scene scene;
    bool operator<(const Entry& other) const { return std::pair(other.at, other.order) < std::pair(at, order); }
  };

  // `value` as written, `canonical` as identity compares it.
  void Put(std::string_view type, std::string_view issuer, const std::string& value, const std::string& canonical,
           ev::Verification verification);

  SeededRandom& random_;
  const Cast& cast_;
  const absl::Time start_;
  const absl::Time end_;
  Character* who_ = nullptr;
  absl::Time now_;
  std::priority_queue<Entry> agenda_;
  int64_t order_ = 0;
  std::map<std::string, int, std::less<>> numbers_;          // last number given for each prefix
  std::map<std::string, std::string, std::less<>> tablets_;  // cookie at each location
  std::vector<Made> made_;
  std::vector<TrueIdentifier> identifiers_;
  std::unordered_map<std::string, int32_t> index_;  // of identifiers_, by all three parts
};

}  // namespace tributary::generator
