// A customer in memory, as of a moment.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tributary/rules/rule.h"

namespace tributary::rules::testing {

struct PastEvent {
  absl::Time occurred_at;
  events::v1::CustomerEvent event;
};

// What is known of a customer. Paths are as rules write them; those that follow from the events are computed.
struct Journey {
  std::vector<PastEvent> events;
  std::map<std::string, Value> fields;
};

class FakeView : public EventView {
 public:
  explicit FakeView(const PastEvent& past) : past_(past) {}
  absl::Time occurred_at() const override { return past_.occurred_at; }
  int body() const override { return static_cast<int>(past_.event.body_case()); }
  events::v1::Channel channel() const override { return past_.event.channel(); }
  bool outbound() const override { return past_.event.direction() == events::v1::DIRECTION_OUTBOUND; }
  const events::v1::CustomerEvent& event() const override { return past_.event; }

 private:
  const PastEvent& past_;
};

// Counts what it is asked, so that tests see what a verdict cost.
class FakeCustomer : public Customer {
 public:
  FakeCustomer(const Journey& journey, absl::Time now) : journey_(journey), now_(now) {
    for (const PastEvent& past : journey.events) sorted_.push_back(&past);
    std::stable_sort(sorted_.begin(), sorted_.end(),
                     [](const auto* a, const auto* b) { return a->occurred_at > b->occurred_at; });
  }

  Value Field(std::string_view name, std::string_view key) const override {
    if (name == "entry_count" || name == "last_seen_at") {
      int64_t count = 0;
      Value last;
      for (const auto* past : sorted_) {
        if (past->occurred_at > now_) continue;
        if (++count == 1) last = past->occurred_at;
      }
      return name == "entry_count" ? Value(Amount::Of(count, 0).value()) : last;
    }
    const std::string path = key.empty() ? std::string(name) : std::string(name) + "." + std::string(key);
    const auto found = journey_.fields.find(path);
    return found == journey_.fields.end() ? Value() : found->second;
  }

  void VisitEvents(int body, absl::Time after, absl::Time until,
                   const std::function<bool(const EventView&)>& visit) const override {
    for (const auto* past : sorted_) {
      if (past->occurred_at > until || past->occurred_at <= after) continue;
      const FakeView view(*past);
      if (body != 0 && view.body() != body) continue;
      ++visited;
      if (!visit(view)) return;
    }
  }

  absl::Time NextEventAfter(absl::Time after) const override {
    absl::Time next = absl::InfiniteFuture();
    for (const auto* past : sorted_) {
      if (past->occurred_at > after) next = std::min(next, past->occurred_at);
    }
    return next;
  }

  mutable int visited = 0;

 private:
  const Journey& journey_;
  absl::Time now_;
  std::vector<const PastEvent*> sorted_;
};

}  // namespace tributary::rules::testing
