#include "tributary/processor/task.h"

#include <algorithm>

#include "src/task_impl.h"
#include "tributary/base/status.h"
#include "xxhash.h"

namespace tributary::processor {
namespace {

constexpr absl::Duration kExportEvery = absl::Milliseconds(200);

uint64_t Fingerprint(const eventlog::StoredRecord& record) {
  return XXH3_64bits(record.record.value.data(), record.record.value.size());
}

}  // namespace

Task::Task(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Task::~Task() = default;

absl::StatusOr<std::unique_ptr<Task>> Task::Open(const TaskOptions& options, const TaskDeps& deps) {
  auto impl = std::make_unique<Impl>(options, deps);
  TRIBUTARY_RETURN_IF_ERROR(
      Annotate(impl->Open(), fmt::format("{} on {}", deps.processor->name(), options.partition.ToString())));
  return std::unique_ptr<Task>(new Task(std::move(impl)));
}

Progress Task::Step() { return impl_->Step(); }
absl::Status Task::Close() { return impl_->Close(); }
void Task::Submit(Command command, ReplyFn done) { impl_->Submit(std::move(command), std::move(done)); }
void Task::WhenVisible(Offset position, absl::Time deadline, SnapshotFn done) {
  impl_->WhenVisible(position, deadline, std::move(done));
}
void Task::WhenRelayed(Offset position, absl::Time deadline, std::function<void(absl::Status)> done) {
  impl_->WhenRelayed(position, deadline, std::move(done));
}
std::unique_ptr<projection::Snapshot> Task::TakeSnapshot() const { return impl_->deps().store->TakeSnapshot(); }
TaskStatus Task::status() const { return impl_->status(); }
bool Task::Quiet() const { return impl_->Quiet(); }
absl::Time Task::NextTimer() const { return impl_->NextTimer(); }
void Task::OnWake(std::function<void()> wake) { impl_->OnWake(std::move(wake)); }
const PartitionRef& Task::partition() const { return impl_->options().partition; }
const Processor& Task::processor() const { return *impl_->deps().processor; }

Task::Impl::Impl(const TaskOptions& options, const TaskDeps& deps)
    : options_(options),
      deps_(deps),
      incarnation_(deps.random->Next64()),
      overlay_(projection::Overlay::Create(deps.store, {.record_changes = deps.processor->Derives()})),
      metrics_(deps.metrics) {
  counters_.standby = status_.standby = options.standby;
}

Task::Impl::~Impl() {
  {
    std::lock_guard lock(wake_->mutex);
    wake_->fn = nullptr;
  }
  watch_.reset();
  const absl::Status gone = absl::UnavailableError("the task was closed");
  for (PendingSegment& segment : pending_) {
    for (WaitingCommand& waiting : segment.commands) {
      for (auto& [digest, done] : waiting.waiters) done(gone);
    }
  }
  RefuseCommands(gone);
  for (VisibleWaiter& waiter : waiters_) Answer(waiter, gone);
}

absl::Status Task::Impl::Open() {
  Feed::Start start;
  TRIBUTARY_RETURN_IF_ERROR(LoadPosition(&start));
  feed_ = std::make_unique<Feed>(options_, deps_.log, deps_.processor, deps_.clock, std::move(start));
  watch_ = deps_.log->Watch(options_.partition, [wake = wake_] { wake->Call(); });
  PublishStatus();
  return absl::OkStatus();
}

absl::Status Task::Impl::LoadPosition(Feed::Start* start) {
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string bytes, deps_.store->Meta(kPositionMeta));
  if (bytes.empty()) return absl::OkStatus();
  storage::v1::TaskPosition position;
  if (!position.ParseFromString(bytes)) return absl::DataLossError("the position of the projection does not parse");
  TRIBUTARY_RETURN_IF_ERROR(CheckLog(position));
  last_batch_ = Offset(position.last_batch());
  through_ = Offset(position.through());
  decided_at_ = absl::FromUnixMicros(position.decided_at_micros());
  birth_ = position.birth();
  relayed_ = FromProto(position.relayed());
  fingerprint_ = position.fingerprint();
  for (const storage::v1::OutboundTip& tip : position.outbound()) {
    outbound_[{tip.log(), Partition(tip.partition())}] = FromProto(tip.position());
  }
  sent_outbound_ = outbound_;
  start->through = through_;
  start->last_batch = last_batch_;
  auto snapshot = deps_.store->TakeSnapshot();
  snapshot->view().Scan(kChainTips, std::tuple<>(), [&](const auto& key, const auto& row) {
    start->chains[std::get<0>(key)] = row->offset();
    return true;
  });
  snapshot->view().Scan(kOriginTips, std::tuple<>(), [&](const auto& key, const auto& row) {
    start->origins[std::get<0>(key)] = FromProto(row->position());
    return true;
  });
  return snapshot->status();
}

absl::Status Task::Impl::CheckLog(const storage::v1::TaskPosition& position) {
  if (position.processor() != deps_.processor->name() || position.format() != deps_.processor->format()) {
    return absl::FailedPreconditionError(
        fmt::format("the projection was written by {} format {}, this is {} format {}: rebuild it",
                    position.processor(), position.format(), deps_.processor->name(), deps_.processor->format()));
  }
  if (position.log_id() != deps_.log->id()) {
    return absl::FailedPreconditionError("the projection belongs to another log: rebuild it");
  }
  // A log that was cut off or made anew holds another record, or none, where the last batch was.
  TRIBUTARY_ASSIGN_OR_RETURN(auto reader, deps_.log->OpenReader(options_.partition, Offset(position.last_batch())));
  TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, reader->Poll({.max_records = 1}));
  if (result.records.empty() || Fingerprint(*result.records[0]) != position.fingerprint()) {
    return absl::DataLossError(fmt::format(
        "the log does not hold at {} what the projection remembers: it was truncated or recreated; restore it, or "
        "delete the projection to build it anew from what is left",
        position.last_batch()));
  }
  return absl::OkStatus();
}

Progress Task::Impl::Step() {
  if (state_ == TaskState::kHalted) return {Progress::Kind::kHalted};
  absl::StatusOr<bool> worked = StepOnce();
  if (worked.ok() && !overlay_->reader().status().ok()) worked = overlay_->reader().status();
  if (!worked.ok()) {
    Halt(worked.status());
    return {Progress::Kind::kHalted};
  }
  PublishStatus();
  AnswerVisible();
  if (*worked) return {Progress::Kind::kWorked};
  // Who knows when it is stepped again: what is shown until then is how it stands now.
  ExportMetrics();
  return {Progress::Kind::kIdle, IdleFor()};
}

absl::StatusOr<bool> Task::Impl::StepOnce() {
  TRIBUTARY_ASSIGN_OR_RETURN(bool worked, TakeAppendResults());
  if (relay_ != nullptr) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool relayed, relay_->Step());
    relayed_ = relay_->relayed();
    worked = worked || relayed;
  }
  if (!following_.has_value()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool read, feed_->Pump());
    worked = worked || read;
  } else if (!feed_->Full()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool read, feed_->Pump());
    worked = worked || read;
  }
  if (feed_->batches().empty()) worked = DropVoid() || worked;
  if (following_.has_value() || !feed_->batches().empty()) {
    TRIBUTARY_ASSIGN_OR_RETURN(const bool followed, TakeOwnBatch());
    return worked || followed;
  }
  if (const auto hole = feed_->OldestHole();
      hole.has_value() && feed_->AtEnd() && deps_.clock->Monotonic() - *hole > options_.max_hole_age) {
    return absl::DataLossError(fmt::format("a relayed sequence has a hole that was not filled for {}",
                                           absl::FormatDuration(options_.max_hole_age)));
  }
  if (options_.standby) return worked;
  TRIBUTARY_ASSIGN_OR_RETURN(const bool decided, DecideSome());
  return worked || decided;
}

// After all valid batches that were read, for one of them may be another copy of the same.
bool Task::Impl::DropVoid() {
  bool dropped = false;
  for (const VoidBatch& batch : feed_->TakeVoids()) {
    if (batch.incarnation != incarnation_) continue;
    for (const PendingSegment& segment : pending_) {
      if (segment.counter != batch.counter) continue;
      // Ours, still waited for, and not to come: what it decided is decided anew.
      DropPending();
      dropped = true;
      break;
    }
  }
  return dropped;
}

void Task::Impl::Halt(const absl::Status& why) {
  state_ = TaskState::kHalted;
  counters_.halted = why;
  DropPending();
  relay_.reset();
  producer_.reset();
  const absl::Status answer = absl::UnavailableError("the partition has halted");
  RefuseCommands(answer);
  std::vector<VisibleWaiter> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
  }
  for (VisibleWaiter& waiter : waiters) Answer(waiter, answer);
  PublishStatus();
  ExportMetrics();
}

absl::Status Task::Impl::Close() {
  if (state_ == TaskState::kHalted) return absl::OkStatus();
  storage::v1::TaskPosition position;
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string bytes, deps_.store->Meta(kPositionMeta));
  if (bytes.empty() || !position.ParseFromString(bytes)) return absl::OkStatus();
  // Only the relay's place may be newer than the last commit: it says what need not be sent again.
  DropPending();
  ToProto(relayed_, position.mutable_relayed());
  overlay_->Push();
  state_ = TaskState::kStopped;
  return overlay_->CommitBottom(kPositionMeta, position.SerializeAsString());
}

absl::Duration Task::Impl::IdleFor() const {
  absl::Duration idle = absl::InfiniteDuration();
  const absl::Duration monotonic = deps_.clock->Monotonic();
  if (state_ == TaskState::kDeciding) {
    if (HasOpen() && !pending_.back().Unused())
      idle = std::min(idle, last_append_ + options_.empty_batch_age - monotonic);
    const bool room = HasOpen() || static_cast<int32_t>(pending_.size()) < options_.max_pending_segments;
    if (room && next_timer_ < absl::InfiniteFuture()) idle = std::min(idle, deps_.clock->Until(next_timer_));
    if (!pending_.empty() && pending_.front().stage == PendingSegment::Stage::kClosed) {
      idle = std::min(idle, resend_at_ - monotonic);
    }
    if (relay_ != nullptr && relay_->RetryAt().has_value()) idle = std::min(idle, *relay_->RetryAt() - monotonic);
    // Not at once, if there is no timeout: a claim may lie ahead of a clock that was set back.
    if (effects_open_ && deps_.effects != nullptr) {
      idle = std::min(idle, std::max(options_.claim_timeout, absl::Milliseconds(10)));
    }
  }
  {
    std::lock_guard lock(mutex_);
    for (const VisibleWaiter& waiter : waiters_) idle = std::min(idle, waiter.deadline - deps_.clock->WallNow());
  }
  if (feed_->OldestHole().has_value()) idle = std::min(idle, absl::Seconds(1));
  if (feed_->unreachable()) idle = std::min(idle, kUnreachablePause);
  return std::max(idle, absl::ZeroDuration());
}

void Task::Impl::PublishStatus() {
  Offset visible(feed_->read_position().value() - 1);
  bool fact_waits = false;
  for (const Item& item : feed_->items()) {
    if (!item.fact) continue;
    visible = Offset(item.offset.value() - 1);
    fact_waits = true;
    break;
  }
  // What a batch decided is visible once it is committed.
  if (!feed_->batches().empty()) visible = std::min(visible, Offset(feed_->batches().front().offset.value() - 1));
  if (following_.has_value()) visible = std::min(visible, std::max(through_, Offset(-1)));
  counters_.state = state_;
  counters_.last_batch = last_batch_;
  counters_.through = through_;
  counters_.visible = std::max(visible, through_);
  counters_.end = std::max(feed_->end_seen(), feed_->read_position());
  counters_.decided_at = decided_at_;
  counters_.last_fact_appended_at = last_fact_appended_at_;
  counters_.void_batches = feed_->void_batches();
  counters_.holes = feed_->holes();
  counters_.open_holes = feed_->open_holes();
  if (relay_ != nullptr) {
    counters_.relayed = relay_->acknowledged();
    counters_.relay_backlog = relay_->backlog();
  }
  const bool pending = pending_.size() > 1 || (pending_.size() == 1 && !pending_.front().Unused());
  // What only a decider has to do. A standby waits for nobody's checkpoints, effects and timers.
  const bool to_decide = last_batch_.value() < 0 || feed_->covering() > 0 || next_timer_ <= deps_.clock->Now() ||
                         (effects_open_ && deps_.effects != nullptr);
  const bool busy = pending || !feed_->batches().empty() || following_.has_value() || fact_waits || !feed_->AtEnd() ||
                    (relay_ != nullptr && !relay_->Idle()) || !in_flight_effects_.empty() ||
                    (!options_.standby && to_decide);
  if (deps_.clock->Monotonic() - exported_at_ >= kExportEvery) ExportMetrics();
  std::lock_guard lock(mutex_);
  status_ = counters_;
  published_next_timer_ = next_timer_;
  quiet_ = !busy && commands_.empty();
}

void Task::Impl::ExportMetrics() {
  exported_at_ = deps_.clock->Monotonic();
  const TaskStatus& now = counters_;
  const auto count = [](metrics::Counter& counter, int64_t after, int64_t before) {
    if (after > before) counter.Inc(static_cast<double>(after - before));
  };
  count(metrics_.records, now.facts, exported_.facts);
  count(metrics_.decisions, now.decisions, exported_.decisions);
  count(metrics_.batches, now.batches, exported_.batches);
  count(metrics_.empty_batches, now.empty_batches, exported_.empty_batches);
  count(metrics_.void_batches, now.void_batches, exported_.void_batches);
  count(metrics_.dead_letters, now.dead_letters, exported_.dead_letters);
  count(metrics_.relayed, now.relayed, exported_.relayed);
  count(metrics_.commands, now.commands, exported_.commands);
  count(metrics_.timers_fired, now.timers_fired, exported_.timers_fired);
  count(metrics_.holes, now.holes, exported_.holes);
  metrics_.open_holes.Set(static_cast<double>(now.open_holes));
  metrics_.lag_records.Set(static_cast<double>(std::max<int64_t>(0, now.end.value() - 1 - now.visible.value())));
  absl::Duration age = absl::ZeroDuration();
  for (const Item& item : feed_->items()) {
    if (!item.fact) continue;
    age = deps_.clock->Now() - item.record->appended_at;
    break;
  }
  metrics_.freshness_seconds.Set(std::max(0.0, absl::ToDoubleSeconds(age)));
  exported_ = counters_;
}

void Task::Impl::Answer(VisibleWaiter& waiter, const absl::Status& why) {
  if (waiter.done) {
    waiter.done(why);
  } else {
    waiter.relayed(why);
  }
}

void Task::Impl::AnswerVisible() {
  std::vector<VisibleWaiter> ready;
  std::vector<VisibleWaiter> late;
  const absl::Time now = deps_.clock->WallNow();
  {
    std::lock_guard lock(mutex_);
    if (waiters_.empty()) return;
    std::vector<VisibleWaiter> rest;
    for (VisibleWaiter& waiter : waiters_) {
      bool met = waiter.position <= status_.visible;
      if (met && waiter.relayed) {
        if (waiter.batch.value() < 0) waiter.batch = last_batch_;
        met = relay_ != nullptr && relay_->RelayedThrough(waiter.batch);
      }
      if (met) {
        ready.push_back(std::move(waiter));
      } else if (waiter.deadline <= now) {
        late.push_back(std::move(waiter));
      } else {
        rest.push_back(std::move(waiter));
      }
    }
    waiters_.swap(rest);
  }
  for (VisibleWaiter& waiter : ready) {
    if (waiter.done) {
      waiter.done(deps_.store->TakeSnapshot());
    } else {
      waiter.relayed(absl::OkStatus());
    }
  }
  for (VisibleWaiter& waiter : late) {
    Answer(waiter, absl::DeadlineExceededError(fmt::format("what was written at {}@{} is not visible yet",
                                                           options_.partition.ToString(), waiter.position)));
  }
}

void Task::Impl::AddWaiter(VisibleWaiter waiter) {
  bool refused = false;
  {
    std::lock_guard lock(mutex_);
    refused = status_.state == TaskState::kHalted || status_.state == TaskState::kStopped;
    if (!refused) waiters_.push_back(std::move(waiter));
  }
  if (refused) return Answer(waiter, absl::UnavailableError("the partition has halted"));
  wake_->Call();
}

void Task::Impl::WhenVisible(Offset position, absl::Time deadline, SnapshotFn done) {
  if (status().visible >= position) return done(deps_.store->TakeSnapshot());
  AddWaiter({position, deadline, std::move(done), nullptr, Offset(-1)});
}

void Task::Impl::WhenRelayed(Offset position, absl::Time deadline, std::function<void(absl::Status)> done) {
  AddWaiter({position, deadline, nullptr, std::move(done), Offset(-1)});
}

TaskStatus Task::Impl::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool Task::Impl::Quiet() const {
  if (!quiet_.load()) return false;
  std::lock_guard lock(mutex_);
  // What has come since the last step: a clock that was moved, a record whose watch has yet to call.
  if (!options_.standby && published_next_timer_ <= deps_.clock->Now()) return false;
  const absl::StatusOr<Offset> end = deps_.log->End(options_.partition);
  return options_.stop_at.has_value() || !end.ok() || *end <= status_.end;
}

absl::Time Task::Impl::NextTimer() const {
  std::lock_guard lock(mutex_);
  return published_next_timer_;
}

void Task::Impl::OnWake(std::function<void()> wake) {
  std::lock_guard lock(wake_->mutex);
  wake_->fn = std::move(wake);
}

}  // namespace tributary::processor
