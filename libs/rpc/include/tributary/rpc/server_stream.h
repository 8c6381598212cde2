// A stream of answers to one request as its handler sees it: admitted like every call, answers sent in order and masked
// by role, one end.
//
//   class Ticker final : public rpc::ServerStream<TickResponse> {
//     void OnOpened() override { Send(Tick()); }
//     void OnSent() override { Send(Tick()); }
//   };
//   ... return rpc::Serve(gate_, context, AccessRule::AnyRole(), std::make_shared<Ticker>());
#pragma once

#include <memory>
#include <utility>

#include "tributary/rpc/masking.h"
#include "tributary/rpc/response_stream.h"

namespace tributary::rpc {

// What is sent waits here until the client takes it, so that a handler should send more only when enough has left
// (OnSent).
template <typename Response>
class ServerStream : public ResponseStream<grpc::ServerWriteReactor<Response>, Response> {
 public:
  // After what was sent before. Of an answer to a role that sees no personal data such fields are masked. Dropped once
  // the client has gone or End() was called. The hooks may run within, as within End(): no lock that they take may be
  // held.
  void Send(Response response) {
    if (!SeesPersonal(this->call().principal.role)) MaskPersonal(response);
    this->Enqueue(std::move(response));
    this->Flush();
  }
  // Whether the call would be admitted now: a stream may outlive its credential. Cancelled once it has ended.
  absl::Status Recheck() {
    // Under the lock: until the end is set gRPC keeps the context.
    const MutexLock lock(this->mutex_);
    if (this->end_.has_value()) return absl::CancelledError("the stream has ended");
    const absl::Status still = gate_->Admit(*context_, rule_).status();
    // A busy gate is no reason to end it.
    return absl::IsResourceExhausted(still) || absl::IsUnavailable(still) ? absl::OkStatus() : still;
  }

 private:
  template <typename Resp>
  friend grpc::ServerWriteReactor<Resp>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                               AccessRule rule, std::shared_ptr<ServerStream<Resp>> stream);

  const CallGate* gate_ = nullptr;
  grpc::CallbackServerContext* context_ = nullptr;
  AccessRule rule_ = AccessRule::AdminOnly();
};

// Hands `stream` to gRPC, admitted as ResponseStream::Open() tells. To be returned from the service's method. `gate`
// must outlive the call.
template <typename Response>
grpc::ServerWriteReactor<Response>* Serve(const CallGate& gate, grpc::CallbackServerContext* context, AccessRule rule,
                                          std::shared_ptr<ServerStream<Response>> stream) {
  stream->gate_ = &gate;
  stream->context_ = context;
  stream->rule_ = rule;
  stream->Open(gate, context, rule);
  return stream.get();
}

}  // namespace tributary::rpc
