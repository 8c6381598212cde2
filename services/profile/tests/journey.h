// A journey partition with profile's task on it, and events as identity passes them on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "profile/processor.h"
#include "profile/queries.h"
#include "profile/recompute.h"
#include "tributary/base/money.h"
#include "tributary/events/v1/customer_event.pb.h"
#include "tributary/events/v1/identity.pb.h"
#include "tributary/processor/testing/test_driver.h"

namespace tributary::profile::testing {

using events::v1::CustomerEvent;
using events::v1::OrderStated;
using events::v1::ReturnStated;

inline constexpr char kWorkspace[] = "w1";

inline google::protobuf::Timestamp At(int64_t seconds) {
  google::protobuf::Timestamp time;
  time.set_seconds(seconds);
  return time;
}

// `amount` in hundredths.
inline events::v1::Money Cents(const std::string& currency, int64_t amount) {
  events::v1::Money money;
  money.set_currency(currency);
  money.set_units(amount / 100);
  money.set_nanos(static_cast<int32_t>(amount % 100) * 10'000'000);
  return money;
}

// "11.77 THB"
inline std::string Text(const events::v1::Money& money) {
  return Amount::Of(money.units(), money.nanos()).value().ToString() + " " + money.currency();
}

// A page view unless a body is put in its place.
inline CustomerEvent Event(const std::string& profile, const std::string& id, int64_t seconds) {
  CustomerEvent event;
  event.set_workspace_id(kWorkspace);
  event.set_source_id("shop");
  event.set_event_id(id);
  event.set_channel(events::v1::CHANNEL_WEB);
  *event.mutable_occurred_at() = At(seconds);
  event.mutable_resolution()->set_profile_id(profile);
  event.mutable_page_viewed()->set_title("a page");
  return event;
}

inline CustomerEvent Order(const std::string& profile, const std::string& id, int64_t seconds,
                           const std::string& order_id, int64_t revision, events::v1::Money total) {
  CustomerEvent event = Event(profile, id, seconds);
  event.set_channel(events::v1::CHANNEL_STORE);
  OrderStated& order = *event.mutable_order_stated();
  order.mutable_order()->set_issuer("pos");
  order.mutable_order()->set_order_id(order_id);
  order.set_revision(revision);
  *order.mutable_total() = std::move(total);
  return event;
}

inline CustomerEvent Return(const std::string& profile, const std::string& id, int64_t seconds,
                            const std::string& order_id, const std::string& return_id, int64_t revision,
                            events::v1::Money refund) {
  CustomerEvent event = Event(profile, id, seconds);
  ReturnStated& returned = *event.mutable_return_stated();
  returned.mutable_order()->set_issuer("pos");
  returned.mutable_order()->set_order_id(order_id);
  returned.set_return_id(return_id);
  returned.set_revision(revision);
  *returned.mutable_refund() = std::move(refund);
  return event;
}

inline CustomerEvent Retraction(const std::string& profile, const std::string& id, int64_t seconds,
                                const std::string& of) {
  CustomerEvent event = Event(profile, id, seconds);
  event.mutable_event_retracted()->mutable_event()->set_event_id(of);
  return event;
}

// `replacement`: what the event named should have been.
inline CustomerEvent Correction(const std::string& profile, const std::string& id, int64_t seconds,
                                const std::string& of, int64_t revision, CustomerEvent replacement) {
  CustomerEvent event = Event(profile, id, seconds);
  event.mutable_event_corrected()->mutable_event()->set_event_id(of);
  event.mutable_event_corrected()->set_revision(revision);
  *event.mutable_event_corrected()->mutable_replacement() = std::move(replacement);
  return event;
}

inline events::v1::ProfilesMerged Merge(const std::string& winner, const std::string& loser) {
  events::v1::ProfilesMerged merged;
  merged.set_merge_id("m-" + winner + "-" + loser);
  merged.set_workspace_id(kWorkspace);
  merged.set_winner_id(winner);
  merged.set_loser_id(loser);
  return merged;
}

class Journey {
 public:
  Journey() : driver_([] { return MakeProcessor(processor::Partition(0), 1); }) {}

  void Put(const CustomerEvent& event) { driver_.Pipe(event.resolution().profile_id(), event); }
  void Put(const events::v1::ProfilesMerged& merged) { driver_.Pipe(merged.winner_id(), merged); }
  processor::testing::ProcessorTestDriver& driver() { return driver_; }

  // The profile as the API shows it; empty if there is none.
  v1::Profile Profile(const std::string& id, const std::string& workspace = kWorkspace) {
    const auto snapshot = driver_.Snapshot();
    const auto found = FindProfile(snapshot->view(), workspace, id);
    return found ? ReadProfile(snapshot->view(), workspace, *found, id) : v1::Profile();
  }

  // Entry ids of the whole journey, space-separated, with "-" before retracted and "~" before corrected ones.
  std::string Entries(const std::string& id, JourneyQuery query = {.ascending = true}) {
    const auto snapshot = driver_.Snapshot();
    const auto found = FindProfile(snapshot->view(), kWorkspace, id);
    if (!found) return "no profile";
    std::string entries;
    for (const v1::JourneyEntry& entry : ReadJourney(snapshot->view(), found->id, query).entries) {
      if (!entries.empty()) entries += " ";
      if (entry.retracted()) entries += "-";
      if (entry.corrected()) entries += "~";
      entries += entry.event().event_id();
    }
    return entries;
  }

  // "100.00 THB - 20.00 = 80.00, 1 order" for each currency, then the whole number of orders.
  std::string Revenue(const std::string& id) {
    const v1::Profile profile = Profile(id);
    std::string text;
    for (const v1::Revenue& revenue : profile.revenues()) {
      text += Text(revenue.gross()) + " less " + Text(revenue.returned()) + " is " + Text(revenue.net()) + " of " +
              std::to_string(revenue.order_count()) + "; ";
    }
    return text + std::to_string(profile.order_count());
  }

  // The caches equal a plain recomputation, and a rebuild gives the same bytes, caches too.
  void ExpectSound() {
    const auto snapshot = driver_.Snapshot();
    const CacheCheck check = CheckCaches(snapshot->view());
    EXPECT_TRUE(check.differences.empty()) << check.differences.front();
    EXPECT_TRUE(snapshot->status().ok()) << snapshot->status();
    const auto [live, rebuilt] = driver_.DigestLiveAndRebuilt();
    EXPECT_EQ(live.facts_and_decisions, rebuilt.facts_and_decisions);
    EXPECT_EQ(live.caches, rebuilt.caches);
  }

 private:
  processor::testing::ProcessorTestDriver driver_;
};

}  // namespace tributary::profile::testing
