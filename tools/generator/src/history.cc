#include "tributary/generator/history.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "cast.h"
#include "plan.h"
#include "stage.h"
#include "tributary/base/random.h"
#include "tributary/base/status.h"

namespace tributary::generator {
namespace {

absl::Status Check(const HistoryOptions& options) {
  if (options.people < 1 || options.people > 10'000) {
    return InvalidField("OUT_OF_RANGE", "people", "is not between 1 and 10,000", "Choose a number in that range");
  }
  if (options.days < 30 || options.days > 365) {
    return InvalidField("OUT_OF_RANGE", "days", "is not between 30 and 365", "Choose a number in that range");
  }
  return absl::OkStatus();
}

// What was made, by time. Scenes may have run past the end.
std::vector<Made> PlayAll(const HistoryOptions& options, Cast& cast, Stage& stage) {
  for (Character& who : cast.people) {
    stage.Enter(who);
    Plan(stage, options);
    stage.Play();
  }
  std::vector<Made> made = stage.Take();
  const int64_t end = absl::ToUnixSeconds(stage.end());
  std::erase_if(made, [end](const Made& one) { return one.event.occurred_at().seconds() >= end; });
  std::stable_sort(made.begin(), made.end(), [](const Made& a, const Made& b) {
    return a.event.occurred_at().seconds() < b.event.occurred_at().seconds();
  });
  return made;
}

// Sets that grow together.
class Union {
 public:
  explicit Union(size_t size) : parent_(size) { std::iota(parent_.begin(), parent_.end(), 0); }
  size_t Find(size_t of) {
    while (parent_[of] != of) of = parent_[of] = parent_[parent_[of]];
    return of;
  }
  void Join(size_t a, size_t b) { parent_[Find(a)] = Find(b); }

 private:
  std::vector<size_t> parent_;
};

void SetPersons(const std::vector<Made>& made, const Owners& owners, std::vector<TrueIdentifier>& identifiers) {
  std::vector<std::set<int32_t>> users(identifiers.size());
  for (const Made& one : made) {
    for (const int32_t used : one.used) users[static_cast<size_t>(used)].insert(one.person);
  }
  for (size_t i = 0; i < identifiers.size(); ++i) {
    const auto owned = owners.find(identifiers[i].value);
    if (owned != owners.end() && !users[i].empty()) {
      identifiers[i].persons = owned->second;
    } else {
      identifiers[i].persons.assign(users[i].begin(), users[i].end());
    }
  }
}

// What only one person uses and one event states together, hangs together. What is somebody else's joins nothing.
void SetGroups(const std::vector<Made>& made, std::vector<TrueIdentifier>& identifiers) {
  Union groups(identifiers.size());
  const auto is_own = [&](int32_t used, int32_t person) {
    const std::vector<int32_t>& persons = identifiers[static_cast<size_t>(used)].persons;
    return persons.size() == 1 && persons.front() == person;
  };
  for (const Made& one : made) {
    int32_t first = -1;
    for (const int32_t used : one.used) {
      if (!is_own(used, one.person)) continue;
      if (first >= 0) groups.Join(static_cast<size_t>(first), static_cast<size_t>(used));
      first = used;
    }
  }
  std::map<size_t, int32_t> numbers;
  for (size_t i = 0; i < identifiers.size(); ++i) {
    if (identifiers[i].persons.size() != 1) continue;
    const auto next = static_cast<int32_t>(numbers.size()) + 1;
    identifiers[i].group = numbers.try_emplace(groups.Find(i), next).first->second;
  }
}

Truth TruthOf(const std::vector<Made>& made, const Owners& owners, std::vector<TrueIdentifier> identifiers) {
  Truth truth;
  for (const Made& one : made) truth.events.push_back({one.event.source_id(), one.event.event_id(), one.person});
  SetPersons(made, owners, identifiers);
  SetGroups(made, identifiers);
  // Used in events past the end alone.
  std::erase_if(identifiers, [](const TrueIdentifier& identifier) { return identifier.persons.empty(); });
  std::sort(identifiers.begin(), identifiers.end(), [](const TrueIdentifier& a, const TrueIdentifier& b) {
    return std::tie(a.type, a.issuer, a.value) < std::tie(b.type, b.issuer, b.value);
  });
  truth.identifiers = std::move(identifiers);
  return truth;
}

int64_t Satang(const ev::Money& money) { return money.units() * 100 + money.nanos() / 10'000'000; }

bool IsRevenue(ev::OrderStated::Status status) {
  return status != ev::OrderStated::STATUS_CANCELLED && status != ev::OrderStated::STATUS_PENDING;
}

void CountOrders(const std::vector<Made>& made, HistoryTotals& totals) {
  using Name = std::pair<std::string, std::string>;
  std::map<Name, const ev::OrderStated*> orders;
  std::map<std::string, const ev::ReturnStated*> returns;
  for (const Made& one : made) {
    if (one.event.has_order_stated()) {
      const ev::OrderStated& order = one.event.order_stated();
      const ev::OrderStated*& latest = orders[{order.order().issuer(), order.order().order_id()}];
      if (latest == nullptr || order.revision() > latest->revision()) latest = &order;
    } else if (one.event.has_return_stated()) {
      const ev::ReturnStated& returned = one.event.return_stated();
      const ev::ReturnStated*& latest = returns[returned.return_id()];
      if (latest == nullptr || returned.revision() > latest->revision()) latest = &returned;
    }
  }
  for (const auto& [name, order] : orders) {
    if (!IsRevenue(order->status())) continue;
    ++totals.orders;
    totals.gross_satang += Satang(order->total());
  }
  for (const auto& [id, returned] : returns) {
    if (returned->status() == ev::ReturnStated::STATUS_COMPLETED) totals.returned_satang += Satang(returned->refund());
  }
}

// Met on many channels, unknown at first, with what fits on some screens.
void ChooseExample(const std::vector<Made>& made, const Cast& cast, HistoryTotals& totals) {
  constexpr size_t kMostEvents = 90;
  std::vector<std::set<int>> channels(cast.people.size() + 1);
  std::vector<size_t> events(cast.people.size() + 1, 0);
  for (const Made& one : made) {
    channels[static_cast<size_t>(one.person)].insert(one.event.channel());
    ++events[static_cast<size_t>(one.person)];
  }
  for (const Character& who : cast.people) {
    const auto number = static_cast<size_t>(who.number);
    if (events[number] > 0) ++totals.people;
    const auto width = static_cast<int32_t>(channels[number].size());
    const bool came_unknown = who.joining != Joining::kBefore && who.known && !who.shares_phone;
    if (!came_unknown || events[number] > kMostEvents || width <= totals.example_channels) continue;
    totals.example_channels = width;
    totals.example_customer = who.customer_id;
  }
}

}  // namespace

absl::StatusOr<History> MakeHistory(const HistoryOptions& options) {
  TRIBUTARY_RETURN_IF_ERROR(Check(options));
  SeededRandom random(options.seed);
  Cast cast = MakeCast(options, random);
  Stage stage(options, cast, random);
  std::vector<Made> made = PlayAll(options, cast, stage);
  History history;
  history.truth = TruthOf(made, cast.owners, stage.identifiers());
  history.totals.events = static_cast<int64_t>(made.size());
  history.totals.identifiers = static_cast<int64_t>(history.truth.identifiers.size());
  CountOrders(made, history.totals);
  ChooseExample(made, cast, history.totals);
  history.events.reserve(made.size());
  for (Made& one : made) history.events.push_back(std::move(one.event));
  return history;
}

}  // namespace tributary::generator
