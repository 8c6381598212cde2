// Profile and identity against the bare store: how much of RocksDB's own speed is left.
#include <filesystem>
#include <vector>

#include <map>
#include <mutex>
#include "benches.h"
#include "capture.h"

#include "fmt/format.h"
#include "identity/processor.h"
#include "profile/processor.h"
#include "raw_rocks.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/embedded/embedded_log.h"
#include "tributary/eventlog/testing/append_and_wait.h"
#include "tributary/identifier/key.h"
#include "tributary/processor/record_type.h"
#include "tributary/processor/task.h"
#include "workload.h"

namespace tributary::bench {
namespace {

using events::v1::CustomerEvent;

constexpr int64_t kCustomers = 50'000;
constexpr size_t kFactsPerSegment = 1'000;  // as TaskOptions

std::vector<eventlog::Record> Records(int64_t count, bool resolved) {
  Workload workload(7, kCustomers);
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
                   const std::vector<eventlog::Record>& records) {
  const std::string directory = settings.directory + "/task";
  std::filesystem::remove_all(directory);
  SystemClock clock;
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
  const std::vector<eventlog::Record> records = Records(settings.events, true);
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
  const std::vector<eventlog::Record> records = Records(settings.events, false);
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
