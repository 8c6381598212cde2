#include "standalone/tasks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "identity/processor.h"
#include "ingestion/processor.h"
#include "profile/processor.h"
#include "tributary/base/status.h"
#include "tributary/storage/v1/processor.pb.h"

namespace tributary::standalone {
namespace {

// Processors by the log that they work on.
struct Placement {
  const char* processor;
  const char* log;
};
constexpr Placement kPlacements[] = {{"ingestion", kRegistryLog}, {"identity", kIntakeLog}, {"profile", kJourneyLog}};

constexpr char kPositionMeta[] = "position";

std::string_view KindName(projection::Kind kind) {
  switch (kind) {
    case projection::Kind::kMeta:
      return "meta";
    case projection::Kind::kFacts:
      return "facts";
    case projection::Kind::kDecisions:
      return "decisions";
    case projection::Kind::kCaches:
      return "caches";
  }
  return "unknown";
}

std::vector<std::string> Differences(const projection::Digest& live, const projection::Digest& fresh) {
  std::vector<std::string> differences;
  const auto find = [](const projection::Digest& in, const projection::Digest::OfTable& table) {
    return std::find_if(in.tables.begin(), in.tables.end(), [&](const auto& other) {
             return other.kind == table.kind && other.table == table.table && other.digest == table.digest;
           }) != in.tables.end();
  };
  for (const auto& [from, in] : {std::pair(&live, &fresh), std::pair(&fresh, &live)}) {
    for (const projection::Digest::OfTable& table : from->tables) {
      std::string name = fmt::format("{}/{}", KindName(table.kind), table.table);
      if (find(*in, table) || std::find(differences.begin(), differences.end(), name) != differences.end()) continue;
      differences.push_back(std::move(name));
    }
  }
  return differences;
}

}  // namespace

absl::StatusOr<ServiceSet> ServiceSet::Of(const std::vector<std::string>& names) {
  const auto refuse = [](std::string message) {
    return InvalidField("INVALID_SERVICES", "services", std::move(message),
                        fmt::format("Name some of: {}", fmt::join(kServices, ", ")));
  };
  ServiceSet set;
  set.names_.clear();
  for (const std::string_view service : kServices) {
    const auto count = std::count(names.begin(), names.end(), service);
    if (count > 1) return refuse(fmt::format("names '{}' twice", service));
    if (count == 1) set.names_.emplace_back(service);
  }
  if (set.names_.empty()) return refuse("names none");
  if (set.names_.size() != names.size()) return refuse("names one that there is not");
  return set;
}

bool ServiceSet::Has(std::string_view service) const {
  return std::find(names_.begin(), names_.end(), service) != names_.end();
}

std::vector<eventlog::LogSpec> LogSpecs(int32_t partitions) {
  return {{kRegistryLog, 1}, {kIntakeLog, partitions}, {kJourneyLog, partitions}, {kDeadLetterLog, 1}};
}

std::string TaskName::ToString() const {
  return fmt::format("{}-{}-{}", processor, partition.log, partition.partition);
}

std::vector<TaskName> AllTasks(const eventlog::EventLog& log) {
  std::vector<TaskName> tasks;
  for (const Placement& placement : kPlacements) {
    for (int32_t i = 0; i < eventlog::PartitionCount(log, placement.log); ++i) {
      tasks.push_back({placement.processor, {placement.log, eventlog::Partition(i)}});
    }
  }
  return tasks;
}

std::vector<PlacedTask> TasksOf(const eventlog::EventLog& log, const ServiceSet& services) {
  std::vector<PlacedTask> tasks;
  for (TaskName& name : AllTasks(log)) {
    const bool decides = services.Has(name.processor);
    if (decides || name.partition.log == kRegistryLog) tasks.push_back({std::move(name), !decides});
  }
  return tasks;
}

std::unique_ptr<processor::Processor> MakeProcessor(const TaskName& name, const eventlog::EventLog& log,
                                                    const Collaborators& collaborators) {
  if (name.processor == "ingestion") {
    return std::make_unique<ingestion::IngestionProcessor>(
        ingestion::IngestionProcessor::Options{.intake_partitions = eventlog::PartitionCount(log, kIntakeLog)});
  }
  if (name.processor == "identity") {
    return std::make_unique<identity::IdentityProcessor>(
        identity::IdentityOptions{.partition = name.partition.partition,
                                  .journey_partitions = eventlog::PartitionCount(log, kJourneyLog)},
        collaborators.keys, collaborators.rules);
  }
  if (name.processor == "profile") {
    return profile::MakeProcessor(name.partition.partition, eventlog::PartitionCount(log, kJourneyLog));
  }
  std::fprintf(stderr, "there is no processor '%s'\n", name.processor.c_str());
  std::abort();
}

processor::TaskOptions OptionsOf(const TaskName& name, bool standby, bool alone) {
  processor::TaskOptions options;
  options.partition = name.partition;
  options.standby = standby;
  // Whoever claimed before this one started is gone. A clock that stands would wait for ever.
  if (alone) options.claim_timeout = absl::ZeroDuration();
  options.dead_letter = eventlog::PartitionRef{kDeadLetterLog, eventlog::Partition(0)};
  return options;
}

absl::StatusOr<Replay> ReplayInto(std::shared_ptr<projection::Store> store, const TaskName& name,
                                  eventlog::EventLog& log, const Collaborators& collaborators, const Clock& clock,
                                  processor::Offset stop_at, const ReplayProgress& progress) {
  const absl::Duration start = clock.Monotonic();
  auto processor = MakeProcessor(name, log, collaborators);
  SystemRandom random;
  processor::TaskOptions options = OptionsOf(name, true);
  if (stop_at >= processor::Offset(0)) options.stop_at = stop_at;
  TRIBUTARY_ASSIGN_OR_RETURN(
      auto task,
      processor::Task::Open(
          options, {.log = &log, .store = store, .processor = processor.get(), .clock = &clock, .random = &random}));
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::Offset end, log.End(name.partition));
  for (;;) {
    const processor::Progress step = task->Step();
    const processor::TaskStatus status = task->status();
    if (step.kind == processor::Progress::Kind::kHalted) return status.halted;
    if (progress && !progress(static_cast<uint64_t>(status.facts), status.through.value() + 1, end.value())) {
      return absl::CancelledError("the replay was given up");
    }
    if (step.kind == processor::Progress::Kind::kIdle) break;
  }
  Replay replay;
  replay.records = static_cast<uint64_t>(task->status().facts);
  replay.last_batch = task->status().last_batch;
  task.reset();
  TRIBUTARY_ASSIGN_OR_RETURN(replay.digest, store->TakeSnapshot()->ComputeDigest());
  replay.elapsed = clock.Monotonic() - start;
  return replay;
}

absl::StatusOr<Verification> Verify(projection::Snapshot& live, const TaskName& name, eventlog::EventLog& log,
                                    const Collaborators& collaborators, const Clock& clock,
                                    const std::string& scratch_dir, const ReplayProgress& progress) {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string bytes, live.Meta(kPositionMeta));
  storage::v1::TaskPosition position;
  if (!position.ParseFromString(bytes)) return absl::DataLossError("the position of the projection does not parse");
  Verification result;
  TRIBUTARY_ASSIGN_OR_RETURN(result.live, live.ComputeDigest());
  std::error_code error;
  std::filesystem::create_directories(scratch_dir, error);
  if (error) return absl::UnavailableError(fmt::format("cannot make {}: {}", scratch_dir, error.message()));
  const std::string path = fmt::format("{}/{}", scratch_dir, name.ToString());
  TRIBUTARY_RETURN_IF_ERROR(projection::Store::Destroy(path));
  {
    TRIBUTARY_ASSIGN_OR_RETURN(
        auto store, projection::Store::Open({.path = path,
                                             .resources = projection::SharedResources::Create(
                                                 {.block_cache_bytes = 16 << 20, .write_buffer_bytes = 32 << 20})}));
    TRIBUTARY_ASSIGN_OR_RETURN(const Replay replay,
                               ReplayInto(store, name, log, collaborators, clock,
                                          processor::Offset(bytes.empty() ? -1 : position.last_batch()), progress));
    result.fresh = replay.digest;
    result.records = replay.records;
    result.elapsed = replay.elapsed;
    result.last_batch = replay.last_batch;
  }
  TRIBUTARY_RETURN_IF_ERROR(projection::Store::Destroy(path));
  for (const projection::Digest::OfTable& table : result.fresh.tables) {
    if (table.kind == projection::Kind::kCaches) result.cache_rows += table.rows;
  }
  result.differences = Differences(result.live, result.fresh);
  result.clean = result.last_batch.value() == position.last_batch() &&
                 result.live.facts_and_decisions == result.fresh.facts_and_decisions &&
                 result.live.caches == result.fresh.caches;
  return result;
}

}  // namespace tributary::standalone
