#include "tributary/rpc/foreign.h"

#include <array>
#include <string_view>
#include <utility>

#include "fmt/format.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "grpcpp/support/server_callback.h"
#include "tributary/base/mutex.h"
#include "tributary/base/status.h"
#include "tributary/rpc/router.h"
#include "tributary/rpc/status.h"

namespace tributary::rpc {
namespace {

using MetadataMap = std::multimap<grpc::string_ref, grpc::string_ref>;

constexpr std::array<const char*, 3> kPassedKeys = {"authorization", "traceparent", "tracestate"};

std::string TextOf(grpc::string_ref text) { return {text.data(), text.size()}; }

// What is gRPC's own is not passed on: the other side makes its own.
bool IsApplications(const grpc::string_ref& key) {
  return !key.starts_with("grpc-") && !key.starts_with(":") && key != "content-type" && key != "user-agent";
}

// Of one of our servers UNAVAILABLE always has details: without, it is gRPC's own word.
bool IsUnreachable(const grpc::Status& status) {
  return status.error_details().empty() &&
         (status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::CANCELLED);
}

// A call that ends before anything was passed on.
class Refused final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refused(const grpc::Status& status) { Finish(status); }
  void OnDone() override { delete this; }
};

}  // namespace

// Where the calls to one service go. Thread-safe.
class ForeignServices::Service {
 public:
  Service(ForeignService service, metrics::Registry* metrics)
      : name_(std::move(service.name)), instances_(std::move(service.instances)) {
    if (metrics == nullptr) return;
    const auto counter = [&](const char* outcome) {
      return metrics->GetCounter("tributary_rpc_passed_on_total", "Calls passed on to services of other processes.",
                                 {{"service", name_}, {"outcome", outcome}});
    };
    ok_ = counter("ok");
    error_ = counter("error");
    unreachable_ = counter("unreachable");
    gone_ = counter("gone");
  }

  // The next in turn of those that are connected; if none is, of those that are not known to be away.
  std::shared_ptr<grpc::Channel> Pick() {
    const size_t turn = turn_.fetch_add(1);
    std::shared_ptr<grpc::Channel> hopeful;
    for (size_t i = 0; i < instances_.size(); ++i) {
      const auto& channel = instances_[(turn + i) % instances_.size()];
      const grpc_connectivity_state state = channel->GetState(/*try_to_connect=*/true);
      if (state == GRPC_CHANNEL_READY) return channel;
      if (state != GRPC_CHANNEL_TRANSIENT_FAILURE && hopeful == nullptr) hopeful = channel;
    }
    return hopeful != nullptr ? hopeful : instances_[turn % instances_.size()];
  }

  // What the client is told of a call's end.
  grpc::Status Judge(const grpc::Status& status, bool client_gone) {
    const bool late = status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (client_gone || late) {
      gone_.Inc();
    } else if (IsUnreachable(status)) {
      unreachable_.Inc();
      return ToGrpc(FieldError(absl::StatusCode::kUnavailable, "SERVICE_UNREACHABLE", "",
                               fmt::format("no process of {} can be reached", name_), "Try again"));
    } else {
      (status.ok() ? ok_ : error_).Inc();
    }
    return status;
  }

 private:
  const std::string name_;
  const std::vector<std::shared_ptr<grpc::Channel>> instances_;
  std::atomic<size_t> turn_ = 0;
  metrics::Counter ok_, error_, unreachable_, gone_;
};

// One call: the client's stream down here, the other process's up there. Each message is read on one side and written
// on the other before the next one is read. gRPC ends the upper one first, always: by its status, which then ends the
// lower one; this goes with that.
//
// The upper one may be given work by the reactions of the lower one only as long as it is held. There are two holds:
// one for writing, until the client has half-closed or nothing can be written any more, one for reading, until there is
// nothing more to read.
class ForeignServices::Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(Service& service, std::shared_ptr<std::atomic<int64_t>> in_flight, grpc::GenericCallbackServerContext* context)
      : service_(service), in_flight_(std::move(in_flight)), down_context_(context), up_(*this) {
    for (const char* key : kPassedKeys) {
      const auto [first, last] = context->client_metadata().equal_range(key);
      for (auto it = first; it != last; ++it) up_context_.AddMetadata(key, TextOf(it->second));
    }
    up_context_.AddMetadata(kPassedHeader, "1");
    const auto deadline = context->deadline();
    if (deadline != decltype(deadline)::max()) up_context_.set_deadline(deadline);
  }

  void Start() {
    // Before the other side can end: nothing may be started on this side after Finish().
    StartRead(&request_);
    grpc::GenericStub(service_.Pick())
        .PrepareBidiStreamingCall(&up_context_, down_context_->method(), grpc::StubOptions(), &up_);
    up_.AddMultipleHolds(2);
    up_.StartCall();
  }

 private:
  class Up final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Up(Call& call) : call_(call) {}
    void OnReadInitialMetadataDone(bool ok) override { call_.UpOpened(ok); }
    void OnReadDone(bool ok) override { call_.UpRead(ok); }
    void OnWriteDone(bool ok) override { call_.UpWrote(ok); }
    void OnDone(const grpc::Status& status) override { call_.UpDone(status); }

   private:
    Call& call_;
  };

  // The client's next message has come, or there will be none.
  void OnReadDone(bool ok) override {
    {
      const MutexLock lock(mutex_);
      if (!may_write_) return;
      if (ok) {
        writing_ = true;
      } else {
        may_write_ = false;
      }
    }
    if (ok) return up_.StartWrite(&request_);
    up_.StartWritesDone();
    up_.RemoveHold();
  }

  void UpWrote(bool ok) {
    bool more;
    {
      const MutexLock lock(mutex_);
      writing_ = false;
      more = ok && !read_all_;
      if (!more) may_write_ = false;
    }
    if (more) return StartRead(&request_);
    up_.RemoveHold();
  }

  void UpOpened(bool ok) {
    if (ok) {
      for (const auto& [key, value] : up_context_.GetServerInitialMetadata()) {
        if (IsApplications(key)) down_context_->AddInitialMetadata(TextOf(key), TextOf(value));
      }
      StartSendInitialMetadata();
    }
    up_.StartRead(&response_);
  }

  void UpRead(bool ok) {
    if (ok) return StartWrite(&response_);
    ReadAll();
  }

  void OnWriteDone(bool ok) override {
    if (ok) return up_.StartRead(&response_);
    up_context_.TryCancel();
    ReadAll();
  }

  // Nothing more comes from above but the status.
  void ReadAll() {
    bool release;
    {
      const MutexLock lock(mutex_);
      read_all_ = true;
      release = may_write_ && !writing_;
      if (release) may_write_ = false;
    }
    if (release) up_.RemoveHold();
    up_.RemoveHold();
  }

  void UpDone(const grpc::Status& status) {
    for (const auto& [key, value] : up_context_.GetServerTrailingMetadata()) {
      if (IsApplications(key)) down_context_->AddTrailingMetadata(TextOf(key), TextOf(value));
    }
    Finish(service_.Judge(status, down_context_->IsCancelled()));
  }

  void OnCancel() override { up_context_.TryCancel(); }

  void OnDone() override {
    in_flight_->fetch_sub(1);
    delete this;
  }

  Service& service_;
  const std::shared_ptr<std::atomic<int64_t>> in_flight_;
  grpc::GenericCallbackServerContext* const down_context_;
  grpc::ClientContext up_context_;
  Up up_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Mutex mutex_;
  bool may_write_ TRIBUTARY_GUARDED_BY(mutex_) = true;  // the hold for writing is held
  bool writing_ TRIBUTARY_GUARDED_BY(mutex_) = false;
  bool read_all_ TRIBUTARY_GUARDED_BY(mutex_) = false;
};

ForeignServices::ForeignServices(std::vector<ForeignService> services, const ForeignOptions& options)
    : max_in_flight_(options.max_in_flight), in_flight_(std::make_shared<std::atomic<int64_t>>(0)) {
  for (ForeignService& service : services) {
    const std::string name = service.name;
    services_[name] = std::make_unique<Service>(std::move(service), options.metrics);
  }
}

ForeignServices::~ForeignServices() = default;

grpc::ServerGenericBidiReactor* ForeignServices::CreateReactor(grpc::GenericCallbackServerContext* context) {
  // "/tributary.profile.v1.ProfileService/GetProfile"
  const std::string_view method = context->method();
  const size_t slash = method.rfind('/');
  const bool named = method.starts_with('/') && slash > 0;
  const auto service = named ? services_.find(method.substr(1, slash - 1)) : services_.end();
  if (service == services_.end()) return new Refused(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, ""));
  const MetadataMap& metadata = context->client_metadata();
  if (metadata.contains(kPassedHeader) || metadata.contains(kHopHeader)) {
    return new Refused(ToGrpc(FieldError(absl::StatusCode::kUnavailable, "WRONG_PROCESS", "",
                                         fmt::format("{} is not hosted here", service->first),
                                         "Try again: the processes do not agree on who hosts it")));
  }
  if (in_flight_->fetch_add(1) >= max_in_flight_) {
    in_flight_->fetch_sub(1);
    return new Refused(
        ToGrpc(FieldError(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS", "",
                          fmt::format("{} calls are running already", max_in_flight_), "Try again later")));
  }
  auto* call = new Call(*service->second, in_flight_, context);
  call->Start();
  return call;
}

}  // namespace tributary::rpc
