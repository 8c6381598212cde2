#include "tributary/rpc/route.h"

#include <algorithm>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"
#include "tributary/rpc/status.h"

namespace tributary::rpc {
namespace {

using google::protobuf::Message;
using google::protobuf::MessageLite;

constexpr char kWrongOwner[] = "WRONG_OWNER";

// One call to another instance, as long as it runs.
struct Hop {
  grpc::ClientContext context;
  std::shared_ptr<Message> response;
};

// Of an answer of one of our servers UNAVAILABLE always has details: without, it is gRPC's own word. CANCELLED is a
// server's that cuts its calls off.
bool IsUnreachable(const grpc::Status& status) {
  return status.error_details().empty() &&
         (status.error_code() == grpc::StatusCode::UNAVAILABLE || status.error_code() == grpc::StatusCode::CANCELLED);
}

std::string TrailerOf(const grpc::ClientContext& context) {
  const auto& trailers = context.GetServerTrailingMetadata();
  const auto it = trailers.find(kMissingTrailer);
  return it == trailers.end() ? std::string() : std::string(it->second.data(), it->second.size());
}

void Prepare(const UnaryCall& caller, const std::vector<int32_t>& partitions, grpc::ClientContext& context) {
  const CallInfo& call = caller.info();
  context.AddMetadata(kHopHeader, "1");
  context.AddMetadata("authorization", caller.authorization());
  if (!call.traceparent.empty()) context.AddMetadata("traceparent", call.traceparent);
  if (!partitions.empty()) context.AddMetadata(kPartitionsHeader, fmt::format("{}", fmt::join(partitions, ",")));
  if (call.deadline != absl::InfiniteFuture()) {
    context.set_deadline(absl::ToChronoTime(call.deadline - SendMargin(call.deadline)));
  }
}

}  // namespace

std::string Place::ToString() const { return fmt::format("{}/{}", log, partition); }

absl::Status WrongOwner(const Place& place) {
  return WithRetryAfter(FieldError(absl::StatusCode::kUnavailable, kWrongOwner, "",
                                   fmt::format("{} is not this instance's", place.ToString()),
                                   "Try again: the instances do not agree yet on who owns it"),
                        kDefaultRetryAfter);
}

absl::Duration SendMargin(absl::Time deadline) {
  const absl::Duration left = std::max(deadline - SystemClock().Now(), absl::ZeroDuration());
  return std::min(left / 10, absl::Milliseconds(100) + left / 50);
}

Routes::Routes(std::string_view service, const Router& router, metrics::Registry* metrics)
    : router_(router),
      service_(service),
      descriptor_(google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service_)) {
  if (metrics == nullptr) return;
  const auto forwarded = [&](const char* outcome) {
    return metrics->GetCounter("tributary_rpc_forwarded_total", "Calls sent on to the owner of their partition.",
                               {{"service", service_}, {"outcome", outcome}});
  };
  forwarded_ = {.ok = forwarded("ok"),
                .error = forwarded("error"),
                .wrong_owner = forwarded("wrong_owner"),
                .unreachable = forwarded("unreachable"),
                .gone = forwarded("gone")};
  refused_ = metrics->GetCounter("tributary_rpc_wrong_owner_total",
                                 "Calls sent here by another instance for a partition that is not ours.",
                                 {{"service", service_}});
}

absl::Status Routes::Refuse(const Place& place) const {
  metrics::Counter(refused_).Inc();
  return WrongOwner(place);
}

std::string Routes::MethodOf(const Message& request, const Message& response) const {
  const google::protobuf::MethodDescriptor* found = nullptr;
  for (int i = 0; descriptor_ != nullptr && i < descriptor_->method_count(); ++i) {
    const google::protobuf::MethodDescriptor* method = descriptor_->method(i);
    if (method->client_streaming() || method->server_streaming()) continue;
    if (method->input_type() != request.GetDescriptor() || method->output_type() != response.GetDescriptor()) continue;
    if (found != nullptr) return "";
    found = method;
  }
  return found == nullptr ? "" : fmt::format("/{}/{}", service_, found->name());
}

void Routes::Send(const std::shared_ptr<UnaryCall>& caller, const Owner& owner, const Question& question,
                  const Message& request, const std::shared_ptr<Message>& response, Done done) const {
  const std::string method = MethodOf(request, *response);
  if (method.empty()) {
    return done(absl::InternalError(fmt::format("{} has not one unary method from {} to {}", service_,
                                                request.GetTypeName(), response->GetTypeName())),
                "");
  }
  const auto hop = std::make_shared<Hop>();
  hop->response = response;
  Prepare(*caller, question.partitions, hop->context);
  caller->OnEnd([weak = std::weak_ptr<Hop>(hop)] {
    if (const std::shared_ptr<Hop> running = weak.lock(); running != nullptr) running->context.TryCancel();
  });
  grpc::TemplatedGenericStub<MessageLite, MessageLite>(owner.remote)
      .UnaryCall(&hop->context, method, grpc::StubOptions(), &request, response.get(),
                 [hop, caller, what = question.what, ordinal = owner.ordinal, counters = forwarded_,
                  done = std::move(done)](const grpc::Status& status) mutable {
                   if (caller->ended()) {
                     counters.gone.Inc();
                     return done(absl::CancelledError("the caller has gone"), "");
                   }
                   if (status.ok()) {
                     counters.ok.Inc();
                     return done(absl::OkStatus(), TrailerOf(hop->context));
                   }
                   if (IsUnreachable(status)) {
                     counters.unreachable.Inc();
                     return done(FieldError(absl::StatusCode::kUnavailable, "OWNER_UNREACHABLE", "",
                                            fmt::format("{}: instance {}, its owner, cannot be reached", what, ordinal),
                                            "Try again"),
                                 "");
                   }
                   absl::Status error = FromGrpc(status);
                   const bool wrong = DetailOf(error).value_or(ErrorDetail{}).reason == kWrongOwner;
                   if (absl::IsDeadlineExceeded(error)) {
                     counters.gone.Inc();
                   } else {
                     (wrong ? counters.wrong_owner : counters.error).Inc();
                   }
                   done(error, "");
                 });
}

}  // namespace tributary::rpc
