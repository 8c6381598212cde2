// A bidirectional stream as its handler sees it: admitted like every call, one message read at a time, answers sent in
// order, one end.
//
//   class Chat final : public rpc::BidiStream<ChatRequest, ChatResponse> {
//     void OnOpened() override { Read(); }
//     void OnMessage(rpc::Received<ChatRequest> message) override { Send(AnswerTo(*message)); Read(); }
//     void OnHalfClosed() override { End(absl::OkStatus()); }
//   };
//   ... return rpc::Serve(gate_, context, AccessRule::AnyRole(), std::make_shared<Chat>());
#pragma once

#include <memory>
#include <utility>

#include "google/protobuf/arena.h"
#include "tributary/rpc/response_stream.h"

namespace tributary::rpc {

// A message that was read, on an arena of its own: large ones are read and freed at a fraction of the cost. May be
// changed in place; what is moved out of it is copied. Movable; empty after that.
template <typename Message>
class Received {
 public:
  Received() : arena_(std::make_unique<google::protobuf::Arena>(Options())) {
    message_ = google::protobuf::Arena::CreateMessage<Message>(arena_.get());
  }
  Message& operator*() const { return *message_; }
  Message* operator->() const { return message_; }
  Message* get() const { return message_; }

 private:
  static google::protobuf::ArenaOptions Options() {
    google::protobuf::ArenaOptions options;
    options.start_block_size = 4 << 10;
    options.max_block_size = 256 << 10;
    return options;
  }

  std::unique_ptr<google::protobuf::Arena> arena_;
  Message* message_;
};

// Flow control is the handler's: nothing is read that it did not ask for, and what it sends waits here until the client
// takes it, so that it should ask for more only when enough was sent (OnSent).
template <typename Request, typename Response>
class BidiStream : public ResponseStream<grpc::ServerBidiReactor<Request, Response>, Response> {
 public:
  // Asks for the next message: OnMessage() or OnHalfClosed() follows. Asking again before that is asking once.
  void Read() {
    {
      const MutexLock lock(this->mutex_);
      if (!reading_) wants_read_ = true;
    }
    this->Flush();
  }
  // After what was sent before. Dropped once the client has gone or End() was called.
  void Send(Response response) {
    this->Enqueue(std::move(response));
    this->Flush();
  }

 protected:
  // More hooks, never at once with each other.

  virtual void OnMessage(Received<Request> message) = 0;
  // The client will send no more. End() is left to the handler.
  virtual void OnHalfClosed() = 0;

 private:
  template <typename Req, typename Resp>
  friend grpc::ServerBidiReactor<Req, Resp>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                                   AccessRule rule, std::shared_ptr<BidiStream<Req, Resp>> stream);

  bool TakeRead() final TRIBUTARY_REQUIRES(this->mutex_) {
    if (!wants_read_ || delivering_) return false;
    wants_read_ = false;
    reading_ = true;
    return true;
  }

  void StartReading() final {
    incoming_ = Received<Request>();
    this->StartRead(incoming_.get());
  }

  void OnReadDone(bool ok) final {
    Received<Request> message = std::move(incoming_);
    bool ended;
    {
      const MutexLock lock(this->mutex_);
      reading_ = false;
      delivering_ = true;
      ended = this->end_.has_value();
    }
    if (!ended) {
      if (ok) {
        OnMessage(std::move(message));
      } else {
        OnHalfClosed();
      }
    }
    {
      const MutexLock lock(this->mutex_);
      delivering_ = false;
    }
    this->Flush();
  }

  Received<Request> incoming_;  // of the read that is under way
  bool wants_read_ TRIBUTARY_GUARDED_BY(this->mutex_) = false;
  bool reading_ TRIBUTARY_GUARDED_BY(this->mutex_) = false;
  bool delivering_ TRIBUTARY_GUARDED_BY(this->mutex_) = false;  // the hook of what was read runs
};

// Hands `stream` to gRPC, admitted as ResponseStream::Open() tells. To be returned from the service's method.
template <typename Request, typename Response>
grpc::ServerBidiReactor<Request, Response>* Serve(const CallGate& gate, grpc::CallbackServerContext* context,
                                                  AccessRule rule,
                                                  std::shared_ptr<BidiStream<Request, Response>> stream) {
  stream->Open(gate, context, rule);
  return stream.get();
}

}  // namespace tributary::rpc
