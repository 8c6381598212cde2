// A bidirectional stream as its handler sees it: admitted like every call, one message read at a time, answers sent in
// order, one end.
//
//   class Chat final : public rpc::BidiStream<ChatRequest, ChatResponse> {
//     void OnOpened() override { Read(); }
//     void OnMessage(ChatRequest message) override { Send(AnswerTo(message)); Read(); }
//     void OnHalfClosed() override { End(absl::OkStatus()); }
//   };
//   ... return rpc::Serve(gate_, context, AccessRule::AnyRole(), std::make_shared<Chat>());
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
#include "tributary/rpc/status.h"

namespace tributary::rpc {

// Made with std::make_shared. gRPC holds a share in it until the call is over; whoever works for it may hold others,
// and then everything but the hooks may still be called and does nothing.
//
// Flow control is the handler's: nothing is read that it did not ask for, and what it sends waits here until the client
// takes it, so that it should ask for more only when enough was sent (OnSent).
template <typename Request, typename Response>
class BidiStream : public grpc::ServerBidiReactor<Request, Response>,
                   public std::enable_shared_from_this<BidiStream<Request, Response>> {
 public:
  // Asks for the next message: OnMessage() or OnHalfClosed() follows. Asking again before that is asking once.
  void Read() {
    {
      const MutexLock lock(mutex_);
      if (!reading_) wants_read_ = true;
    }
    Flush();
  }
  // After what was sent before. Dropped once the client has gone or End() was called.
  void Send(Response response) {
    Enqueue(std::move(response));
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

 protected:
  // Hooks, on threads of gRPC; they must not block. OnOpened() comes first; OnMessage() and OnHalfClosed() never come
  // at once, nor does OnSent() with itself.

  virtual void OnOpened() = 0;
  virtual void OnMessage(Request message) = 0;
  // The client will send no more. End() is left to the handler.
  virtual void OnHalfClosed() = 0;
  // One more answer has left.
  virtual void OnSent() {}
  // The client has gone, or its deadline is over: nothing more reaches it. May come at any time after OnOpened(), once.
  virtual void OnGone() {}

  // Send() in two: the first may be called under a lock of the handler's, which keeps answers of several threads in
  // order. The hooks may run within the second, as within Read(), Send() and End(): no lock that they take may be held.
  void Enqueue(Response response) {
    const MutexLock lock(mutex_);
    if (gone_ || end_.has_value()) return;
    outbox_.push_back(std::move(response));
  }
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
        case Step::kRead:
          this->StartRead(&incoming_);
          break;
        case Step::kWrite:
          this->StartWrite(outgoing_);
          break;
        case Step::kFinish:
          this->Finish(ToGrpc(*end_));
          return;  // flushing_ stays: nothing may be started any more
      }
    }
  }

  // From OnOpened() on.
  const CallInfo& call() const { return admission_.call; }

 private:
  template <typename Req, typename Resp>
  friend grpc::ServerBidiReactor<Req, Resp>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                                   AccessRule rule, std::shared_ptr<BidiStream<Req, Resp>> stream);

  enum class Step { kNone, kRead, kWrite, kFinish };

  Step NextStep() {
    const MutexLock lock(mutex_);
    if (!writing_ && !outbox_.empty()) {
      writing_ = true;
      outgoing_ = &outbox_.front();
      return Step::kWrite;
    }
    if (!writing_ && end_.has_value()) return Step::kFinish;
    if (wants_read_ && !delivering_ && !end_.has_value()) {
      wants_read_ = false;
      reading_ = true;
      return Step::kRead;
    }
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

  void OnReadDone(bool ok) final {
    Request message;
    bool ended;
    {
      const MutexLock lock(mutex_);
      reading_ = false;
      delivering_ = true;
      message = std::move(incoming_);
      incoming_ = Request();
      ended = end_.has_value();
    }
    if (!ended) {
      if (ok) {
        OnMessage(std::move(message));
      } else {
        OnHalfClosed();
      }
    }
    {
      const MutexLock lock(mutex_);
      delivering_ = false;
    }
    Flush();
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

  std::shared_ptr<BidiStream> self_;  // gRPC's share
  Admission admission_;
  Request incoming_;                    // of the read that is under way
  const Response* outgoing_ = nullptr;  // of the write that is under way
  Mutex mutex_;
  std::deque<Response> outbox_ TRIBUTARY_GUARDED_BY(mutex_);  // the first is being written, if one is
  std::optional<absl::Status> end_;                           // set once
  bool wants_read_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool reading_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool delivering_ TRIBUTARY_GUARDED_BY(mutex_) = false;  // the hook of what was read runs
  bool writing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool flushing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool gone_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

// Admits `stream`'s call by `gate` and `rule` and hands it to gRPC; a call that is not admitted ends with the gate's
// error and runs no hook. To be returned from the service's method.
template <typename Request, typename Response>
grpc::ServerBidiReactor<Request, Response>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                                  AccessRule rule,
                                                  std::shared_ptr<BidiStream<Request, Response>> stream) {
  stream->self_ = stream;
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
