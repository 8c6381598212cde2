#include "profile/lookup.h"

#include <memory>
#include <optional>
#include <utility>

#include "fmt/format.h"
#include "profile/processor.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/status.h"
#include "tributary/processor/moves.h"

namespace tributary::profile {
namespace {

// Who waits for a move is told so before the caller gives up.
constexpr absl::Duration kTimeToAnswer = absl::Milliseconds(50);

class Search : public std::enable_shared_from_this<Search> {
 public:
  Search(const Places& places, ProfileLookup lookup, LocatedFn done)
      : places_(places), lookup_(std::move(lookup)), done_(std::move(done)) {}

  void Start() {
    const v1::ProfileSelector& selector = lookup_.selector;
    if (selector.by_case() == v1::ProfileSelector::kProfileId) return Begin(selector.profile_id());
    places_.resolver->Resolve({.workspace_id = lookup_.workspace_id,
                               .identifier = selector.identifier(),
                               .subject_kind = selector.subject_kind(),
                               .token = lookup_.token,
                               .deadline = lookup_.deadline,
                               .field = "profile.identifier"},
                              [self = shared_from_this()](absl::StatusOr<ResolvedIdentifier> resolved) {
                                self->Resolved(std::move(resolved));
                              });
  }

 private:
  void Resolved(absl::StatusOr<ResolvedIdentifier> resolved) {
    if (!resolved.ok()) return done_(absl::IsNotFound(resolved.status()) ? NoSuchProfile() : resolved.status());
    absl::StatusOr<std::string> token = processor::JoinTokens(lookup_.token, resolved->token);
    if (!token.ok()) return done_(token.status());
    lookup_.token = *std::move(token);
    Begin(resolved->profile_id);
  }

  void Begin(std::string id) {
    requested_id_ = id;
    Read(std::move(id));
  }

  void Read(std::string id) {
    const int32_t partition = JourneyPartitionOf(id, places_.journey_partitions);
    processor::Task* task = places_.TaskOf(partition);
    // Before the snapshot: what comes after is waited for.
    const processor::Offset seen = task == nullptr ? processor::Offset(-1) : task->status().visible;
    places_.Read(partition, lookup_.token, lookup_.deadline,
                 [self = shared_from_this(), id = std::move(id), task,
                  seen](absl::StatusOr<std::unique_ptr<projection::Snapshot>> snapshot) mutable {
                   if (!snapshot.ok()) return self->done_(snapshot.status());
                   self->Look(std::move(id), task, seen, **snapshot);
                 });
  }

  void Look(std::string id, processor::Task* task, processor::Offset seen, projection::Snapshot& snapshot) {
    const projection::View view = snapshot.view();
    const processor::ProfileMoves moves = processor::MovesOf(view, lookup_.workspace_id, id);
    const bool whole = !moves.moving && (awaited_merge_.empty() || processor::MoveHasEnded(view, awaited_merge_));
    if (!snapshot.status().ok()) return done_(snapshot.status());
    if (moves.pointer.has_value()) {
      awaited_merge_ = moves.pointer->merge_id;
      return Read(moves.pointer->winner_id);
    }
    if (!whole) return Wait(std::move(id), task, seen);
    std::optional<FoundProfile> found = FindProfile(view, lookup_.workspace_id, id);
    if (!snapshot.status().ok()) return done_(snapshot.status());
    if (!found.has_value()) return done_(NoSuchProfile());
    done_(Located{snapshot, lookup_.workspace_id, *std::move(found), requested_id_});
  }

  void Wait(std::string id, processor::Task* task, processor::Offset seen) {
    task->WhenVisible(processor::Offset(seen.value() + 1), lookup_.deadline - kTimeToAnswer,
                      [self = shared_from_this(),
                       id = std::move(id)](absl::StatusOr<std::unique_ptr<projection::Snapshot>> later) mutable {
                        if (later.ok()) return self->Read(std::move(id));
                        self->done_(FieldError(absl::StatusCode::kUnavailable, "PROFILE_MOVING", "profile",
                                               "its pieces are still being joined", "Try again"));
                      });
  }

  const Places places_;
  ProfileLookup lookup_;
  const LocatedFn done_;
  std::string requested_id_;
  std::string awaited_merge_;
};

}  // namespace

processor::Task* Places::TaskOf(int32_t partition) const {
  return host->Find(ProfileProcessor::kName, {std::string(ProfileProcessor::kLog), processor::Partition(partition)});
}

void Places::Read(int32_t partition, std::string_view token, absl::Time deadline, processor::SnapshotFn done) const {
  processor::Task* task = TaskOf(partition);
  if (task == nullptr) {
    return done(FieldError(absl::StatusCode::kUnavailable, "PARTITION_NOT_HERE", "",
                           fmt::format("journey partition {} is not served here", partition), "Try again"));
  }
  read_gate->Read(task, token, deadline, std::move(done));
}

absl::Status NoSuchProfile() {
  return FieldError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND", "profile",
                    "there is no such profile in the workspace",
                    "Check the id or identifier; after a write, pass its token");
}

void Locate(const Places& places, ProfileLookup lookup, LocatedFn done) {
  std::make_shared<Search>(places, std::move(lookup), std::move(done))->Start();
}

}  // namespace tributary::profile
