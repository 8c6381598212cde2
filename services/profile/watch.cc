#include "profile/watch.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "profile/changes.h"
#include "profile/request.h"
#include "tributary/base/mutex.h"
#include "tributary/base/partitioning.h"
#include "tributary/base/status.h"
#include "tributary/processor/moves.h"
#include "tributary/rpc/server_stream.h"

namespace tributary::profile {
namespace {

absl::Status Stopping() {
  return FieldError(absl::StatusCode::kUnavailable, "SERVER_STOPPING", "", "the server is stopping",
                    "Open another stream with the last resume_token");
}

absl::Status TooManyStreams(size_t streams) {
  return FieldError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS", "",
                    fmt::format("{} streams are open already", streams), "Try again later, or ask now and then");
}

absl::Status TooManyOfCredential(size_t streams) {
  return FieldError(absl::StatusCode::kResourceExhausted, "TOO_MANY_STREAMS_OF_CREDENTIAL", "",
                    fmt::format("this credential has {} streams open already", streams),
                    "End some of them, or ask now and then");
}

absl::Status NotServed(int32_t partition) {
  return FieldError(absl::StatusCode::kUnavailable, "PARTITION_NOT_HERE", "",
                    fmt::format("journey partition {} is not served here", partition),
                    "Open another stream with the last resume_token");
}

}  // namespace

// What the thread, the streams and the tasks share; who calls back holds it weakly.
class ProfileWatches::Rounds : public std::enable_shared_from_this<Rounds> {
 public:
  Rounds(const Deps& deps, const Options& options) : deps_(deps), options_(options) {
    if (deps.metrics == nullptr) return;
    open_ = deps.metrics->GetGauge("tributary_profile_watches", "Streams of a profile's changes that are open", {});
  }

  // Not OK: the stream is to be refused.
  absl::Status Enter(Stream* stream, const std::shared_ptr<Stream>& share, const rpc::Principal& principal);
  void Leave(Stream* stream);
  // The stream is of this partition from now on, and is to be looked after soon.
  void Place(Stream* stream, int32_t partition);
  // The stream is to be looked after soon.
  void Wake(Stream* stream);

  // Looks, until it is stopped.
  void Run();
  void Stop();

  const Deps& deps() const { return deps_; }
  const Options& options() const { return options_; }

 private:
  struct Of {
    std::weak_ptr<Stream> stream;
    std::string credential;
    int32_t partition = -1;  // not placed yet
    bool due = false;
  };
  struct Partition {
    bool armed = false;  // the task will say when more is visible
    bool dirty = false;  // more may be visible
    bool failed = false;
  };
  using Streams = std::vector<std::shared_ptr<Stream>>;

  // Streams to be looked after, by partition. Waits for some; nothing once stopped.
  std::map<int32_t, Streams> Due();
  bool AnyDue() const TRIBUTARY_REQUIRES(mutex_);
  void Round(int32_t partition, const Streams& streams);
  // To be told when `position` is visible. False: the partition has failed.
  bool Arm(processor::Task* task, int32_t partition, processor::Offset position);
  void More(int32_t partition, bool ok);

  const Deps deps_;
  const Options options_;
  metrics::Gauge open_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::map<Stream*, Of> streams_ TRIBUTARY_GUARDED_BY(mutex_);
  std::map<int32_t, Partition> partitions_ TRIBUTARY_GUARDED_BY(mutex_);
  bool woken_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool stopping_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point next_round_;  // the thread's own
};

class ProfileWatches::Stream final : public rpc::ServerStream<v1::WatchProfileResponse> {
 public:
  Stream(std::shared_ptr<Rounds> rounds, const v1::WatchProfileRequest& request)
      : rounds_(std::move(rounds)), request_(request) {}
  ~Stream() override { rounds_->Leave(this); }

  // The thread's alone.
  void Look(projection::Snapshot& snapshot);

 private:
  void OnOpened() override {
    if (absl::Status status = Begin(); !status.ok()) End(std::move(status));
  }
  void OnSent() override {
    {
      const MutexLock lock(mutex_);
      sending_ = false;
      if (!std::exchange(behind_, false)) return;
    }
    rounds_->Wake(this);
  }
  void OnGone() override { rounds_->Leave(this); }

  absl::Status Begin();
  void Found(absl::StatusOr<Located> located);
  // The profile that is watched, if it is here and whole. Otherwise the next look is later, or elsewhere.
  std::optional<FoundProfile> FindWhole(projection::Snapshot& snapshot);
  // Whether an answer may be sent now; if not, another look follows when the last has left.
  bool Free() {
    const MutexLock lock(mutex_);
    if (sending_) behind_ = true;
    return !sending_;
  }

  const std::shared_ptr<Rounds> rounds_;
  const v1::WatchProfileRequest request_;
  // Until it is placed of whoever opens it, then of the thread.
  Watch watch_;
  std::string awaited_merge_;
  Mutex mutex_;
  bool sending_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool behind_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

absl::Status ProfileWatches::Stream::Begin() {
  TRIBUTARY_RETURN_IF_ERROR(
      rounds_->Enter(this, std::static_pointer_cast<Stream>(shared_from_this()), call().principal));
  TRIBUTARY_ASSIGN_OR_RETURN(watch_.workspace_id, WorkspaceOf(call(), request_.workspace_id()));
  TRIBUTARY_RETURN_IF_ERROR(CheckSelector(request_.profile()));
  TRIBUTARY_ASSIGN_OR_RETURN(watch_.resume, PositionOf(request_));
  std::string token = request_.token();
  if (watch_.resume.has_value() && std::get<1>(*watch_.resume) >= 0) {
    // Never older than what was told, wherever it was told.
    const auto& [profile, through, merged] = *watch_.resume;
    const processor::Partition partition(JourneyPartitionOf(profile, rounds_->deps().places.journey_partitions));
    TRIBUTARY_ASSIGN_OR_RETURN(
        token,
        processor::JoinTokens(token, processor::EncodeToken({{{"journey", partition}, processor::Offset(through)}})));
  }
  watch_.entries = request_.include_entries();
  watch_.traits = request_.include_traits();
  watch_.max_entries = rounds_->options().max_entries;
  watch_.max_bytes = rounds_->options().max_bytes;
  // A stream may have no deadline, its first answer has.
  const absl::Time deadline =
      std::min(call().deadline, SystemClock().Now() + rounds_->deps().gate->options().default_deadline);
  Locate(rounds_->deps().places,
         {.workspace_id = watch_.workspace_id,
          .selector = request_.profile(),
          .token = std::move(token),
          .deadline = deadline},
         [self = std::static_pointer_cast<Stream>(shared_from_this())](absl::StatusOr<Located> located) {
           self->Found(std::move(located));
         });
  return absl::OkStatus();
}

void ProfileWatches::Stream::Found(absl::StatusOr<Located> located) {
  if (!located.ok()) return End(located.status());
  watch_.requested_id = located->requested_id;
  watch_.profile_id = located->profile.id;
  watch_.partition = JourneyPartitionOf(watch_.profile_id, rounds_->deps().places.journey_partitions);
  rounds_->Place(this, watch_.partition);
}

std::optional<FoundProfile> ProfileWatches::Stream::FindWhole(projection::Snapshot& snapshot) {
  const projection::View view = snapshot.view();
  const processor::ProfileMoves moves = processor::MovesOf(view, watch_.workspace_id, watch_.profile_id);
  if (moves.pointer.has_value()) {
    awaited_merge_ = moves.pointer->merge_id;
    watch_.profile_id = moves.pointer->winner_id;
    watch_.merged_into = watch_.profile_id;
    watch_.partition = JourneyPartitionOf(watch_.profile_id, rounds_->deps().places.journey_partitions);
    rounds_->Place(this, watch_.partition);
    return std::nullopt;
  }
  if (moves.moving || (!awaited_merge_.empty() && !processor::MoveHasEnded(view, awaited_merge_))) return std::nullopt;
  std::optional<FoundProfile> found = FindProfile(view, watch_.workspace_id, watch_.profile_id);
  if (!found.has_value() && snapshot.status().ok()) End(NoSuchProfile());
  return found;
}

void ProfileWatches::Stream::Look(projection::Snapshot& snapshot) {
  if (!Free()) return;
  std::optional<Change> change;
  if (const std::optional<FoundProfile> found = FindWhole(snapshot); found.has_value()) {
    change = NextChange(snapshot.view(), *found, rounds_->deps().clock->Now(), &watch_);
  }
  if (!snapshot.status().ok()) return End(snapshot.status());
  if (!change.has_value()) return;
  if (absl::Status still = Recheck(); !still.ok()) return End(std::move(still));
  {
    const MutexLock lock(mutex_);
    sending_ = true;
    behind_ = change->more;
  }
  Send(std::move(change->response));
}

absl::Status ProfileWatches::Rounds::Enter(Stream* stream, const std::shared_ptr<Stream>& share,
                                           const rpc::Principal& principal) {
  // Ids are unique within a workspace.
  const std::string credential = fmt::format("{}/{}", principal.workspace_id, principal.credential_id);
  const MutexLock lock(mutex_);
  if (stopping_) return Stopping();
  if (streams_.size() >= options_.max_streams) return TooManyStreams(options_.max_streams);
  const auto own = std::count_if(streams_.begin(), streams_.end(),
                                 [&](const auto& other) { return other.second.credential == credential; });
  if (static_cast<size_t>(own) >= options_.max_streams_of_credential) {
    return TooManyOfCredential(options_.max_streams_of_credential);
  }
  streams_[stream] = {.stream = share, .credential = credential};
  open_.Set(static_cast<double>(streams_.size()));
  return absl::OkStatus();
}

void ProfileWatches::Rounds::Leave(Stream* stream) {
  const MutexLock lock(mutex_);
  streams_.erase(stream);
  open_.Set(static_cast<double>(streams_.size()));
}

void ProfileWatches::Rounds::Place(Stream* stream, int32_t partition) {
  const MutexLock lock(mutex_);
  const auto of = streams_.find(stream);
  if (of == streams_.end()) return;  // it has gone meanwhile
  of->second.partition = partition;
  of->second.due = true;
  woken_ = true;
  changed_.notify_one();
}

void ProfileWatches::Rounds::Wake(Stream* stream) {
  const MutexLock lock(mutex_);
  const auto of = streams_.find(stream);
  if (of == streams_.end()) return;
  of->second.due = true;
  woken_ = true;
  changed_.notify_one();
}

std::map<int32_t, ProfileWatches::Rounds::Streams> ProfileWatches::Rounds::Due() {
  MutexLock lock(mutex_);
  changed_.wait(lock.native(), [this] { return woken_ || stopping_; });
  // What comes until then is looked at together.
  changed_.wait_until(lock.native(), next_round_, [this] { return stopping_; });
  woken_ = false;
  std::map<int32_t, Streams> due;
  if (stopping_) return due;
  for (auto& [key, of] : streams_) {
    if (of.partition < 0 || !(of.due || partitions_[of.partition].dirty)) continue;
    of.due = false;
    if (std::shared_ptr<Stream> stream = of.stream.lock()) due[of.partition].push_back(std::move(stream));
  }
  for (auto& [number, partition] : partitions_) partition.dirty = false;
  return due;
}

void ProfileWatches::Rounds::Run() {
  for (;;) {
    const std::map<int32_t, Streams> due = Due();
    next_round_ = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(options_.between_looks);
    {
      const MutexLock lock(mutex_);
      if (stopping_) return;
    }
    for (const auto& [partition, streams] : due) Round(partition, streams);
  }
}

void ProfileWatches::Rounds::Round(int32_t partition, const Streams& streams) {
  processor::Task* const task = deps_.places.TaskOf(partition);
  // Before the snapshot: what comes after is looked at in another round.
  if (task == nullptr || !Arm(task, partition, processor::Offset(task->status().visible.value() + 1))) {
    for (const std::shared_ptr<Stream>& stream : streams) stream->End(NotServed(partition));
    return;
  }
  const std::unique_ptr<projection::Snapshot> snapshot = task->TakeSnapshot();
  for (const std::shared_ptr<Stream>& stream : streams) stream->Look(*snapshot);
}

bool ProfileWatches::Rounds::Arm(processor::Task* task, int32_t partition, processor::Offset position) {
  {
    const MutexLock lock(mutex_);
    Partition& of = partitions_[partition];
    if (of.failed) return false;
    if (std::exchange(of.armed, true)) return true;
  }
  task->WhenVisible(
      position, absl::InfiniteFuture(),
      [rounds = weak_from_this(), partition](const absl::StatusOr<std::unique_ptr<projection::Snapshot>>& snapshot) {
        if (const auto self = rounds.lock()) self->More(partition, snapshot.ok());
      });
  return true;
}

void ProfileWatches::Rounds::More(int32_t partition, bool ok) {
  const MutexLock lock(mutex_);
  Partition& of = partitions_[partition];
  of.armed = false;
  of.dirty = true;
  of.failed = !ok;  // for good: a task that has halted or gone does not come back
  woken_ = true;
  changed_.notify_one();
}

void ProfileWatches::Rounds::Stop() {
  Streams open;
  {
    const MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [key, of] : streams_) {
      if (std::shared_ptr<Stream> stream = of.stream.lock()) open.push_back(std::move(stream));
    }
    changed_.notify_all();
  }
  for (const std::shared_ptr<Stream>& stream : open) stream->End(Stopping());
}

ProfileWatches::ProfileWatches(const Deps& deps, const Options& options)
    : rounds_(std::make_shared<Rounds>(deps, options)), thread_([rounds = rounds_] { rounds->Run(); }) {}

ProfileWatches::~ProfileWatches() {
  Stop();
  thread_.join();
}

ProfileWatches::Reactor* ProfileWatches::Open(grpc::CallbackServerContext* context,
                                              const v1::WatchProfileRequest& request, rpc::AccessRule rule) {
  const std::shared_ptr<rpc::ServerStream<v1::WatchProfileResponse>> stream =
      std::make_shared<Stream>(rounds_, request);
  return rpc::Serve(*rounds_->deps().gate, context, rule, stream);
}

void ProfileWatches::Stop() { rounds_->Stop(); }

}  // namespace tributary::profile
