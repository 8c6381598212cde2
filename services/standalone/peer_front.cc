#include "standalone/peer_front.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "standalone/tasks.h"
#include "tributary/base/status.h"

namespace tributary::standalone {
namespace {

using peer::v1::AwaitRelayedRequest;
using peer::v1::AwaitRelayedResponse;
using peer::v1::GetLagRequest;
using peer::v1::GetLagResponse;
using peer::v1::GetProfileKeysRequest;
using peer::v1::GetProfileKeysResponse;
using peer::v1::ResolveProfileRequest;
using peer::v1::ResolveProfileResponse;
using rpc::CallInfo;

constexpr rpc::AccessRule kPeers = rpc::AccessRule::OperatorOnly();

absl::Status NotServedHere(std::string_view what) {
  return FieldError(absl::StatusCode::kUnavailable, "NOT_SERVED_HERE", "", fmt::format("{} is not served here", what),
                    "Ask the process that serves it");
}

}  // namespace

int64_t LagOf(const processor::Task& task, eventlog::EventLog& log) {
  const absl::StatusOr<eventlog::Offset> end = log.LastKnownEnd(task.partition());
  return end.ok() ? end->value() - 1 - task.status().visible.value() : 0;
}

grpc::ServerUnaryReactor* PeerFront::ResolveProfile(grpc::CallbackServerContext* context,
                                                    const ResolveProfileRequest* request,
                                                    ResolveProfileResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kPeers,
      [this](const CallInfo& call, const ResolveProfileRequest& asked, rpc::Reply<ResolveProfileResponse> reply) {
        if (deps_.identity == nullptr) return reply(NotServedHere("identity"));
        deps_.identity->Resolve({.workspace_id = asked.workspace_id(),
                                 .subject_kind = asked.subject_kind(),
                                 .identifier = asked.identifier(),
                                 .token = asked.token(),
                                 .field = asked.field()},
                                call.deadline,
                                [reply = std::move(reply)](absl::StatusOr<identity::ResolvedProfile> resolved) {
                                  if (!resolved.ok()) return reply(resolved.status());
                                  ResolveProfileResponse answer;
                                  answer.set_profile_id(std::move(resolved->profile_id));
                                  answer.set_profile_token(std::move(resolved->token));
                                  reply(std::move(answer));
                                });
      });
}

grpc::ServerUnaryReactor* PeerFront::GetProfileKeys(grpc::CallbackServerContext* context,
                                                    const GetProfileKeysRequest* request,
                                                    GetProfileKeysResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kPeers,
      [this](const CallInfo& call, const GetProfileKeysRequest& asked, rpc::Reply<GetProfileKeysResponse> reply) {
        if (deps_.identity == nullptr) return reply(NotServedHere("identity"));
        deps_.identity->KeysOf(asked.workspace_id(), asked.profile_id(), asked.token(), call.deadline,
                               [reply = std::move(reply)](absl::StatusOr<std::vector<std::string>> keys) {
                                 if (!keys.ok()) return reply(keys.status());
                                 GetProfileKeysResponse answer;
                                 for (std::string& key : *keys) answer.add_keys(std::move(key));
                                 reply(std::move(answer));
                               });
      });
}

grpc::ServerUnaryReactor* PeerFront::AwaitRelayed(grpc::CallbackServerContext* context,
                                                  const AwaitRelayedRequest* request, AwaitRelayedResponse* response) {
  return rpc::Handle(
      *deps_.gate, context, request, response, kPeers,
      [this](const CallInfo& call, const AwaitRelayedRequest& asked, rpc::Reply<AwaitRelayedResponse> reply) {
        if (asked.offset() < 0) {
          return reply(InvalidField("INVALID_OFFSET", "offset", "is negative", "Ask for a record that there is"));
        }
        processor::Task* const task =
            deps_.host->Find("identity", {kIntakeLog, processor::Partition(asked.partition())});
        if (task == nullptr) return reply(NotServedHere(fmt::format("intake/{}", asked.partition())));
        task->WhenRelayed(processor::Offset(asked.offset()), call.deadline,
                          [reply = std::move(reply)](const absl::Status& relayed) {
                            if (!relayed.ok()) return reply(relayed);
                            reply(AwaitRelayedResponse());
                          });
      });
}

grpc::ServerUnaryReactor* PeerFront::GetLag(grpc::CallbackServerContext* context, const GetLagRequest* request,
                                            GetLagResponse* response) {
  return rpc::Handle(*deps_.gate, context, request, response, kPeers,
                     [this](const CallInfo&, const GetLagRequest& asked, rpc::Reply<GetLagResponse> reply) {
                       GetLagResponse answer;
                       for (const processor::Task* task : deps_.host->tasks()) {
                         if (task->processor().name() != asked.processor()) continue;
                         peer::v1::TaskLag& lag = *answer.add_lags();
                         lag.set_log(task->partition().log);
                         lag.set_partition(task->partition().partition.value());
                         lag.set_records(LagOf(*task, *deps_.log));
                         lag.set_relay_backlog(task->status().relay_backlog);
                       }
                       if (answer.lags().empty()) return reply(NotServedHere("the processor"));
                       reply(std::move(answer));
                     });
}

}  // namespace tributary::standalone
