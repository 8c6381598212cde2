#include "ingestion/registry_writes.h"

#include "fmt/format.h"
#include "tributary/base/status.h"
#include "tributary/processor/token.h"

namespace tributary::ingestion {
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

absl::Status SecretAlreadyTold() {
  return FieldError(absl::StatusCode::kFailedPrecondition, "SECRET_ALREADY_TOLD", "request_id",
                    "an earlier call with this request_id made the secret, which is told once",
                    "Rotate the write key, or revoke the credential and create another");
}

}  // namespace

absl::StatusOr<std::string> RegistryWrites::RequestId(const rpc::Principal& principal, const std::string& given) const {
  if (given.size() > kMaxRequestIdBytes) {
    return InvalidField("TOO_LONG", "request_id", fmt::format("has {} bytes", given.size()), "Send a UUID");
  }
  return fmt::format("{}/{}", principal.workspace_id, given.empty() ? NewUuid(*deps_.random) : given);
}

void RegistryWrites::Send(processor::Command command, const std::string& secret, WrittenFn done) const {
  std::string digest;
  std::shared_ptr<SecretOffers::Offer> offer;
  if (!secret.empty()) {
    digest = SecretDigest(secret);
    const auto& decider = static_cast<const IngestionProcessor&>(deps_.registry->processor());
    offer = decider.secret_offers().Add(command.request_id, digest);
  }
  // Nothing of this object is kept: a command may be answered when the fronts are gone and the task ends.
  deps_.registry->Submit(std::move(command), [deps = deps_, digest, offer,
                                              done = std::move(done)](const absl::StatusOr<processor::Reply>& reply) {
    if (absl::Status status = StatusOf(reply); !status.ok()) return done(std::move(status));
    Written written;
    if (!written.reply.ParseFromString(reply->body)) return done(absl::InternalError("a reply does not parse"));
    if (written.reply.secret_digest() != digest) return done(SecretAlreadyTold());
    if (absl::Status status = deps.directory->Refresh(); !status.ok()) return done(std::move(status));
    if (deps.log != nullptr) {
      const eventlog::PartitionRef& partition = deps.registry->partition();
      // The reply is released after its batch was read back: the batch lies before the end.
      const absl::StatusOr<eventlog::Offset> end = deps.log->End(partition);
      if (!end.ok()) return done(end.status());
      written.token = processor::EncodeToken({{partition, eventlog::Offset(end->value() - 1)}});
    }
    written.snapshot = deps.registry->TakeSnapshot();
    done(std::move(written));
  });
}

}  // namespace tributary::ingestion
