#include "standalone/rebuild.h"

#include <filesystem>

#include "tributary/base/status.h"
#include "tributary/eventlog/embedded/embedded_log.h"

namespace tributary::standalone {
namespace {

absl::StatusOr<std::string> DigestOf(const std::string& path) {
  if (!std::filesystem::exists(path)) return "";
  TRIBUTARY_ASSIGN_OR_RETURN(auto store, projection::Store::Open({.path = path}));
  TRIBUTARY_ASSIGN_OR_RETURN(const projection::Digest digest, store->TakeSnapshot()->ComputeDigest());
  return digest.facts_and_decisions;
}

absl::StatusOr<RebuildResult> RebuildOne(const std::string& data_dir, const TaskName& name, eventlog::EventLog& log,
                                         const Collaborators& collaborators, const Clock& clock,
                                         const RebuildProgress& progress) {
  const std::string path = fmt::format("{}/projections/{}", data_dir, name.ToString());
  const std::string fresh = path + ".new";
  RebuildResult result;
  result.task = name;
  TRIBUTARY_ASSIGN_OR_RETURN(result.digest_before, DigestOf(path));
  TRIBUTARY_RETURN_IF_ERROR(projection::Store::Destroy(fresh));
  {
    TRIBUTARY_ASSIGN_OR_RETURN(auto store, projection::Store::Open({.path = fresh}));
    TRIBUTARY_ASSIGN_OR_RETURN(const Replay replay,
                               ReplayInto(store, name, log, collaborators, clock, processor::Offset(-1),
                                          [&](uint64_t facts, int64_t through, int64_t end) {
                                            if (progress) progress(name, facts, through, end);
                                            return true;
                                          }));
    result.digest_after = replay.digest.facts_and_decisions;
    result.records = replay.records;
    result.elapsed = replay.elapsed;
  }
  TRIBUTARY_RETURN_IF_ERROR(projection::Store::Destroy(path));
  std::error_code error;
  std::filesystem::remove_all(path, error);
  std::filesystem::rename(fresh, path, error);
  if (error) return absl::UnavailableError(fmt::format("cannot move {} into place: {}", fresh, error.message()));
  return result;
}

}  // namespace

absl::StatusOr<std::vector<RebuildResult>> RebuildAll(const std::string& data_dir, const Clock& clock,
                                                      const RebuildProgress& progress) {
  if (!std::filesystem::exists(data_dir + "/log")) {
    return FieldError(absl::StatusCode::kNotFound, "NO_DATA", "data_dir", fmt::format("'{}' holds no log", data_dir),
                      "Give the folder that `tributary serve` was started with");
  }
  SystemRandom random;
  // Its logs are as they were made: none is named, none is added.
  TRIBUTARY_ASSIGN_OR_RETURN(
      auto log, eventlog::OpenEmbeddedLog({.path = data_dir + "/log", .logs = {}, .clock = &clock, .random = &random}));
  TRIBUTARY_ASSIGN_OR_RETURN(identifier::KeyMaker keys, identifier::KeyMaker::Create());
  const Collaborators collaborators{std::move(keys), identifier::IdentifierRules::Default()};
  std::vector<RebuildResult> results;
  for (const TaskName& name : AllTasks(*log)) {
    TRIBUTARY_ASSIGN_OR_RETURN(RebuildResult result, RebuildOne(data_dir, name, *log, collaborators, clock, progress));
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace tributary::standalone
