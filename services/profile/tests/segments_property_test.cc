// Random journeys, definitions, merges and clocks: once all is quiet, who is in which segment and tier is what a plain
// evaluation of the rules on the entries gives.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "profile/customer.h"
#include "profile/entry.h"
#include "profile/figures.h"
#include "profile/tests/segment_journeys.h"
#include "profile/tests/statements.h"
#include "tributary/rules/rule.h"

namespace tributary::profile::testing {
namespace {

constexpr uint64_t kRuns = 300;
constexpr int kSteps = 120;
constexpr int kCustomers = 6;

const std::vector<std::string>& Rules() {
  static const auto* const rules = new std::vector<std::string>{
      "order_count >= 2",
      "order_count < 1",
      "net_revenue.THB >= 100 THB or returned.THB > 0 THB",
      "count(order_stated within 5d) >= 2",
      "count(any within 2d) < 2",
      "count(page_viewed where channel = web within 36h) >= 2",
      "inactive(3d)",
      "not inactive(1d) and order_count > 0",
      "recency > 2d",
      "sum(total THB of order_stated within 7d) >= 150 THB",
      "language = \"th\" and not value_tier = \"gold\"",
      "value_tier in (\"silver\", \"gold\")",
      "points.gold > 0",
      "entry_count < 4",
      "favourite_channel = store",
      "traits.vip exists",
      "count(order_stated where total >= 50 THB within 6d) >= 1",
      "last_seen_at > 2026-01-03",
  };
  return *rules;
}

// A customer read from the entries, without index and caches. Knows the fields of Rules().
class PlainCustomer final : public rules::Customer {
 public:
  PlainCustomer(const projection::View& view, const std::string& profile) : figures_(Recompute(view, profile)) {
    view.Scan(kEntries, std::tuple(profile), [&](const EntryKey&, const auto& row) {
      if (Counts(*row)) events_.push_back(CountingEvent(*row));
      return true;
    });
    std::stable_sort(events_.begin(), events_.end(), [](const auto& a, const auto& b) {
      return MicrosOf(a.occurred_at()) > MicrosOf(b.occurred_at());
    });
  }
  std::string value_tier;

  rules::Value Field(std::string_view name, std::string_view key) const override {
    const storage::v1::SummaryRow& summary = figures_.summary;
    const auto number = [](int64_t n) { return rules::Value(Amount::Of(n, 0).value()); };
    if (name == "value_tier") return value_tier.empty() ? rules::Value() : rules::Value(value_tier);
    if (name == "order_count") return number(summary.order_count());
    if (name == "entry_count") return number(static_cast<int64_t>(events_.size()));
    if (name == "last_seen_at" && !events_.empty()) return TimeOf(events_.front());
    if (name == "last_order_at" && summary.order_count() > 0) {
      return absl::FromUnixMicros(summary.last_order_micros());
    }
    for (const storage::v1::CurrencySums& sum : summary.sums()) {
      if (sum.gross().currency() != key) continue;
      const Amount returned = AmountOf(sum.returned());
      if (name == "returned") return rules::MoneyValue{"THB", returned};
      if (name == "net_revenue") return rules::MoneyValue{"THB", AmountOf(sum.gross()) - returned};
    }
    for (const storage::v1::PointsSum& sum : summary.points()) {
      if (name == "points" && sum.programme() == key) return number(sum.points());
    }
    for (const storage::v1::HeldTrait& held : figures_.traits.traits()) {
      if (name == "language" && held.name() == "language") return held.statement().text();
      if (name == "traits" && held.name() == "traits.vip") return held.statement().property().string_value();
    }
    if (name == "favourite_channel") return Favourite();
    return {};
  }
  void VisitEvents(int body, absl::Time after, absl::Time until,
                   const std::function<bool(const rules::EventView&)>& visit) const override {
    for (const CustomerEvent& event : events_) {
      if (body != 0 && event.body_case() != body) continue;
      if (TimeOf(event) <= after || TimeOf(event) > until) continue;
      if (!visit(View(event))) return;
    }
  }
  absl::Time NextEventAfter(absl::Time after) const override {
    absl::Time next = absl::InfiniteFuture();
    for (const CustomerEvent& event : events_) {
      if (TimeOf(event) > after) next = std::min(next, TimeOf(event));
    }
    return next;
  }

 private:
  class View final : public rules::EventView {
   public:
    explicit View(const CustomerEvent& event) : event_(event) {}
    absl::Time occurred_at() const override { return TimeOf(event_); }
    int body() const override { return event_.body_case(); }
    events::v1::Channel channel() const override { return event_.channel(); }
    bool outbound() const override { return event_.direction() == events::v1::DIRECTION_OUTBOUND; }
    const CustomerEvent& event() const override { return event_; }

   private:
    const CustomerEvent& event_;
  };

  static absl::Time TimeOf(const CustomerEvent& event) { return absl::FromUnixMicros(MicrosOf(event.occurred_at())); }

  rules::Value Favourite() const {
    std::map<int, int> counts;
    for (const CustomerEvent& event : events_) ++counts[event.channel()];
    std::pair<int, int> best{0, 0};
    for (const auto& [channel, count] : counts) {
      if (count > best.second) best = {channel, count};
    }
    if (best.second == 0) return {};
    return std::string(rules::ChannelName(static_cast<events::v1::Channel>(best.first)));
  }

  Figures figures_;
  std::vector<CustomerEvent> events_;  // the latest first
};

class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : random_(seed), journeys_(1 + static_cast<int32_t>(random_.Below(3))) {
    for (int i = 0; i < kCustomers; ++i) survivor_.push_back(i);
  }

  void Play() {
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) {
      const uint64_t dice = random_.Below(100);
      if (dice < 55) {
        AppendEvent(i);
      } else if (dice < 70) {
        journeys_.Advance(static_cast<int64_t>(random_.Below(kDay)));
      } else if (dice < 75) {
        journeys_.AdvanceStepwise(static_cast<int64_t>(random_.Below(4 * kDay)));
      } else if (dice < 80) {
        MergeTwo();
      } else if (dice < 86) {
        Define();
      } else if (dice < 88) {
        DefineTiers();
      } else if (dice < 90) {
        Delete();
      } else if (dice < 91) {
        journeys_.Restart();
      } else if (dice < 93) {
        journeys_.Run();
        Check();
      } else {
        journeys_.Step();
      }
    }
    journeys_.Run();
    Check();
    journeys_.ExpectSound();
  }

 private:
  static std::string IdOf(int profile) { return "p0-" + std::to_string(profile) + "-0"; }

  CustomerEvent Plain(const std::string& profile, const std::string& id, int64_t at) {
    const int64_t cents = static_cast<int64_t>(random_.Below(20)) * 1000;
    const std::string name = std::to_string(random_.Below(5));
    switch (random_.Below(7)) {
      case 0:
        return Return(profile, id, at, name, "R", 0, Cents("THB", cents));
      case 1:
        return PointsEvent(profile, id, at, "gold", name, static_cast<int64_t>(random_.Below(7)) - 3);
      case 2: {
        CustomerEvent event = Event(profile, id, at);
        event.mutable_traits_stated()->set_language(random_.Chance(50) ? "th" : "en");
        if (random_.Chance(30)) AddTrait("vip", "yes", event.mutable_traits_stated());
        return event;
      }
      case 3:
      case 4:
        return Event(profile, id, at);
      default:
        return Order(profile, id, at, name, static_cast<int64_t>(random_.Below(3)), Cents("THB", cents));
    }
  }

  void AppendEvent(int i) {
    const std::string profile = IdOf(static_cast<int>(random_.Below(kCustomers)));
    // Late by up to 8 days, ahead by up to 12 hours.
    const int64_t at = journeys_.now() + kDay / 2 - static_cast<int64_t>(random_.Below(17)) * kDay / 2;
    const std::string id = fmt::format("{}-e{}", profile, i);
    // Mostly one that was there; else one that may come.
    std::vector<std::string>& ids = ids_[profile];
    const std::string other = ids.empty() || random_.Chance(20) ? fmt::format("{}-e{}", profile, random_.Below(kSteps))
                                                                : ids[random_.Below(ids.size())];
    ids.push_back(id);
    if (random_.Chance(6)) return journeys_.Append(Retraction(profile, id, at, other));
    if (random_.Chance(12)) {
      return journeys_.Append(Correction(profile, id, at, other, static_cast<int64_t>(random_.Below(3)),
                                         Plain("", "", at - static_cast<int64_t>(random_.Below(3)) * kDay)));
    }
    journeys_.Append(Plain(profile, id, at));
  }

  void MergeTwo() {
    const int a = SurvivorOf(static_cast<int>(random_.Below(kCustomers)));
    const int b = SurvivorOf(static_cast<int>(random_.Below(kCustomers)));
    if (a == b) return;
    survivor_[std::max(a, b)] = std::min(a, b);
    journeys_.AppendMerge(IdOf(std::min(a, b)), IdOf(std::max(a, b)));
  }

  int SurvivorOf(int profile) const {
    while (survivor_[profile] != profile) profile = survivor_[profile];
    return profile;
  }

  void Define() {
    const std::string id = "s" + std::to_string(random_.Below(8));
    rules_[id] = Rules()[random_.Below(Rules().size())];
    if (random_.Chance(50)) return journeys_.BeginUpdate(id, rules_[id]);
    journeys_.Define(id, rules_[id]);
  }

  void DefineTiers() {
    tiers_.clear();
    if (random_.Chance(20)) return journeys_.DefineTiers("", {});
    const std::string silver = random_.Chance(50) ? "50 THB" : "80 THB";
    const std::string measure = random_.Chance(50) ? "net_revenue.THB" : "sum(total THB of order_stated within 4d)";
    journeys_.DefineTiers(measure, {{"silver", silver}, {"gold", "150 THB"}});
    tiers_ = {{"gold", measure + " >= 150 THB"}, {"silver", measure + " >= " + silver}};
  }

  void Delete() {
    if (rules_.empty()) return;
    journeys_.Run();  // one that is being defined is there
    journeys_.Delete(rules_.begin()->first);
    rules_.erase(rules_.begin());
  }

  bool Holds(const std::string& rule, const PlainCustomer& customer) {
    return rules::CompiledRule::Compile(rules::ParseRule(rule).value())
        ->Evaluate(customer, journeys_.clock().Now())
        .holds;
  }

  void Check() {
    std::map<std::string, std::set<std::string>> members;
    for (int i = 0; i < kCustomers; ++i) {
      const std::string profile = IdOf(i);
      const v1::ListProfileSegmentsResponse told = journeys_.SegmentsOf(profile);
      std::set<std::string> segments;
      for (const v1::ProfileSegment& segment : told.segments()) segments.insert(segment.segment_id());
      const auto snapshot = journeys_.Snapshot(profile);
      const auto row = snapshot->view().Get(kProfiles, {kWorkspace, profile});
      std::set<std::string> expected;
      std::string tier;
      if (row != nullptr && SurvivorOf(i) == i) {
        PlainCustomer customer(snapshot->view(), profile);
        const auto reached = std::find_if(tiers_.begin(), tiers_.end(),
                                          [&](const auto& candidate) { return Holds(candidate.second, customer); });
        if (reached != tiers_.end()) tier = reached->first;
        customer.value_tier = tier;
        for (const auto& [id, rule] : rules_) {
          if (Holds(rule, customer)) expected.insert(id);
        }
      }
      EXPECT_EQ(segments, expected) << profile;
      EXPECT_EQ(told.value_tier(), tier) << profile;
      for (const std::string& segment : segments) members[segment].insert(profile);
    }
    for (const auto& [id, rule] : rules_) {
      EXPECT_EQ(journeys_.Members(id), fmt::format("{}", fmt::join(members[id], " "))) << id;
      const v1::Segment segment = journeys_.Segment(id);
      EXPECT_EQ(segment.size(), static_cast<int64_t>(members[id].size())) << id;
      EXPECT_TRUE(segment.take_in().done()) << id;
    }
  }

  SeededRandom random_;
  Journeys journeys_;
  std::vector<int> survivor_;
  std::map<std::string, std::vector<std::string>> ids_;     // of events, by profile
  std::map<std::string, std::string> rules_;                // by segment
  std::vector<std::pair<std::string, std::string>> tiers_;  // highest first: id, rule
};

TEST(RandomSegments, MembershipIsWhatAPlainEvaluationGivesOnceAllIsQuiet) {
  for (uint64_t seed = 1; seed <= kRuns; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RandomRun(seed).Play();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace tributary::profile::testing
