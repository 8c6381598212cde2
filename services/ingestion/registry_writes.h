// From a write RPC to its command, and from the reply to its response.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ingestion/directory.h"
#include "ingestion/processor.h"
#include "ingestion/registry_requests.h"
#include "ingestion/secrets.h"
#include "tributary/base/random.h"
#include "tributary/eventlog/event_log.h"
#include "tributary/processor/task.h"
#include "tributary/rpc/call.h"
#include "tributary/storage/v1/ingestion.pb.h"

namespace tributary::ingestion {

// Thread-safe.
class RegistryWrites {
 public:
  struct Deps {
    processor::Task* registry = nullptr;  // of an IngestionProcessor
    const RegistryDirectory* directory = nullptr;
    eventlog::EventLog* log = nullptr;  // null: no tokens
    Random* random = nullptr;           // null: Submit() must not be called
  };
  explicit RegistryWrites(const Deps& deps) : deps_(deps) {}

  // What was decided, as the registry's task has committed it.
  struct Written {
    storage::v1::RegistryReply reply;
    std::unique_ptr<projection::Snapshot> snapshot;
    std::string token;
  };
  using WrittenFn = std::function<void(absl::StatusOr<Written>)>;

  // Checks and submits `request`, and answers with what `fill(view, reply, secret, response*)` makes of the outcome and
  // its token. `secret_prefix`: empty if the command makes no secret; `secret` is then empty, too.
  template <typename Request, typename Response, typename Fill>
  void Submit(const rpc::CallInfo& call, const Request& request, std::string_view command_type,
              std::string_view secret_prefix, rpc::Reply<Response> reply, Fill fill) const {
    const absl::StatusOr<Request> body = CommandOf(request, call.principal);
    if (!body.ok()) return reply(body.status());
    absl::StatusOr<std::string> request_id = RequestId(call.principal, request.request_id());
    if (!request_id.ok()) return reply(request_id.status());
    std::string secret = secret_prefix.empty() ? "" : NewSecret(*deps_.random, secret_prefix);
    processor::Command command{*std::move(request_id), std::string(command_type), body->SerializeAsString()};
    Send(std::move(command), secret,
         [reply = std::move(reply), secret, fill = std::move(fill)](absl::StatusOr<Written> written) {
           if (!written.ok()) return reply(written.status());
           Response response;
           const absl::Status filled = fill(written->snapshot->view(), written->reply, secret, &response);
           if (!written->snapshot->status().ok()) return reply(written->snapshot->status());
           if (!filled.ok()) return reply(filled);
           response.set_token(std::move(written->token));
           reply(std::move(response));
         });
  }

  // Submits a command; `secret`: the one that it makes, or empty. FAILED_PRECONDITION, reason SECRET_ALREADY_TOLD, if
  // an earlier call with the same request_id made another. `done` may run on the task's thread. What was decided is in
  // the directory by then.
  void Send(processor::Command command, const std::string& secret, WrittenFn done) const;

 private:
  // Ids of different workspaces are apart; an empty one is drawn.
  absl::StatusOr<std::string> RequestId(const rpc::Principal& principal, const std::string& given) const;

  const Deps deps_;
};

}  // namespace tributary::ingestion
