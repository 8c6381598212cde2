#include "profile/definition_writes.h"

#include <utility>

#include "fmt/format.h"
#include "tributary/base/status.h"
#include "tributary/processor/token.h"

namespace tributary::profile {
namespace {

constexpr size_t kMaxRequestIdBytes = 64;  // with the workspace before it, within a command's 128

// The error of a reply; OK if it is none.
absl::Status StatusOf(const absl::StatusOr<processor::Reply>& reply) {
  if (!reply.ok()) {
    if (!absl::IsAlreadyExists(reply.status())) return reply.status();
    return FieldError(absl::StatusCode::kAlreadyExists, "REQUEST_ID_REUSED", "request_id",
                      "was used for another request", "Use a new request_id for a new request");
  }
  if (reply->code == absl::StatusCode::kOk) return absl::OkStatus();
  return FieldError(reply->code, reply->reason, reply->field, reply->message, "");
}

}  // namespace

void DefinitionWrites::Submit(const std::string& workspace, const std::string& request_id, std::string_view type,
                              const google::protobuf::MessageLite& body, WrittenFn done) const {
  if (request_id.size() > kMaxRequestIdBytes) {
    return done(InvalidField("TOO_LONG", "request_id", fmt::format("has {} bytes", request_id.size()), "Send a UUID"));
  }
  processor::Task* task = deps_.places.TaskOf(0);
  if (task == nullptr) {
    return done(FieldError(absl::StatusCode::kUnavailable, "PARTITION_NOT_HERE", "",
                           "journey partition 0 is not served here", "Try again"));
  }
  processor::Command command{fmt::format("{}/{}", workspace, request_id.empty() ? NewUuid(*deps_.random) : request_id),
                             std::string(type), body.SerializeAsString()};
  // Nothing of this object is kept: a command may be answered when the fronts are gone and the task ends.
  task->Submit(std::move(command),
               [task, log = deps_.log, done = std::move(done)](const absl::StatusOr<processor::Reply>& reply) {
                 if (absl::Status status = StatusOf(reply); !status.ok()) return done(std::move(status));
                 // The reply is released after its batch was read back: the batch lies before the end.
                 const absl::StatusOr<eventlog::Offset> end = log->End(task->partition());
                 if (!end.ok()) return done(end.status());
                 Written written;
                 written.token = processor::EncodeToken({{task->partition(), eventlog::Offset(end->value() - 1)}});
                 written.snapshot = task->TakeSnapshot();
                 done(std::move(written));
               });
}

}  // namespace tributary::profile
