// Profile and identity against the bare store: how much of RocksDB's own speed is left.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "benches.h"
#include "capture.h"
#include "fmt/format.h"
#include "identity/processor.h"
#include "profile/processor.h"
#include "raw_rocks.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/events/v1/segment.pb.h"
#include "tributary/identifier/key.h"
#include "tributary/processor/record_type.h"
#include "tributary/processor/task.h"
#include "tributary/rules/rule.h"
#include "workload.h"

namespace tributary::bench {
namespace {

using events::v1::CustomerEvent;

constexpr int64_t kCustomers = 50'000;
constexpr size_t kFactsPerSegment = 1'000;  // as TaskOptions

std::vector<eventlog::Record> Records(int64_t count, int64_t customers, bool resolved) {
  Workload workload(7, static_cast<uint64_t>(customers));
  std::vector<eventlog::Record> records;
  records.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    CustomerEvent event = workload.Next();
    event.set_workspace_id(kWorkspace);
    *event.mutable_recorded_at() = event.occurred_at();
    event.set_body_digest(std::string(16, 'd'));
    eventlog::Record record;
    record.type = std::string(processor::RecordType<CustomerEvent>());
    record.key = event.event_id();
    if (resolved) {
      // As identity leaves it: the profile and a key for each identifier.
      const std::string& cookie = event.identifiers(0).value();
      auto* resolution = event.mutable_resolution();
      resolution->set_profile_id(fmt::format("p0-{}-0", cookie.substr(3)));
      for (const auto& identifier : event.identifiers()) {
        auto* key = resolution->add_identifiers();
        key->set_key(cookie.substr(0, 16));
        key->set_type(identifier.type());
        key->set_issuer(identifier.issuer());
      }
      record.key = resolution->profile_id();
    }
    record.value = event.SerializeAsString();
    records.push_back(std::move(record));
  }
  return records;
}

// Seconds from opening a task on a log that holds `records` until all are decided and committed.
double TaskSeconds(const Settings& settings, processor::Processor& processor, const eventlog::PartitionRef& partition,
                   const std::vector<eventlog::Record>& records, const Clock& clock = SystemClock()) {
  const std::string directory = settings.directory + "/task";
  std::filesystem::remove_all(directory);
  SystemRandom random;
  // Without sync: the raw loop has no log at all; what the log costs is measured by ingest.
  auto log = OrDie(eventlog::OpenEmbeddedLog({.path = directory + "/log",
                                              .logs = {{"intake", 1}, {"journey", 1}},
                                              .clock = &clock,
                                              .random = &random,
                                              .sync = false}),
                   "opening the log");
  eventlog::Offset last;
  {
    auto producer = OrDie(log->OpenProducer(), "opening a producer");
    for (const eventlog::Record& record : records) producer->Append(partition, record, [](auto) {});
  }
  last = eventlog::Offset(OrDie(log->End(partition), "end").value() - 1);
  std::filesystem::create_directories(directory + "/store");
  auto store = OrDie(projection::Store::Open({.path = directory + "/store"}), "opening the store");
  processor::TaskOptions options;
  options.partition = partition;
  auto task = OrDie(
      processor::Task::Open(
          options, {.log = log.get(), .store = store, .processor = &processor, .clock = &clock, .random = &random}),
      "opening the task");
  const double seconds = Seconds([&] {
    while (task->status().through < last) {
      if (task->Step().kind == processor::Progress::Kind::kHalted) Must(task->status().halted, "halted");
    }
  });
  task.reset();
  store.reset();
  log.reset();
  std::filesystem::remove_all(directory);
  return seconds;
}

double RawSeconds(const Settings& settings, const std::vector<RawSegment>& segments) {
  RawRocks raw(settings.directory + "/raw");
  return Seconds([&] {
    for (const RawSegment& segment : segments) raw.Run(segment);
  });
}

// The better of two runs each, taken in turn.
template <typename A, typename B>
std::pair<double, double> InTurn(const A& ours, const B& raw) {
  double best_ours = ours();
  double best_raw = raw();
  best_ours = std::min(best_ours, ours());
  best_raw = std::min(best_raw, raw());
  return {best_ours, best_raw};
}

}  // namespace

void BenchProfile(const Settings& settings, Report& report) {
  const std::vector<eventlog::Record> records = Records(settings.events, kCustomers, true);
  const auto capturing = profile::MakeProcessor(eventlog::Partition(0), 1);
  const std::vector<RawSegment> segments = Capture(*capturing, records, kFactsPerSegment);
  const auto [ours, raw] = InTurn(
      [&] {
        const auto processor = profile::MakeProcessor(eventlog::Partition(0), 1);
        return TaskSeconds(settings, *processor, {"journey", eventlog::Partition(0)}, records);
      },
      [&] { return RawSeconds(settings, segments); });
  const double events = static_cast<double>(records.size());
  report.Add({.name = "profile_apply",
              .value = events / ours,
              .unit = "events/s",
              .baseline = events / raw,
              .baseline_name = "raw MultiGet+WriteBatch",
              .goal = 0.5});
}

namespace {

// Time goes on as usual from just after the workload's events, so that they lie in the windows of rules.
class ClockAfterEvents final : public Clock {
 public:
  explicit ClockAfterEvents(const std::vector<eventlog::Record>& records) {
    CustomerEvent last;
    last.ParseFromString(records.back().value);
    shift_ = absl::FromUnixSeconds(last.occurred_at().seconds() + 1) - SystemClock().Now();
  }
  absl::Time Now() const override { return SystemClock().Now() + shift_; }
  absl::Duration Monotonic() const override { return SystemClock().Monotonic(); }

 private:
  absl::Duration shift_;
};

// Fifty of the kinds that marketers ask for.
std::vector<std::string> FiftyRules() {
  std::vector<std::string> rules;
  for (int i = 1; i <= 5; ++i) {
    rules.push_back(fmt::format("count(order_stated within {}d) >= {}", 30 * i, i));
    rules.push_back(fmt::format("count(order_stated where channel = store within {}d) >= {}", 7 * i, 2 * i));
    rules.push_back(fmt::format("sum(total THB of order_stated within {}d) >= {} THB", 30 * i, 5000 * i));
    rules.push_back(fmt::format("count(page_viewed within {}d) >= {} and order_count = 0", i, 3 * i));
    rules.push_back(fmt::format("net_revenue.THB > {} THB and not inactive({}d)", 10'000 * i, 30 * i));
    rules.push_back(fmt::format("recency > {}d and order_count >= 2", 30 * i));
    rules.push_back(fmt::format("inactive({}d)", 14 * i));
    rules.push_back(fmt::format("favourite_channel = web and average_order_value.THB < {} THB", 500 * i));
    rules.push_back(fmt::format("traits.city in (\"Bangkok\", \"Phuket\") or points.club >= {}", 1'000 * i));
    rules.push_back(fmt::format("count(any within {}h) > {} or entry_count > {}", 6 * i, 10 * i, 50 * i));
  }
  return rules;
}

std::vector<eventlog::Record> Definitions() {
  std::vector<eventlog::Record> records;
  for (const std::string& rule : FiftyRules()) {
    events::v1::SegmentDefined defined;
    defined.set_workspace_id(kWorkspace);
    defined.set_segment_id(fmt::format("s{:02}", records.size()));
    defined.set_revision(1);
    defined.set_rule_revision(1);
    *defined.mutable_rule() = OrDie(rules::ParseRule(rule), "a rule");
    records.push_back({.key = defined.segment_id(),
                       .type = std::string(processor::RecordType<events::v1::SegmentDefined>()),
                       .headers = {},
                       .value = defined.SerializeAsString()});
  }
  return records;
}

}  // namespace

void BenchSegments(const Settings& settings, Report& report) {
  const std::vector<eventlog::Record> events = Records(settings.events, settings.events / 40, true);
  std::vector<eventlog::Record> with = Definitions();
  with.insert(with.end(), events.begin(), events.end());
  const ClockAfterEvents clock(events);
  const auto seconds = [&](const std::vector<eventlog::Record>& records) {
    const auto processor = profile::MakeProcessor(eventlog::Partition(0), 1);
    return TaskSeconds(settings, *processor, {"journey", eventlog::Partition(0)}, records, clock);
  };
  const auto [fifty, none] = InTurn([&] { return seconds(with); }, [&] { return seconds(events); });
  const double count = static_cast<double>(events.size());
  report.Add({.name = "profile_with_50_segments",
              .value = count / fifty,
              .unit = "events/s",
              .baseline = count / none,
              .baseline_name = "without segments"});
  report.Add({.name = "segment_evaluation",
              .value = 1e6 * (fifty - none) / count,
              .unit = "us/event",
              .lower_is_better = true});
}

namespace {

// What a union-find looks up for one event.
struct EventKeys {
  std::string id;
  std::vector<std::string> keys;
};

EventKeys ReadKeys(const eventlog::Record& record, const identifier::KeyMaker& keys) {
  CustomerEvent event;
  event.ParseFromString(record.value);
  EventKeys result;
  result.id = "d" + event.source_id() + event.event_id();
  for (const auto& identifier : event.identifiers()) {
    result.keys.push_back("i" +
                          keys.Make(kWorkspace, {identifier.type(), identifier.issuer(), identifier.value()}).bytes());
  }
  return result;
}

// A persisted union-find, as plain as can be: one row per identifier with its parent, one per event for
// deduplication, one per profile. It gets the records' bytes, as identity does: to parse them and to make the keys
// is part of any such loop.
double UnionFindSeconds(const Settings& settings, const std::vector<eventlog::Record>& records) {
  const identifier::KeyMaker keys = OrDie(identifier::KeyMaker::Create(), "keys");
  RawRocks raw(settings.directory + "/raw");
  return Seconds([&] {
    std::vector<EventKeys> events(records.size());
    for (size_t first = 0; first < events.size(); first += kFactsPerSegment) {
      const size_t last = std::min(first + kFactsPerSegment, events.size());
      RawSegment segment;
      std::map<std::string, std::string> pending;
      for (size_t i = first; i < last; ++i) {
        events[i] = ReadKeys(records[i], keys);
        segment.reads.push_back(events[i].id);
        segment.reads.insert(segment.reads.end(), events[i].keys.begin(), events[i].keys.end());
      }
      const std::map<std::string, std::string> found = raw.Read(segment.reads);
      const auto parent_of = [&](const std::string& key) -> std::string {
        if (auto it = pending.find(key); it != pending.end()) return it->second;
        if (auto it = found.find(key); it != found.end()) return it->second;
        return "";
      };
      for (size_t i = first; i < last; ++i) {
        if (!parent_of(events[i].id).empty()) continue;
        pending[events[i].id] = fmt::format("{:020}", i);
        std::string root;
        for (const std::string& key : events[i].keys) {
          const std::string parent = parent_of(key);
          if (root.empty() || (!parent.empty() && parent < root)) root = parent;
        }
        if (root.empty()) {
          root = fmt::format("p{:018}", i);
          pending["p" + root] = root;
        }
        for (const std::string& key : events[i].keys) {
          if (parent_of(key) != root) pending[key] = root;
        }
      }
      segment.reads.clear();
      for (auto& [key, value] : pending) segment.writes.emplace_back(key, value);
      raw.Write(segment.writes);
    }
  });
}

}  // namespace

void BenchIdentity(const Settings& settings, Report& report) {
  const std::vector<eventlog::Record> records = Records(settings.events, kCustomers, false);
  const identifier::KeyMaker keys = OrDie(identifier::KeyMaker::Create(), "keys");
  const identifier::IdentifierRules rules = identifier::IdentifierRules::Default();
  const auto [ours, raw] = InTurn(
      [&] {
        identity::IdentityProcessor processor({.partition = eventlog::Partition(0), .journey_partitions = 1}, keys,
                                              rules);
        return TaskSeconds(settings, processor, {"intake", eventlog::Partition(0)}, records);
      },
      [&] { return UnionFindSeconds(settings, records); });
  const double events = static_cast<double>(records.size());
  report.Add({.name = "identity_resolve",
              .value = events / ours,
              .unit = "events/s",
              .baseline = events / raw,
              .baseline_name = "raw persisted union-find",
              .goal = 0.4});
}

}  // namespace tributary::bench
