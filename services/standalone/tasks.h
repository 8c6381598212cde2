// Which tasks there are, on which partition, and how their projections are opened, verified and rebuilt.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/identifier/identifier.h"
#include "tributary/identifier/key.h"
#include "tributary/processor/task.h"
#include "tributary/projection/store.h"

namespace tributary::standalone {

inline constexpr char kRegistryLog[] = "registry";
inline constexpr char kIntakeLog[] = "intake";
inline constexpr char kJourneyLog[] = "journey";
inline constexpr char kDeadLetterLog[] = "dead_letter";

// Every service that there is, in the order of the logs.
inline constexpr std::string_view kServices[] = {"ingestion", "identity", "profile"};

// Which of them a process runs.
class ServiceSet {
 public:
  // All.
  ServiceSet() : names_(std::begin(kServices), std::end(kServices)) {}
  // InvalidArgument, naming `services`, for none, an unknown one or one twice.
  static absl::StatusOr<ServiceSet> Of(const std::vector<std::string>& names);

  bool Has(std::string_view service) const;
  bool all() const { return names_.size() == std::size(kServices); }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

// The logs of a process with so many partitions (DESIGN section 2).
std::vector<eventlog::LogSpec> LogSpecs(int32_t partitions);

// One service on one partition.
struct TaskName {
  std::string processor;
  eventlog::PartitionRef partition;
  // "profile-journey-3": folder and label.
  std::string ToString() const;
};

// What processors are made with. Must outlive them.
struct Collaborators {
  identifier::KeyMaker keys;
  identifier::IdentifierRules rules;
};

// Every task of the installation, in order of the logs.
std::vector<TaskName> AllTasks(const eventlog::EventLog& log);

struct PlacedTask {
  TaskName name;
  // Follows what another process decides: every process knows the registry (DESIGN section 2).
  bool standby = false;
};
// The tasks of a process that runs these services.
std::vector<PlacedTask> TasksOf(const eventlog::EventLog& log, const ServiceSet& services);
// A processor for that task. Aborts for a name that AllTasks does not give.
std::unique_ptr<processor::Processor> MakeProcessor(const TaskName& name, const eventlog::EventLog& log,
                                                    const Collaborators& collaborators);
// Options of a task that decides (or stands by). `alone`: no other process can have the log open.
processor::TaskOptions OptionsOf(const TaskName& name, bool standby, bool alone = true);

struct Replay {
  uint64_t records = 0;  // facts applied
  absl::Duration elapsed;
  projection::Digest digest;
  processor::Offset last_batch{-1};
};

// Called after every step with facts applied, records read and the end of the log. False: give up, with
// Cancelled.
using ReplayProgress = std::function<bool(uint64_t facts, int64_t through, int64_t end)>;

// Applies the log from front to back into `store`, deciding nothing, until the batch at `stop_at` (or the
// end of the log, if it is -1).
absl::StatusOr<Replay> ReplayInto(std::shared_ptr<projection::Store> store, const TaskName& name,
                                  eventlog::EventLog& log, const Collaborators& collaborators, const Clock& clock,
                                  processor::Offset stop_at, const ReplayProgress& progress);

struct Verification {
  bool clean = false;
  projection::Digest live;
  projection::Digest fresh;
  uint64_t cache_rows = 0;
  uint64_t records = 0;
  absl::Duration elapsed;
  processor::Offset last_batch{-1};
  // Kind and table of every table whose rows differ, e.g. "facts/34".
  std::vector<std::string> differences;
};

// Compares a committed projection with a fresh application of the log up to the same batch, caches
// included, in `scratch_dir` (made and removed).
absl::StatusOr<Verification> Verify(projection::Snapshot& live, const TaskName& name, eventlog::EventLog& log,
                                    const Collaborators& collaborators, const Clock& clock,
                                    const std::string& scratch_dir, const ReplayProgress& progress);

}  // namespace tributary::standalone
