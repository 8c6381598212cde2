// What every call passes before its handler (credential, role, bounds), and how a handler answers.
//
//   grpc::ServerUnaryReactor* ProfileFront::GetProfile(grpc::CallbackServerContext* context,
//                                                      const GetProfileRequest* request,
//                                                      GetProfileResponse* response) {
//     return rpc::Handle(gate_, context, request, response, AccessRule::AnyOf({Role::kRead, Role::kAgent}),
//                        [this](const rpc::CallInfo& call, const GetProfileRequest& request,
//                               rpc::Reply<GetProfileResponse> reply) { reply(Look(call, request)); });
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "tributary/base/mutex.h"
#include "tributary/rpc/credentials.h"
#include "tributary/rpc/masking.h"

namespace tributary::rpc {

// What a handler may know of a call. Its own copy: valid as long as it is kept.
struct CallInfo {
  Principal principal;
  // When the caller stops waiting, by this machine's wall clock (never a simulated one); InfiniteFuture for a
  // stream that states none.
  absl::Time deadline;
  // Another instance sent it here: serve it or refuse it, do not forward it again (router.h).
  bool forwarded = false;
  // Of a forwarded call that concerns many partitions: those that this instance is asked for, ascending (scatter.h).
  std::vector<int32_t> partitions = {};
  // W3C trace context as sent, checked for its shape; empty if none.
  std::string traceparent;
};

struct CallGateOptions {
  // For a unary call that states no deadline. A stream without one has none.
  absl::Duration default_deadline = absl::Seconds(30);
  // No unary call waits longer, whatever it asks for.
  absl::Duration max_deadline = absl::Minutes(5);
  // Calls between admission and the end of their handler's work; more are refused with RESOURCE_EXHAUSTED.
  int64_t max_in_flight = 4096;
};

// A place among the calls in flight, given back when the last copy goes. May outlive its gate.
using CallSlot = std::shared_ptr<void>;

struct Admission {
  CallInfo call;
  CallSlot slot;
  // The credential as it was sent, for a call that goes on to another instance. A secret: in no log line, no error.
  std::string authorization = "";
};

// Thread-safe; one per process.
class CallGate {
 public:
  // `verifier` must outlive this.
  CallGate(const CredentialVerifier& verifier, const CallGateOptions& options);

  // For streams; unary calls go through Handle(). Keep the slot until the work is done. Errors, all to be sent
  // as they are: UNAUTHENTICATED (no credential, or not a valid one), PERMISSION_DENIED (role),
  // RESOURCE_EXHAUSTED (too many calls), UNAVAILABLE (credentials not loaded yet), INVALID_ARGUMENT (a forwarded call
  // whose list of partitions cannot be read).
  absl::StatusOr<Admission> Admit(const grpc::CallbackServerContext& context, AccessRule rule) const;

  const CallGateOptions& options() const { return options_; }

 private:
  const CredentialVerifier& verifier_;
  const CallGateOptions options_;
  const std::shared_ptr<std::atomic<int64_t>> in_flight_;
};

// One unary call on the wire. Ends once: by its handler's reply, at its deadline, or when the client has gone.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  static std::shared_ptr<UnaryCall> Create();

  // Takes over what belongs to an admitted call and sets its deadline within `bounds`. gRPC keeps a deadline that
  // the client has set; one that is nearer than that is kept here. `context`: of the call.
  void Begin(Admission admission, const CallGateOptions& bounds, grpc::CallbackServerContext* context);
  const CallInfo& info() const { return admission_.call; }
  const std::string& authorization() const { return admission_.authorization; }

  // Whether it has been answered, or nobody waits for it any more.
  bool ended() const { return ended_.load(); }
  // Runs `hook` once when the call ends, whatever ends it, or now if it has ended: on any thread, and it must not
  // block.
  void OnEnd(std::function<void()> hook);

  // The first to come ends the call: if `status` is OK, `fill` writes the response before it is sent. Whoever comes
  // later does nothing.
  void End(const absl::Status& status, const std::function<void()>& fill);
  // Within `fill`, of an admitted call: sends this after the response.
  void AddTrailer(const char* key, const std::string& value);

 private:
  UnaryCall() = default;
  void RunHooks();
  void OnCancel() override;
  void OnDone() override;

  std::shared_ptr<UnaryCall> self_;  // gRPC's share in the life of this; the others are those of replies
  std::atomic<bool> ended_ = false;
  Admission admission_;
  grpc::CallbackServerContext* context_ = nullptr;  // valid until the call ends
  std::optional<grpc::Alarm> alarm_;
  Mutex hooks_mutex_;
  std::vector<std::function<void()>> hooks_ TRIBUTARY_GUARDED_BY(hooks_mutex_);
  bool hooks_have_run_ TRIBUTARY_GUARDED_BY(hooks_mutex_) = false;
};

// The right to answer one call: once, from any thread, now or later. Cheap to copy; all copies stand for the same
// call. If the last copy goes without an answer, the call ends with INTERNAL, so that no client hangs.
template <typename Response>
class Reply {
 public:
  Reply(std::shared_ptr<UnaryCall> call, Response* response)
      : pending_(std::make_shared<Pending>(std::move(call), response)) {}

  // Does nothing if the call has ended (answered, past its deadline, client gone).
  void operator()(absl::StatusOr<Response> result) const {
    pending_->call->End(result.status(), [&] { Fill(*std::move(result)); });
  }
  // The same, with one piece of trailing metadata.
  void SendWithTrailer(Response response, const char* key, const std::string& value) const {
    pending_->call->End(absl::OkStatus(), [&] {
      Fill(std::move(response));
      pending_->call->AddTrailer(key, value);
    });
  }

  // The call itself: who asks, and when it ends.
  const std::shared_ptr<UnaryCall>& call() const { return pending_->call; }

 private:
  void Fill(Response response) const {
    *pending_->response = std::move(response);
    if (!SeesPersonal(pending_->call->info().principal.role)) MaskPersonal(*pending_->response);
  }

  struct Pending {
    Pending(std::shared_ptr<UnaryCall> of, Response* into) : call(std::move(of)), response(into) {}
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;
    ~Pending() { call->End(absl::InternalError("the call's handler gave no answer"), nullptr); }
    std::shared_ptr<UnaryCall> call;
    Response* response;  // valid until the call ends
  };
  std::shared_ptr<Pending> pending_;
};

// Serves one unary call: admits it by `gate` and `rule`, sees to its deadline, and runs
//   handler(const CallInfo&, const Request&, Reply<Response>)
// on gRPC's thread. The handler must not block; `Request` and `CallInfo` are valid until it returns (copy what is
// needed later), the reply until it is used. Of an answer to a role that sees no personal data such fields are masked
// (masking.h). A status that is not OK is sent with its details (status.h).
// Metrics per call are the Server's.
template <typename Request, typename Response, typename Handler>
grpc::ServerUnaryReactor* Handle(const CallGate& gate, grpc::CallbackServerContext* context, const Request* request,
                                 Response* response, AccessRule rule, Handler&& handler) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Create();
  Reply<Response> reply(call, response);
  absl::StatusOr<Admission> admission = gate.Admit(*context, rule);
  if (!admission.ok()) {
    reply(admission.status());
    return call.get();
  }
  call->Begin(*std::move(admission), gate.options(), context);
  std::forward<Handler>(handler)(call->info(), *request, std::move(reply));
  return call.get();
}

}  // namespace tributary::rpc
