// Random journeys, late, doubled, revised, returned, corrected, retracted and merged, in random order and batches: what
// is kept of orders, traits, points, stays and consents equals what a plain reading of all events gives.
#include <algorithm>
#include <map>
#include <set>

#include "fmt/format.h"
#include "profile/computed.h"
#include "profile/consents.h"
#include "profile/tests/journey.h"
#include "profile/tests/plain_statements.h"
#include "profile/tests/statements.h"
#include "tributary/base/money.h"
#include "tributary/base/random.h"

namespace tributary::profile::testing {
namespace {

constexpr int kRuns = 600;
constexpr int kProfiles = 4;
constexpr int kEvents = 70;
constexpr int64_t kMoments = 12;  // so few that times collide

// The oldest profile has the lowest number and survives.
std::string ProfileId(uint64_t number) { return "p0-" + std::to_string(number) + "-0"; }

class RandomEvents {
 public:
  explicit RandomEvents(SeededRandom& random) : random_(random) {}

  // Event `number` of one of two sources.
  CustomerEvent Next(int number) {
    const std::string profile = ProfileId(random_.Below(kProfiles));
    const int64_t at = static_cast<int64_t>(random_.Below(kMoments));
    CustomerEvent event = Make(profile, "e" + std::to_string(number / 2), at);
    event.set_source_id(number % 2 == 0 ? "shop" : "till");
    event.set_source_priority(number % 2);
    return event;
  }

 private:
  events::v1::Money Money() { return Cents(random_.Chance(70) ? "THB" : "EUR", random_.Below(1000)); }
  std::string OrderId() { return std::string(1, static_cast<char>('A' + random_.Below(3))); }
  int64_t Revision() { return static_cast<int64_t>(random_.Below(3)); }

  CustomerEvent AnOrder(const std::string& profile, const std::string& id, int64_t at) {
    CustomerEvent event = Order(profile, id, at, OrderId(), Revision(), Money());
    event.mutable_order_stated()->set_status(static_cast<OrderStated::Status>(random_.Below(6)));
    return event;
  }

  CustomerEvent AReturn(const std::string& profile, const std::string& id, int64_t at) {
    CustomerEvent event =
        Return(profile, id, at, OrderId(), "R" + std::to_string(random_.Below(2)), Revision(), Money());
    event.mutable_return_stated()->set_status(static_cast<ReturnStated::Status>(random_.Below(4)));
    return event;
  }

  std::string OneOf(std::vector<std::string> texts) { return texts[random_.Below(texts.size())]; }

  CustomerEvent Traits(const std::string& profile, const std::string& id, int64_t at) {
    CustomerEvent event = Event(profile, id, at);
    events::v1::TraitsStated& stated = *event.mutable_traits_stated();
    const std::string value = fmt::format("v{}", random_.Below(1000));
    if (random_.Chance(30)) stated.set_language(value);
    if (random_.Chance(30)) stated.set_birth_date(value);
    if (random_.Chance(40)) AddName(OneOf({"en", "th"}), value, &stated);
    if (random_.Chance(40)) AddAddress(OneOf({"home", "work"}), value, &stated);
    if (random_.Chance(40)) AddTrait(OneOf({"size", "vip"}), value, &stated);
    if (random_.Chance(30)) stated.add_cleared(OneOf({"names", "addresses", "traits", "traits.vip", "language"}));
    return event;
  }

  CustomerEvent Points(const std::string& profile, const std::string& id, int64_t at) {
    return PointsEvent(profile, id, at, OneOf({"gold", "spa"}), OneOf({"1", "2", "3"}),
                       static_cast<int64_t>(random_.Below(20)) - 10);
  }

  CustomerEvent Stay(const std::string& profile, const std::string& id, int64_t at) {
    return StayEvent(profile, id, at, OneOf({"R1", "R2"}), Revision(),
                     static_cast<events::v1::StayStated::Status>(1 + random_.Below(6)),
                     OneOf({"2026-01-01", "2026-02-01", "2026-03-01"}));
  }

  CustomerEvent Consent(const std::string& profile, const std::string& id, int64_t at) {
    const auto status = static_cast<events::v1::ConsentStated::Status>(random_.Chance(60) ? 1 : 2 + random_.Below(2));
    CustomerEvent event = ConsentEvent(
        profile, id, at, OneOf({"", "a@example.com", "b@example.com"}), OneOf({"", "news", "news", "service"}), status,
        random_.Chance(70) ? events::v1::CHANNEL_EMAIL : static_cast<events::v1::Channel>(random_.Below(3)));
    if (random_.Chance(20)) {
      event.mutable_consent_stated()->mutable_valid_until()->set_seconds(at + random_.Below(kMoments));
    }
    return event;
  }

  CustomerEvent PageView(const std::string& profile, const std::string& id, int64_t at) {
    CustomerEvent event = Event(profile, id, at);
    event.set_channel(static_cast<events::v1::Channel>(random_.Below(4)));
    if (random_.Chance(30)) event.set_direction(events::v1::DIRECTION_OUTBOUND);
    return event;
  }

  CustomerEvent Plain(const std::string& profile, const std::string& id, int64_t at) {
    switch (random_.Below(10)) {
      case 0:
        return PageView(profile, id, at);
      case 1:
        return AReturn(profile, id, at);
      case 2:
      case 3:
        return Traits(profile, id, at);
      case 4:
        return Points(profile, id, at);
      case 5:
        return Stay(profile, id, at);
      case 6:
      case 7:
        return Consent(profile, id, at);
      default:
        return AnOrder(profile, id, at);
    }
  }

  CustomerEvent Make(const std::string& profile, const std::string& id, int64_t at) {
    const std::string other = "e" + std::to_string(random_.Below(kEvents / 2));
    if (random_.Chance(12)) return Retraction(profile, id, at, other);
    if (random_.Chance(20)) {
      CustomerEvent replacement = Plain("", "", static_cast<int64_t>(random_.Below(kMoments)));
      if (random_.Chance(30)) replacement.clear_occurred_at();
      if (random_.Chance(30)) replacement.clear_channel();
      return Correction(profile, id, at, other, Revision(), replacement);
    }
    return Plain(profile, id, at);
  }

  SeededRandom& random_;
};

// All events of one customer, read plainly: no increments, no order of arrival.
class Reading {
 public:
  explicit Reading(const std::vector<CustomerEvent>& events) {
    for (const CustomerEvent& event : events) {
      if (const auto& ref = event.event_retracted().event(); event.has_event_retracted()) {
        retracted_.insert({event.source_id(), ref.event_id()});
      }
    }
    for (const CustomerEvent& event : events) Count(event, Best(event, events));
  }

  // As Journey::Revenue().
  std::string Revenue() const {
    std::map<std::string, std::tuple<Amount, Amount, int>> sums;
    int orders = 0;
    for (const auto& [id, stated] : orders_) {
      const OrderStated& order = stated.second;
      if (order.status() == OrderStated::STATUS_CANCELLED || order.status() == OrderStated::STATUS_PENDING) continue;
      auto& [gross, returned, count] = sums[order.total().currency()];
      gross += Amount::Of(order.total().units(), order.total().nanos()).value();
      ++count;
      ++orders;
    }
    for (const auto& [id, stated] : returns_) {
      const ReturnStated& of = stated.second;
      if (of.status() == ReturnStated::STATUS_REQUESTED || of.status() == ReturnStated::STATUS_REJECTED) continue;
      if (of.refund().units() == 0 && of.refund().nanos() == 0) continue;
      std::get<1>(sums[of.refund().currency()]) += Amount::Of(of.refund().units(), of.refund().nanos()).value();
    }
    std::string text;
    for (const auto& [currency, sum] : sums) {
      const auto& [gross, returned, count] = sum;
      text += fmt::format("{} {} less {} {} is {} {} of {}; ", gross.ToString(), currency, returned.ToString(),
                          currency, (gross - returned).ToString(), currency, count);
    }
    return text + std::to_string(orders);
  }

  // Placing of the first and the last order; 0 if there are none.
  std::pair<int64_t, int64_t> OrderTimes() const {
    std::set<int64_t> times;
    for (const auto& [id, stated] : orders_) {
      const auto status = stated.second.status();
      if (status == OrderStated::STATUS_CANCELLED || status == OrderStated::STATUS_PENDING) continue;
      times.insert(std::get<1>(stated.first));  // it says nothing else
    }
    return times.empty() ? std::pair<int64_t, int64_t>() : std::pair(*times.begin(), *times.rbegin());
  }

  PlainStatements statements;
  int64_t entries = 0;
  int64_t first = 0;
  int64_t last = 0;

 private:
  using Rank = std::tuple<int64_t, int64_t, int32_t, std::string, std::string>;
  static Rank RankOf(int64_t revision, const CustomerEvent& event) {
    return {revision, event.occurred_at().seconds(), event.source_priority(), event.event_id(), event.source_id()};
  }

  // The correction of `event` that counts.
  static const CustomerEvent* Best(const CustomerEvent& event, const std::vector<CustomerEvent>& events) {
    const CustomerEvent* best = nullptr;
    for (const CustomerEvent& other : events) {
      if (!other.has_event_corrected() || other.source_id() != event.source_id() ||
          other.event_corrected().event().event_id() != event.event_id()) {
        continue;
      }
      if (best == nullptr ||
          RankOf(other.event_corrected().revision(), other) > RankOf(best->event_corrected().revision(), *best)) {
        best = &other;
      }
    }
    return best;
  }

  void Count(CustomerEvent event, const CustomerEvent* correction) {
    if (event.has_event_retracted() || event.has_event_corrected()) return;
    if (retracted_.contains({event.source_id(), event.event_id()})) return;
    if (correction != nullptr) {
      const CustomerEvent& replacement = correction->event_corrected().replacement();
      if (replacement.body_case() == event.body_case()) {
        if (replacement.has_occurred_at()) *event.mutable_occurred_at() = replacement.occurred_at();
        if (event.has_order_stated()) *event.mutable_order_stated() = replacement.order_stated();
        if (event.has_return_stated()) *event.mutable_return_stated() = replacement.return_stated();
        if (event.has_traits_stated()) *event.mutable_traits_stated() = replacement.traits_stated();
        if (event.has_points_posted()) *event.mutable_points_posted() = replacement.points_posted();
        if (event.has_stay_stated()) *event.mutable_stay_stated() = replacement.stay_stated();
        if (event.has_consent_stated()) *event.mutable_consent_stated() = replacement.consent_stated();
        if (replacement.channel() != events::v1::CHANNEL_UNSPECIFIED) event.set_channel(replacement.channel());
      }
    }
    statements.Add(event);
    const int64_t at = event.occurred_at().seconds();
    first = entries == 0 ? at : std::min(first, at);
    last = entries == 0 ? at : std::max(last, at);
    ++entries;
    if (event.has_order_stated()) {
      auto& kept = orders_[event.order_stated().order().order_id()];
      kept = std::max(kept, std::pair(RankOf(event.order_stated().revision(), event), event.order_stated()), ByRank);
    } else if (event.has_return_stated()) {
      const ReturnStated& stated = event.return_stated();
      auto& kept = returns_[{stated.order().order_id(), stated.return_id()}];
      kept = std::max(kept, std::pair(RankOf(stated.revision(), event), stated), ByRank);
    }
  }

  static constexpr auto ByRank = [](const auto& a, const auto& b) { return a.first < b.first; };

  std::set<std::pair<std::string, std::string>> retracted_;
  std::map<std::string, std::pair<Rank, OrderStated>> orders_;
  std::map<std::pair<std::string, std::string>, std::pair<Rank, ReturnStated>> returns_;
};

// One run: events go in, in random order and batches, some twice, with merges between them; then every profile must be
// as a plain reading of its events has it.
class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed) {
    for (uint64_t i = 0; i < kProfiles; ++i) survivor_.push_back(i);
    RandomEvents events(random_);
    for (int i = 0; i < kEvents; ++i) events_.push_back(events.Next(i));
    for (size_t i = events_.size(); i > 1; --i) std::swap(events_[i - 1], events_[random_.Below(i)]);
    events_.resize(5 + random_.Below(kEvents - 5));
  }

  void Play() {
    for (size_t next = 0; next < events_.size();) {
      if (random_.Chance(5)) {
        MergeTwo();
      } else if (next > 0 && random_.Chance(10)) {
        Append(events_[random_.Below(next)]);  // again
      } else {
        Append(events_[next++]);
      }
      if (random_.Chance(20)) {
        ASSERT_TRUE(journey_.driver().Run());
      }
      if (random_.Chance(2)) journey_.driver().Restart();
    }
    ASSERT_TRUE(journey_.driver().Run()) << journey_.driver().task().status().halted;
  }

  void Check() {
    for (uint64_t profile = 0; profile < kProfiles; ++profile) {
      const Reading reading(EventsOf(profile));
      const std::string id = ProfileId(profile);
      const v1::Profile shown = journey_.Profile(id);
      EXPECT_EQ(journey_.Revenue(id), reading.Revenue());
      EXPECT_EQ(shown.entry_count(), reading.entries);
      EXPECT_EQ(shown.first_seen_at().seconds(), reading.first);
      EXPECT_EQ(shown.last_seen_at().seconds(), reading.last);
      CheckTraits(id, reading);
      CheckConsents(id, reading);
    }
    journey_.ExpectSound();
  }

 private:
  void CheckTraits(const std::string& id, const Reading& reading) {
    const auto snapshot = journey_.driver().Snapshot();
    const auto found = FindProfile(snapshot->view(), kWorkspace, id);
    if (!found) return;
    const v1::GetTraitsResponse traits = ReadTraits(snapshot->view(), found->id, absl::FromUnixSeconds(100));
    EXPECT_EQ(StatedText(traits), reading.statements.Traits());
    EXPECT_EQ(PointsText(traits), reading.statements.Points());
    const v1::ComputedTraits& computed = traits.computed();
    EXPECT_EQ(computed.last_stay().stay().reservation_id() + computed.last_stay().stay().arrival_date(),
              reading.statements.LastStay());
    EXPECT_EQ(computed.favourite_channel(), reading.statements.FavouriteChannel());
    const auto [first, last] = reading.OrderTimes();
    EXPECT_EQ(computed.first_order_at().seconds(), first);
    EXPECT_EQ(computed.last_order_at().seconds(), last);
    EXPECT_EQ(computed.recency().seconds(), computed.order_count() == 0 ? 0 : 100 - last);
    if (computed.order_count() < 2 || last == first) {
      EXPECT_FALSE(computed.has_orders_per_30_days());
    } else {
      EXPECT_EQ(computed.orders_per_30_days().units(), (computed.order_count() - 1) * 30 * 86'400 / (last - first));
    }
  }

  void CheckConsents(const std::string& id, const Reading& reading) {
    const auto snapshot = journey_.driver().Snapshot();
    const auto found = FindProfile(snapshot->view(), kWorkspace, id);
    if (!found) return;
    for (int64_t at = -1; at <= kMoments; ++at) {
      const ConsentsPage page =
          ReadConsents(snapshot->view(), found->id, {.as_of = absl::FromUnixSeconds(at), .after = std::nullopt});
      std::set<std::string> texts;
      for (const v1::Consent& consent : page.consents) {
        texts.insert(PlainStatements::ConsentText(consent.contact_point().address(), consent.purpose(),
                                                  consent.channel(), consent.holds(), consent.overruled_by()));
      }
      EXPECT_EQ(texts, reading.statements.Consents(at)) << "at " << at;
    }
  }

  uint64_t SurvivorOf(uint64_t profile) const {
    while (survivor_[profile] != profile) profile = survivor_[profile];
    return profile;
  }

  std::vector<CustomerEvent> EventsOf(uint64_t profile) const {
    std::vector<CustomerEvent> mine;
    for (uint64_t other = 0; other < kProfiles; ++other) {
      if (SurvivorOf(other) != SurvivorOf(profile)) continue;
      for (const CustomerEvent& event : events_) {
        if (event.resolution().profile_id() == ProfileId(other)) mine.push_back(event);
      }
    }
    return mine;
  }

  void Append(const CustomerEvent& event) {
    journey_.driver().Append({.key = event.resolution().profile_id(),
                              .type = std::string(processor::RecordType<CustomerEvent>()),
                              .value = event.SerializeAsString()});
  }

  void MergeTwo() {
    const uint64_t a = SurvivorOf(random_.Below(kProfiles));
    const uint64_t b = SurvivorOf(random_.Below(kProfiles));
    if (a == b) return;
    survivor_[std::max(a, b)] = std::min(a, b);
    const events::v1::ProfilesMerged merged = Merge(ProfileId(std::min(a, b)), ProfileId(std::max(a, b)));
    journey_.driver().Append({.key = merged.winner_id(),
                              .type = std::string(processor::RecordType<events::v1::ProfilesMerged>()),
                              .value = merged.SerializeAsString()});
  }

  SeededRandom random_;
  Journey journey_;
  std::vector<uint64_t> survivor_;
  std::vector<CustomerEvent> events_;
};

TEST(RandomJourneys, KeptFiguresEqualAPlainReadingAndARebuild) {
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomRun run(seed);
    run.Play();
    if (!HasFailure()) run.Check();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tributary::profile::testing
