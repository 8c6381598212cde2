// What every stream of answers has in common, whether the client sends one request or many: answers that leave in
// order, one end, and a client that may go at any time. Use server_stream.h or bidi_stream.h.
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

// `Reactor` is gRPC's for the kind of call. Made with std::make_shared. gRPC holds a share in it until the call is
// over; whoever works for it may hold others, and then everything but the hooks may still be called and does nothing.
template <typename Reactor, typename Response>
class ResponseStream : public Reactor, public std::enable_shared_from_this<ResponseStream<Reactor, Response>> {
 public:
  // Ends the call with `status`, details and all, after what was sent before. The first counts. The hooks may run
  // within: no lock that they take may be held.
  void End(absl::Status status) {
    {
      const MutexLock lock(mutex_);
      if (!end_.has_value()) end_ = std::move(status);
    }
    Flush();
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

  // To be called under a lock of the handler's, if need be, which keeps answers of several threads in order. Dropped
  // once the client has gone or End() was called.
  void Enqueue(Response response) {
    const MutexLock lock(mutex_);
    if (gone_ || end_.has_value()) return;
    outbox_.push_back(std::move(response));
  }
  // Starts what is due, one thread at a time and without the lock: gRPC may run the reactions within, and so the hooks.
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
          StartReading();
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

  // For streams that read: whether a read is to be started now, which then follows.
  virtual bool TakeRead() TRIBUTARY_REQUIRES(mutex_) { return false; }
  virtual void StartReading() {}

  // Admits the call by `gate` and `rule`; one that is not admitted ends with the gate's error and runs no hook.
  void Open(const CallGate& gate, grpc::CallbackServerContext* context, AccessRule rule) {
    self_ = this->shared_from_this();
    absl::StatusOr<Admission> admission = gate.Admit(*context, rule);
    if (!admission.ok()) return End(admission.status());
    admission_ = *std::move(admission);
    OnOpened();
  }

  mutable Mutex mutex_;
  std::optional<absl::Status> end_;  // set once, with the lock; read without it by whoever finishes

 private:
  enum class Step { kNone, kRead, kWrite, kFinish };

  Step NextStep() {
    const MutexLock lock(mutex_);
    if (!writing_ && !outbox_.empty()) {
      writing_ = true;
      outgoing_ = &outbox_.front();
      return Step::kWrite;
    }
    if (!writing_ && end_.has_value()) return Step::kFinish;
    if (!end_.has_value() && TakeRead()) return Step::kRead;
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

  std::shared_ptr<ResponseStream> self_;  // gRPC's share
  Admission admission_;
  const Response* outgoing_ = nullptr;                        // of the write that is under way
  std::deque<Response> outbox_ TRIBUTARY_GUARDED_BY(mutex_);  // the first is being written, if one is
  bool writing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool flushing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool gone_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

}  // namespace tributary::rpc
