#include "standalone/operations_front.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <functional>
#include <limits>
#include <utility>

#include "google/protobuf/util/time_util.h"
#include "tributary/base/status.h"
#include "tributary/events/v1/decision_batch.pb.h"
#include "tributary/processor/dead_letters.h"
#include "tributary/processor/token.h"
#include "tributary/rpc/status.h"

namespace tributary::standalone {
namespace {

namespace pb = operations::v1;
using google::protobuf::util::TimeUtil;

constexpr int kDefaultPage = 50;
constexpr int kMaxPage = 1000;

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  return TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(time));
}

google::protobuf::Duration ToDuration(absl::Duration duration) {
  return TimeUtil::MicrosecondsToDuration(absl::ToInt64Microseconds(duration));
}

void Fill(const TaskName& name, pb::TaskName* out) {
  out->set_processor(name.processor);
  out->set_log(name.partition.log);
  out->set_partition(name.partition.partition.value());
}

TaskName NameOf(const processor::Task& task) { return {std::string(task.processor().name()), task.partition()}; }

bool Matches(const pb::TaskSelector& selector, const TaskName& name) {
  return (selector.processor().empty() || selector.processor() == name.processor) &&
         (selector.log().empty() || selector.log() == name.partition.log) &&
         (!selector.has_partition() || selector.partition() == name.partition.partition.value());
}

absl::Status NoSuchTask(std::string_view field, std::string_view mend) {
  return FieldError(absl::StatusCode::kNotFound, "NO_SUCH_TASK", field, "no task is named so", mend);
}

pb::TaskState StateOf(const processor::TaskStatus& status) {
  switch (status.state) {
    case processor::TaskState::kFollowing:
      return pb::TASK_STATE_CATCHING_UP;
    case processor::TaskState::kDeciding:
    case processor::TaskState::kStopped:
      return pb::TASK_STATE_RUNNING;
    case processor::TaskState::kHalted:
      return pb::TASK_STATE_HALTED;
  }
  return pb::TASK_STATE_UNSPECIFIED;
}

pb::Task Describe(const processor::Task& task) {
  const processor::TaskStatus status = task.status();
  pb::Task out;
  out.set_processor(std::string(task.processor().name()));
  out.set_log(task.partition().log);
  out.set_partition(task.partition().partition.value());
  out.set_role(status.standby ? pb::TASK_ROLE_STANDBY : pb::TASK_ROLE_DECIDER);
  out.set_state(StateOf(status));
  out.set_last_batch(status.last_batch.value());
  out.set_through(status.through.value());
  out.set_log_end(status.end.value());
  out.set_lag(std::max<int64_t>(0, status.end.value() - 1 - status.visible.value()));
  out.set_open_holes(static_cast<int32_t>(status.open_holes));
  out.set_dead_letters(status.dead_letters);
  out.set_batches(status.batches);
  out.set_empty_batches(status.empty_batches);
  out.set_void_batches(status.void_batches);
  out.set_unrelayed_outputs(status.relay_backlog);
  if (!status.halted.ok()) {
    out.set_halt_reason(absl::StatusCodeToString(status.halted.code()));
    out.set_halt_message(std::string(FromAbsl(status.halted.message())));
  }
  return out;
}

absl::StatusOr<int64_t> PageStart(const std::string& token) {
  if (token.empty()) return 0;
  int64_t start = -1;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), start);
  if (error != std::errc() || end != token.data() + token.size() || start < 0) {
    return InvalidField("INVALID_PAGE_TOKEN", "page_token", "is not one of this server",
                        "Pass next_page_token as it was returned");
  }
  return start;
}

// Of one of `types`, or a batch with a decision of one; none named: all.
bool Wanted(const google::protobuf::RepeatedPtrField<std::string>& types, const eventlog::Record& record) {
  const auto named = [&](const std::string& type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  if (types.empty() || named(record.type)) return true;
  events::v1::DecisionBatch batch;
  return record.type == "decision_batch" && batch.ParseFromString(record.value) &&
         std::any_of(batch.decisions().begin(), batch.decisions().end(),
                     [&](const auto& decision) { return named(decision.type()); });
}

int PageSize(int asked) { return asked <= 0 ? kDefaultPage : std::min(asked, kMaxPage); }

// Unset: the wall's now.
absl::StatusOr<std::optional<absl::Time>> TargetOf(const pb::AdvanceClockRequest& request) {
  if (request.has_to()) {
    const int64_t seconds = request.to().seconds();
    if (seconds >= TimeUtil::kTimestampMinSeconds && seconds <= TimeUtil::kTimestampMaxSeconds) {
      return absl::FromUnixMicros(TimeUtil::TimestampToMicroseconds(request.to()));
    }
    return InvalidField("OUT_OF_RANGE", "to", "is no time", "Name one in the years 1 to 9999");
  }
  if (request.follow_wall()) return std::nullopt;
  return InvalidField("REQUIRED", "to", "is missing", "Say how far, or set follow_wall");
}

// A server stream that a thread of its own feeds; deletes itself when gRPC is done with it.
template <typename Response>
class FedStream : public grpc::ServerWriteReactor<Response> {
 public:
  using Feed = std::function<absl::Status(FedStream&)>;
  static FedStream* Start(rpc::CallSlot slot, Feed feed) {
    auto* stream = new FedStream(std::move(slot));
    // The server's shutdown waits for OnDone, which follows Finish, the thread's last act; all that the
    // feed holds is gone by then.
    std::thread([stream, feed = std::move(feed)]() mutable {
      const absl::Status status = feed(*stream);
      feed = nullptr;
      stream->Finish(rpc::ToGrpc(status));
    }).detach();
    return stream;
  }
  static FedStream* Refuse(const absl::Status& status) {
    auto* stream = new FedStream(nullptr);
    stream->Finish(rpc::ToGrpc(status));
    return stream;
  }

  // Waits until it is on its way. False: the client has gone.
  bool Send(const Response& response) {
    std::unique_lock lock(mutex_);
    writing_ = true;
    response_ = response;
    lock.unlock();
    this->StartWrite(&response_);
    lock.lock();
    changed_.wait(lock, [this] { return !writing_; });
    return ok_;
  }
  bool Cancelled() const { return cancelled_.load(); }
  // Sleeps until cancelled, woken or `timeout`.
  void Wait(absl::Duration timeout) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoNanoseconds(timeout), [this] { return woken_ || cancelled_.load(); });
    woken_ = false;
  }
  void Wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }

 private:
  explicit FedStream(rpc::CallSlot slot) : slot_(std::move(slot)) {}
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    ok_ = ok;
    changed_.notify_all();
  }
  void OnCancel() override {
    std::lock_guard lock(mutex_);
    cancelled_.store(true);
    changed_.notify_all();
  }
  void OnDone() override { delete this; }

  rpc::CallSlot slot_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Response response_;
  bool writing_ = false;
  bool ok_ = true;
  bool woken_ = false;
  std::atomic<bool> cancelled_{false};
};

}  // namespace

OperationsFront::OperationsFront(Deps deps) : deps_(std::move(deps)) {}
OperationsFront::~OperationsFront() { StopStreams(); }

absl::StatusOr<std::vector<TaskName>> OperationsFront::Selected(const pb::TaskSelector& selector) const {
  std::vector<TaskName> selected;
  for (const processor::Task* task : deps_.host->tasks()) {
    TaskName name = NameOf(*task);
    if (Matches(selector, name)) selected.push_back(std::move(name));
  }
  const bool all = selector.processor().empty() && selector.log().empty() && !selector.has_partition();
  if (selected.empty() && !all) {
    return NoSuchTask("tasks", "Leave out processor, log and partition, or name one that ListTasks lists");
  }
  return selected;
}

grpc::ServerUnaryReactor* OperationsFront::ListTasks(grpc::CallbackServerContext* context,
                                                     const pb::ListTasksRequest* request,
                                                     pb::ListTasksResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, rpc::AccessRule::OperatorOnly(),
      [this](const rpc::CallInfo&, const pb::ListTasksRequest& call, rpc::Reply<pb::ListTasksResponse> reply) {
        const absl::StatusOr<int64_t> start = PageStart(call.page_token());
        if (!start.ok()) return reply(start.status());
        pb::ListTasksResponse answer;
        const absl::StatusOr<std::vector<TaskName>> selected = Selected(call.tasks());
        if (!selected.ok()) return reply(selected.status());
        const std::vector<TaskName>& names = *selected;
        size_t at = static_cast<size_t>(*start);
        for (; at < names.size() && answer.tasks_size() < PageSize(call.page_size()); ++at) {
          *answer.add_tasks() = Describe(*deps_.host->Find(names[at].processor, names[at].partition));
        }
        if (at < names.size()) answer.set_next_page_token(fmt::format("{}", at));
        reply(std::move(answer));
      });
}

grpc::ServerWriteReactor<pb::TailLogResponse>* OperationsFront::TailLog(grpc::CallbackServerContext* context,
                                                                        const pb::TailLogRequest* request) {
  using Stream = FedStream<pb::TailLogResponse>;
  absl::StatusOr<rpc::Admission> admission = deps_.gate->Admit(*context, rpc::AccessRule::OperatorOnly());
  if (!admission.ok()) return Stream::Refuse(admission.status());
  const eventlog::PartitionRef partition{request->log(), eventlog::Partition(request->partition())};
  int64_t from = request->from_offset();
  if (from < 0) {
    // So many before the end.
    const absl::StatusOr<eventlog::Offset> end = deps_.log->End(partition);
    if (!end.ok()) return Stream::Refuse(end.status());
    from = std::max<int64_t>(0, end->value() + from);
  }
  auto opened = deps_.log->OpenReader(partition, eventlog::Offset(from));
  if (!opened.ok()) return Stream::Refuse(opened.status());
  auto reader = std::make_shared<std::unique_ptr<eventlog::PartitionReader>>(*std::move(opened));
  return Stream::Start(std::move(admission->slot), [this, partition, reader, call = *request](Stream& stream) {
    const auto watch = deps_.log->Watch(partition, [&stream] { stream.Wake(); });
    int64_t left = call.max_records() > 0 ? call.max_records() : std::numeric_limits<int64_t>::max();
    while (left > 0 && !stream.Cancelled() && !stopping_.load()) {
      TRIBUTARY_ASSIGN_OR_RETURN(const eventlog::ReadResult result, (*reader)->Poll({.max_records = 256}));
      pb::TailLogResponse answer;
      for (const eventlog::RecordPtr& record : result.records) {
        if (left == 0) break;
        if (!Wanted(call.types(), record->record)) continue;
        --left;
        pb::LogRecord* out = answer.add_records();
        out->set_offset(record->offset.value());
        *out->mutable_appended_at() = ToTimestamp(record->appended_at);
        out->set_type(record->record.type);
        out->set_key(record->record.key);
        out->set_value(record->record.value);
        for (const eventlog::Header& header : record->record.headers) {
          pb::RecordHeader* to = out->add_headers();
          to->set_name(header.key);
          to->set_value(header.value);
        }
      }
      if (answer.records_size() > 0 && !stream.Send(answer)) return absl::CancelledError("the client has gone");
      if (!result.at_end) continue;
      if (!call.follow()) return absl::OkStatus();
      stream.Wait(absl::Seconds(1));
    }
    return absl::OkStatus();
  });
}

grpc::ServerWriteReactor<pb::VerifyResponse>* OperationsFront::Verify(grpc::CallbackServerContext* context,
                                                                      const pb::VerifyRequest* request) {
  using Stream = FedStream<pb::VerifyResponse>;
  absl::StatusOr<rpc::Admission> admission = deps_.gate->Admit(*context, rpc::AccessRule::OperatorOnly());
  if (!admission.ok()) return Stream::Refuse(admission.status());
  absl::StatusOr<std::vector<TaskName>> selected = Selected(request->tasks());
  if (!selected.ok()) return Stream::Refuse(selected.status());
  return Stream::Start(std::move(admission->slot), [this, names = *std::move(selected)](Stream& stream) {
    for (const TaskName& name : names) {
      auto snapshot = deps_.host->Find(name.processor, name.partition)->TakeSnapshot();
      absl::Duration told = deps_.clock->Monotonic();
      const ReplayProgress progress = [&](uint64_t, int64_t through, int64_t end) {
        if (deps_.clock->Monotonic() - told < absl::Milliseconds(200)) return !stopping_.load();
        told = deps_.clock->Monotonic();
        pb::VerifyResponse news;
        Fill(name, news.mutable_progress()->mutable_task());
        news.mutable_progress()->set_records_done(through);
        news.mutable_progress()->set_records_total(end);
        return stream.Send(news);
      };
      TRIBUTARY_ASSIGN_OR_RETURN(const Verification found,
                                 standalone::Verify(*snapshot, name, *deps_.log, *deps_.collaborators, *deps_.clock,
                                                    deps_.scratch_dir, progress));
      pb::VerifyResponse news;
      pb::VerifyResult& result = *news.mutable_result();
      Fill(name, result.mutable_task());
      result.set_clean(found.clean);
      result.set_last_batch(found.last_batch.value());
      result.set_live_digest(found.live.facts_and_decisions);
      result.set_fresh_digest(found.fresh.facts_and_decisions);
      result.set_cache_rows(static_cast<int64_t>(found.cache_rows));
      result.set_records(static_cast<int64_t>(found.records));
      *result.mutable_elapsed() = ToDuration(found.elapsed);
      result.set_difference_count(static_cast<int64_t>(found.differences.size()));
      for (const std::string& difference : found.differences) result.add_differences()->set_table(difference);
      if (!stream.Send(news) || stopping_.load()) return absl::CancelledError("the verification was ended");
    }
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* OperationsFront::ListDeadLetters(grpc::CallbackServerContext* context,
                                                           const pb::ListDeadLettersRequest* request,
                                                           pb::ListDeadLettersResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, rpc::AccessRule::OperatorOnly(),
                     [this](const rpc::CallInfo&, const pb::ListDeadLettersRequest& call,
                            rpc::Reply<pb::ListDeadLettersResponse> reply) {
                       const absl::StatusOr<int64_t> start = PageStart(call.page_token());
                       if (!start.ok()) return reply(start.status());
                       const absl::StatusOr<std::vector<TaskName>> selected = Selected(call.tasks());
                       if (!selected.ok()) return reply(selected.status());
                       pb::ListDeadLettersResponse answer;
                       // The token counts rows over the selected tasks: dead letters are few, and only ever added.
                       int64_t at = 0;
                       const int64_t end = *start + PageSize(call.page_size());
                       for (const TaskName& name : *selected) {
                         auto snapshot = deps_.host->Find(name.processor, name.partition)->TakeSnapshot();
                         processor::ForEachDeadLetter(*snapshot, [&](const processor::DeadLetterInfo& letter) {
                           if (at >= *start && at < end) {
                             pb::DeadLetter* out = answer.add_dead_letters();
                             Fill(name, out->mutable_task());
                             out->set_offset(letter.offset.value());
                             out->set_reason(letter.reason);
                             out->set_message(letter.message);
                             out->set_redriven(letter.redriven);
                           }
                           return ++at <= end;
                         });
                         if (!snapshot->status().ok()) return reply(snapshot->status());
                       }
                       if (at > end) answer.set_next_page_token(fmt::format("{}", end));
                       reply(std::move(answer));
                     });
}

grpc::ServerUnaryReactor* OperationsFront::RedriveDeadLetter(grpc::CallbackServerContext* context,
                                                             const pb::RedriveDeadLetterRequest* request,
                                                             pb::RedriveDeadLetterResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, rpc::AccessRule::OperatorOnly(),
      [this](const rpc::CallInfo&, const pb::RedriveDeadLetterRequest& call,
             rpc::Reply<pb::RedriveDeadLetterResponse> reply) {
        const eventlog::PartitionRef partition{call.task().log(), eventlog::Partition(call.task().partition())};
        processor::Task* task = deps_.host->Find(call.task().processor(), partition);
        if (task == nullptr) {
          return reply(NoSuchTask("task", "Name one that ListTasks lists"));
        }
        std::string request_id = call.request_id();
        SystemRandom random;
        if (request_id.empty()) request_id = NewUuid(random);
        task->Submit(processor::RedriveCommand(std::move(request_id), processor::Offset(call.offset())),
                     [reply, task](absl::StatusOr<processor::Reply> decided) {
                       if (!decided.ok()) return reply(decided.status());
                       if (decided->code != absl::StatusCode::kOk) {
                         return reply(FieldError(decided->code, decided->reason, decided->field, decided->message, ""));
                       }
                       pb::RedriveDeadLetterResponse answer;
                       answer.set_token(processor::EncodeToken({{task->partition(), task->status().last_batch}}));
                       reply(std::move(answer));
                     });
      });
}

grpc::ServerUnaryReactor* OperationsFront::GetClock(grpc::CallbackServerContext* context,
                                                    const pb::GetClockRequest* request,
                                                    pb::GetClockResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, rpc::AccessRule::OperatorOnly(),
                     [this](const rpc::CallInfo&, const pb::GetClockRequest&, rpc::Reply<pb::GetClockResponse> reply) {
                       pb::GetClockResponse answer;
                       *answer.mutable_now() = ToTimestamp(deps_.clock->Now());
                       *answer.mutable_wall_now() = ToTimestamp(deps_.clock->WallNow());
                       answer.set_simulated(deps_.stepper != nullptr);
                       answer.set_follows_wall(deps_.stepper == nullptr || deps_.stepper->clock().follows_wall());
                       const absl::Time next = NextTimer(*deps_.host);
                       if (next < absl::InfiniteFuture()) *answer.mutable_next_timer() = ToTimestamp(next);
                       reply(std::move(answer));
                     });
}

grpc::ServerWriteReactor<pb::AdvanceClockResponse>* OperationsFront::AdvanceClock(
    grpc::CallbackServerContext* context, const pb::AdvanceClockRequest* request) {
  using Stream = FedStream<pb::AdvanceClockResponse>;
  absl::StatusOr<rpc::Admission> admission = deps_.gate->Admit(*context, rpc::AccessRule::OperatorOnly());
  if (!admission.ok()) return Stream::Refuse(admission.status());
  if (deps_.stepper == nullptr) {
    return Stream::Refuse(
        FieldError(absl::StatusCode::kFailedPrecondition, "WALL_CLOCK", "", "the server's clock is the wall's",
                   "Only a server that was started with --simulated-clock has one that can be moved"));
  }
  const absl::StatusOr<std::optional<absl::Time>> target = TargetOf(*request);
  if (!target.ok()) return Stream::Refuse(target.status());
  return Stream::Start(std::move(admission->slot), [this, to = *target](Stream& stream) {
    const auto send = [&](const ClockStepper::News& news, bool done) {
      pb::AdvanceClockResponse answer;
      *answer.mutable_now() = ToTimestamp(news.now);
      answer.set_timers_fired(news.timers_fired);
      answer.set_stops(news.stops);
      answer.set_done(done);
      return stream.Send(answer);
    };
    const auto tell = [&](const ClockStepper::News& news) {
      return !stopping_.load() && !stream.Cancelled() && send(news, false);
    };
    TRIBUTARY_ASSIGN_OR_RETURN(const ClockStepper::News news, deps_.stepper->Advance(to, tell));
    if (!send(news, true)) return absl::CancelledError("the client has gone");
    return absl::OkStatus();
  });
}

}  // namespace tributary::standalone
