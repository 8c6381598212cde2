#include "tributary/generator/events.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "episodes.h"
#include "event_builder.h"
#include "json.h"
#include "people.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

// By then everybody has been introduced or has signed up.
constexpr int kArrivalDays = 20;

absl::Status Check(const EventOptions& options) {
  if (options.events < 1 || options.events > 1'000'000) {
    return InvalidField("OUT_OF_RANGE", "events", "is not between 1 and 1,000,000", "Choose a number in that range");
  }
  if (options.people < 1 || options.people > 50'000) {
    return InvalidField("OUT_OF_RANGE", "people", "is not between 1 and 50,000", "Choose a number in that range");
  }
  if (options.days < 30 || options.days > 365) {
    return InvalidField("OUT_OF_RANGE", "days", "is not between 30 and 365", "Choose a number in that range");
  }
  return absl::OkStatus();
}

// Some time in the opening hours of a day in [from, to).
absl::Time TimeBetween(const EventOptions& options, int from, int to, SeededRandom& random) {
  const absl::CivilDay day =
      options.first_day + from + static_cast<int>(random.Below(static_cast<uint64_t>(to - from)));
  const auto second = static_cast<int64_t>(8 * 3'600 + random.Below(13 * 3'600));
  return absl::FromCivil(absl::CivilSecond(day) + second, absl::FixedTimeZone(7 * 3'600));
}

// Each person's scenes come in an order of its own, so that after a while everybody has met every kind.
std::vector<Episode> Shuffled(SeededRandom& random) {
  std::vector<Episode> episodes;
  for (int i = 0; i < kEpisodeKinds; ++i) episodes.push_back(static_cast<Episode>(i));
  for (size_t i = episodes.size() - 1; i > 0; --i) std::swap(episodes[i], episodes[random.Below(i + 1)]);
  return episodes;
}

struct Played {
  std::vector<ev::CustomerEvent> events;
  std::vector<int32_t> person_of;  // for each event
};

Played PlayAll(const EventOptions& options, const std::vector<Person>& people, SeededRandom& random) {
  EventBuilder builder(options, random);
  Played played;
  const auto wanted = static_cast<size_t>(options.events);
  const auto label = [&](int32_t person) { played.person_of.resize(builder.size(), person); };
  std::vector<std::vector<Episode>> orders;
  for (int32_t i = 0; i < options.people && builder.size() < wanted; ++i) {
    const Person& person = people[static_cast<size_t>(i)];
    builder.Begin(person, TimeBetween(options, 0, kArrivalDays / 2, random));
    if (person.introduced_first) {
      Introduce(builder);
    } else {
      VisitAnonymously(builder);
      builder.Begin(person, TimeBetween(options, kArrivalDays / 2, kArrivalDays, random));
      SignUp(builder);
    }
    orders.push_back(Shuffled(random));
    if (i == 0) {  // somebody who has met us in every way, whatever the number of events
      for (const Episode episode : orders.back()) {
        builder.Begin(person, TimeBetween(options, kArrivalDays, options.days, random));
        Play(episode, builder);
      }
    }
    label(i);
  }
  for (size_t round = 0; builder.size() < wanted; ++round) {
    for (size_t i = round < kEpisodeKinds ? 1 : 0; i < orders.size() && builder.size() < wanted; ++i) {
      builder.Begin(people[i], TimeBetween(options, kArrivalDays, options.days, random));
      Play(orders[i][round % kEpisodeKinds], builder);
      label(static_cast<int32_t>(i));
    }
  }
  played.events = builder.Take();
  played.events.resize(wanted);
  played.person_of.resize(wanted);
  return played;
}

int64_t Satang(const ev::Money& money) { return money.units() * 100 + money.nanos() / 10'000'000; }

EventTotals Count(const Played& played, const std::vector<Person>& people) {
  EventTotals totals;
  totals.events = static_cast<int64_t>(played.events.size());
  std::vector<std::set<int>> channels(people.size());
  for (size_t i = 0; i < played.events.size(); ++i) {
    const ev::CustomerEvent& event = played.events[i];
    channels[static_cast<size_t>(played.person_of[i])].insert(event.channel());
    if (event.has_order_stated()) {
      ++totals.orders;
      totals.gross_satang += Satang(event.order_stated().total());
    } else if (event.has_return_stated()) {
      totals.returned_satang += Satang(event.return_stated().refund());
    }
  }
  for (size_t i = 0; i < people.size(); ++i) {
    if (!channels[i].empty()) ++totals.people;
    const auto width = static_cast<int32_t>(channels[i].size());
    // Whoever was introduced first is one profile from the beginning.
    if (people[i].customer_id.empty() || !people[i].introduced_first || width <= totals.widest_channels) continue;
    totals.widest_channels = width;
    totals.widest_customer = people[i].customer_id;
  }
  return totals;
}

}  // namespace

const std::vector<EventSource>& EventSources() {
  static const auto* const sources = new std::vector<EventSource>{
      {"web", "web", "Website"},
      {"app", "app", "Baan Suan Club app"},
      {"pos", "store", "Tills of the restaurants"},
      {"hotel", "property", "Front desk of the hotels"},
      {"call-centre", "call", "Call centre"},
      {"line", "line", "LINE Official Account"},
      {"mail", "email", "Mail in and out"},
      {"survey", "email", "Surveys after a visit"},
  };
  return *sources;
}

absl::StatusOr<EventHistory> MakeEvents(const EventOptions& options) {
  TRIBUTARY_RETURN_IF_ERROR(Check(options));
  SeededRandom random(options.seed);
  TRIBUTARY_ASSIGN_OR_RETURN(const std::vector<Person> people, MakePeople(options, random));
  Played played = PlayAll(options, people, random);
  EventHistory history;
  history.totals = Count(played, people);
  history.events = std::move(played.events);
  std::stable_sort(history.events.begin(), history.events.end(),
                   [](const auto& a, const auto& b) { return a.occurred_at().seconds() < b.occurred_at().seconds(); });
  return history;
}

std::string FormatEvents(const std::vector<ev::CustomerEvent>& events) {
  std::string text;
  for (const ev::CustomerEvent& event : events) {
    AppendJson(event, &text);
    text += '\n';
  }
  return text;
}

}  // namespace tributary::generator
