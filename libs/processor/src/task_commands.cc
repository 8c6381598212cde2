// Commands and their replies (rule 12; DESIGN section 5).
#include <algorithm>
#include <iterator>

#include "src/task_impl.h"
#include "tributary/base/status.h"
#include "xxhash.h"

namespace tributary::processor {
namespace {

std::string DigestOf(const Command& command) {
  const std::string text = fmt::format("{}:{}{}", command.type.size(), command.type, command.body);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return {reinterpret_cast<const char*>(canonical.digest), sizeof canonical.digest};
}

}  // namespace

absl::Status Task::Impl::QueueCommand(Command& command, ReplyFn& done) {
  if (options_.standby) return absl::UnavailableError("this instance stands by and decides nothing");
  if (command.request_id.empty() || command.request_id.size() > 128) {
    return InvalidField("INVALID_REQUEST_ID", "request_id", "must be 1 to 128 bytes", "Use a UUID");
  }
  std::string digest = DigestOf(command);
  std::lock_guard lock(mutex_);
  if (status_.state == TaskState::kHalted || status_.state == TaskState::kStopped) {
    return absl::UnavailableError("the partition has halted");
  }
  if (commands_.size() >= options_.max_waiting_commands) {
    return absl::ResourceExhaustedError("too many commands wait for this partition");
  }
  WaitingCommand waiting{std::move(command), digest, {}};
  waiting.waiters.emplace_back(std::move(digest), std::move(done));
  commands_.push_back(std::move(waiting));
  quiet_ = false;
  return absl::OkStatus();
}

void Task::Impl::Submit(Command command, ReplyFn done) {
  const absl::Status refused = QueueCommand(command, done);
  if (!refused.ok()) return done(refused);
  wake_->Call();
}

void Task::Impl::RefuseCommands(const absl::Status& why) {
  std::deque<WaitingCommand> commands;
  {
    std::lock_guard lock(mutex_);
    commands.swap(commands_);
  }
  for (WaitingCommand& waiting : commands) {
    for (auto& [digest, done] : waiting.waiters) done(why);
  }
}

absl::StatusOr<bool> Task::Impl::DecideCommands() {
  std::deque<WaitingCommand> commands;
  {
    std::lock_guard lock(mutex_);
    for (int32_t i = 0; i < options_.max_inputs_per_step && !commands_.empty(); ++i) {
      commands.push_back(std::move(commands_.front()));
      commands_.pop_front();
    }
  }
  const bool worked = !commands.empty();
  absl::Status decided;
  while (!commands.empty()) {
    OpenSegment();
    if (Full(open())) break;
    decided = DecideCommand(commands.front());
    if (!decided.ok()) break;
    commands.pop_front();
  }
  {
    std::lock_guard lock(mutex_);
    while (!commands.empty()) {
      commands_.push_front(std::move(commands.back()));
      commands.pop_back();
    }
  }
  TRIBUTARY_RETURN_IF_ERROR(decided);  // who waits is answered as the task halts
  return worked;
}

absl::StatusOr<Reply> Task::Impl::RecordedReply(const storage::v1::ReplyRow& row, const std::string& digest) const {
  const events::v1::Reply& recorded = row.reply();
  if (recorded.request_digest() != digest) {
    return FieldError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_CONFLICT", "request_id",
                      "was used for another request", "Use a new request_id for a new request");
  }
  Reply reply;
  reply.code = static_cast<absl::StatusCode>(recorded.code());
  reply.reason = recorded.reason();
  reply.field = recorded.field();
  reply.message = recorded.message();
  reply.body = recorded.body();
  return reply;
}

absl::Status Task::Impl::DecideCommand(WaitingCommand& waiting) {
  const std::string request_id = waiting.command.request_id;
  if (const auto row = view().Get(kReplies, {request_id}); row != nullptr) {
    ++counters_.replies_repeated;
    for (PendingSegment& segment : pending_) {
      for (WaitingCommand& earlier : segment.commands) {
        if (earlier.command.request_id != request_id) continue;
        // Rule 12: a retry that finds its request pending waits for it.
        std::move(waiting.waiters.begin(), waiting.waiters.end(), std::back_inserter(earlier.waiters));
        return absl::OkStatus();
      }
    }
    for (auto& [digest, done] : waiting.waiters) done(RecordedReply(*row, digest));
    return absl::OkStatus();
  }
  std::optional<Decided> own = DecideRedrive(waiting.command);
  Decided decided = own.has_value() ? std::move(*own) : deps_.processor->Decide(waiting.command, view(), open().now);
  if (!decided.reply.has_value()) {
    return absl::InternalError(
        fmt::format("{} did not answer a command of type '{}'", deps_.processor->name(), waiting.command.type));
  }
  if (decided.reply->retry) {
    // Nothing was decided, nothing is recorded.
    for (auto& [digest, done] : waiting.waiters) done(*decided.reply);
    return absl::OkStatus();
  }
  ++counters_.commands;
  events::v1::Reply recorded;
  recorded.set_request_id(request_id);
  recorded.set_request_digest(waiting.digest);
  recorded.set_code(static_cast<int32_t>(decided.reply->code));
  recorded.set_reason(decided.reply->reason);
  recorded.set_field(decided.reply->field);
  recorded.set_message(decided.reply->message);
  recorded.set_body(decided.reply->body);
  if (options_.faults.early_reply) {
    for (auto& [digest, done] : waiting.waiters) done(*decided.reply);
    waiting.waiters.clear();
  }
  events::v1::Cause cause;
  cause.set_request_id(request_id);
  cause.set_index(-1);
  TRIBUTARY_RETURN_IF_ERROR(Record(std::move(decided), cause, 0, nullptr));
  storage::v1::ReplyRow row;
  *row.mutable_reply() = recorded;
  row.set_decided_at_micros(absl::ToUnixMicros(open().now));
  Writer<Kind::kDecisions> out = writer<Kind::kDecisions>();
  out.Put(kReplies, {request_id}, row);
  out.Put(kRepliesByTime, {row.decided_at_micros(), request_id}, {});
  overlay_->TakeChanges();
  open().bytes += recorded.ByteSizeLong() + 16;
  *open().batch->add_replies() = std::move(recorded);
  open().commands.push_back(std::move(waiting));
  return absl::OkStatus();
}

void Task::Impl::ReleaseReplies(PendingSegment& segment) {
  for (WaitingCommand& waiting : segment.commands) {
    for (const events::v1::Reply& recorded : segment.batch->replies()) {
      if (recorded.request_id() != waiting.command.request_id) continue;
      storage::v1::ReplyRow row;
      *row.mutable_reply() = recorded;
      for (auto& [digest, done] : waiting.waiters) done(RecordedReply(row, digest));
      waiting.waiters.clear();
    }
  }
}

}  // namespace tributary::processor
