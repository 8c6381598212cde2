// A stream of answers to one request as its handler sees it: admitted like every call, answers sent in order and masked
// by role, one end.
//
//   class Ticker final : public rpc::ServerStream<TickResponse> {
//     void OnOpened() override { Send(Tick()); }
//     void OnSent() override { Send(Tick()); }
//   };
//   ... return rpc::Serve(gate_, context, AccessRule::AnyRole(), std::make_shared<Ticker>());
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "tributary/base/mutex.h"
#include "tributary/rpc/call.h"
#include "tributary/rpc/masking.h"
#include "tributary/rpc/status.h"

namespace tributary::rpc {

// Made with std::make_shared. gRPC holds a share in it until the call is over; whoever works for it may hold others,
// and then everything but the hooks may still be called and does nothing. What is sent waits here until the client
// takes it, so that a handler should send more only when enough has left (OnSent).
template <typename Response>
class ServerStream : public grpc::ServerWriteReactor<Response>,
                     public std::enable_shared_from_this<ServerStream<Response>> {
 public:
  // After what was sent before. Of an answer to a role that sees no personal data such fields are masked. Dropped once
  // the client has gone or End() was called. The hooks may run within, as within End(): no lock that they take may be
  // held.
  void Send(Response response) {
    if (!SeesPersonal(admission_.call.principal.role)) MaskPersonal(response);
    {
      const MutexLock lock(mutex_);
      if (gone_ || end_.has_value()) return;
      outbox_.push_back(std::move(response));
    }
    Flush();
  }
  // Ends the call with `status`, details and all, after what was sent before. The first counts.
  void End(absl::Status status) {
    {
      const MutexLock lock(mutex_);
      if (!end_.has_value()) end_ = std::move(status);
    }
    Flush();
  }
  // Whether the call would be admitted now: a stream may outlive its credential. Cancelled once it has ended.
  absl::Status Recheck() {
    // Under the lock: until the end is set gRPC keeps the context.
    const MutexLock lock(mutex_);
    if (end_.has_value()) return absl::CancelledError("the stream has ended");
    const absl::Status still = gate_->Admit(*context_, rule_).status();
    // A busy gate is no reason to end it.
    return absl::IsResourceExhausted(still) || absl::IsUnavailable(still) ? absl::OkStatus() : still;
  }

 protected:
  // Hooks, on threads of gRPC or of whoever sends; they must not block. OnOpened() comes first; OnSent() never comes at
  // once with itself.

  virtual void OnOpened() = 0;
  // One more answer has left.
  virtual void OnSent() {}
  // The client has gone, or its deadline is over: nothing more reaches it. May come at any time after OnOpened(), once.
  virtual void OnGone() {}

  // From OnOpened() on.
  const CallInfo& call() const { return admission_.call; }

 private:
  template <typename Resp>
  friend grpc::ServerWriteReactor<Resp>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                               AccessRule rule, std::shared_ptr<ServerStream<Resp>> stream);

  enum class Step { kNone, kWrite, kFinish };

  // One thread at a time starts operations, without the lock: gRPC may run their reactions within.
  void Flush() {
    const auto keep = this->shared_from_this();
    {
      const MutexLock lock(mutex_);
      if (flushing_) return;  // whoever does looks again
      flushing_ = true;
    }
    for (;;) {
      switch (NextStep()) {
        case Step::kNone:
          return;
        case Step::kWrite:
          this->StartWrite(outgoing_);
          break;
        case Step::kFinish:
          this->Finish(ToGrpc(*end_));
          return;  // flushing_ stays: nothing may be started any more
      }
    }
  }

  Step NextStep() {
    const MutexLock lock(mutex_);
    if (!writing_ && !outbox_.empty()) {
      writing_ = true;
      outgoing_ = &outbox_.front();
      return Step::kWrite;
    }
    if (!writing_ && end_.has_value()) return Step::kFinish;
    flushing_ = false;
    return Step::kNone;
  }

  // True for the first who notices.
  bool Lose() {
    const MutexLock lock(mutex_);
    // What is being written stays until gRPC is done with it.
    outbox_.resize(writing_ ? 1 : 0);
    if (!end_.has_value()) end_ = absl::CancelledError("the client has gone");
    return !std::exchange(gone_, true);
  }

  void OnWriteDone(bool ok) final {
    {
      const MutexLock lock(mutex_);
      writing_ = false;
      outbox_.pop_front();
    }
    if (ok) {
      OnSent();
    } else if (Lose()) {
      OnGone();
    }
    Flush();
  }

  void OnCancel() final {
    if (Lose()) OnGone();
    Flush();
  }

  void OnDone() final { self_.reset(); }

  std::shared_ptr<ServerStream> self_;  // gRPC's share
  const CallGate* gate_ = nullptr;
  grpc::CallbackServerContext* context_ = nullptr;
  AccessRule rule_ = AccessRule::AdminOnly();
  Admission admission_;
  const Response* outgoing_ = nullptr;  // of the write that is under way
  Mutex mutex_;
  std::deque<Response> outbox_ TRIBUTARY_GUARDED_BY(mutex_);  // the first is being written, if one is
  std::optional<absl::Status> end_;                           // set once
  bool writing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool flushing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool gone_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

// Admits `stream`'s call by `gate` and `rule` and hands it to gRPC; a call that is not admitted ends with the gate's
// error and runs no hook. To be returned from the service's method. `gate` must outlive the call.
template <typename Response>
grpc::ServerWriteReactor<Response>* Serve(const CallGate& gate, grpc::CallbackServerContext* context, AccessRule rule,
                                          std::shared_ptr<ServerStream<Response>> stream) {
  stream->self_ = stream;
  stream->gate_ = &gate;
  stream->context_ = context;
  stream->rule_ = rule;
  absl::StatusOr<Admission> admission = gate.Admit(*context, rule);
  if (!admission.ok()) {
    stream->End(admission.status());
  } else {
    stream->admission_ = *std::move(admission);
    stream->OnOpened();
  }
  return stream.get();
}

}  // namespace tributary::rpc
