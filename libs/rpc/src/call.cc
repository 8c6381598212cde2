#include "tributary/rpc/call.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "tributary/base/clock.h"
#include "tributary/base/status.h"
#include "tributary/rpc/router.h"
#include "tributary/rpc/status.h"

namespace tributary::rpc {
namespace {

// The only value of `key` in the request's metadata; nothing if there is none or more than one.
std::optional<std::string_view> Metadata(const grpc::CallbackServerContext& context, const char* key) {
  const auto [first, last] = context.client_metadata().equal_range(key);
  if (first == last || std::next(first) != last) return std::nullopt;
  return std::string_view(first->second.data(), first->second.size());
}

// version-traceid-parentid-flags, lower-case hexadecimal: 00-<32>-<16>-<2>.
bool IsTraceparent(std::string_view text) {
  if (text.size() != 55) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 2 || i == 35 || i == 52;
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    if (dash ? text[i] != '-' : !hex) return false;
  }
  return true;
}

// What a forwarded call is asked for: "3,17".
absl::StatusOr<std::vector<int32_t>> PartitionsOf(const grpc::CallbackServerContext& context) {
  std::vector<int32_t> partitions;
  const std::string_view text = Metadata(context, kPartitionsHeader).value_or("");
  if (text.empty()) return partitions;
  for (const absl::string_view one : absl::StrSplit(ToAbsl(text), ',')) {
    int32_t partition = 0;
    const bool rises = absl::SimpleAtoi(one, &partition) && partition > (partitions.empty() ? -1 : partitions.back());
    if (!rises || partitions.size() == static_cast<size_t>(kMaxScatterPartitions)) {
      return InvalidField("PARTITIONS_MALFORMED", kPartitionsHeader,
                          fmt::format("is no list of at most {} rising numbers", kMaxScatterPartitions),
                          "Leave it away: it is for calls between instances");
    }
    partitions.push_back(partition);
  }
  return partitions;
}

}  // namespace

CallGate::CallGate(const CredentialVerifier& verifier, const CallGateOptions& options)
    : verifier_(verifier), options_(options), in_flight_(std::make_shared<std::atomic<int64_t>>(0)) {}

absl::StatusOr<Admission> CallGate::Admit(const grpc::CallbackServerContext& context, AccessRule rule) const {
  Admission admission;
  const int64_t others = in_flight_->fetch_add(1);
  admission.slot = CallSlot(in_flight_.get(), [count = in_flight_](void*) { count->fetch_sub(1); });
  if (others >= options_.max_in_flight) {
    return FieldError(absl::StatusCode::kResourceExhausted, "TOO_MANY_CALLS", "",
                      fmt::format("{} calls are running already", options_.max_in_flight), "Try again later");
  }
  const std::optional<std::string_view> authorization = Metadata(context, "authorization");
  TRIBUTARY_ASSIGN_OR_RETURN(const std::string_view secret, BearerSecret(authorization));
  TRIBUTARY_ASSIGN_OR_RETURN(admission.call.principal, verifier_.Verify(secret));
  TRIBUTARY_RETURN_IF_ERROR(rule.Check(admission.call.principal));
  // gRPC gives "no deadline" as the largest time of its type.
  const auto deadline = context.deadline();
  admission.call.deadline = deadline == decltype(deadline)::max() ? absl::InfiniteFuture() : absl::FromChrono(deadline);
  admission.authorization = *authorization;
  admission.call.forwarded = Metadata(context, kHopHeader).has_value();
  if (admission.call.forwarded) {
    TRIBUTARY_ASSIGN_OR_RETURN(admission.call.partitions, PartitionsOf(context));
  }
  const std::string_view traceparent = Metadata(context, "traceparent").value_or("");
  if (IsTraceparent(traceparent)) admission.call.traceparent = traceparent;
  return admission;
}

std::shared_ptr<UnaryCall> UnaryCall::Create() {
  std::shared_ptr<UnaryCall> call(new UnaryCall());
  call->self_ = call;
  return call;
}

void UnaryCall::Begin(Admission admission, const CallGateOptions& bounds, grpc::CallbackServerContext* context) {
  admission_ = std::move(admission);
  context_ = context;
  absl::Time& deadline = admission_.call.deadline;
  const absl::Time now = SystemClock().Now();
  const bool stated = deadline != absl::InfiniteFuture();
  const absl::Time bound = now + (stated ? bounds.max_deadline : bounds.default_deadline);
  if (deadline <= bound) return;
  deadline = bound;
  // Weak, for the alarm belongs to this.
  alarm_.emplace();
  alarm_->Set(absl::ToChronoTime(bound), [weak = std::weak_ptr<UnaryCall>(self_)](bool fired) {
    const std::shared_ptr<UnaryCall> call = weak.lock();
    if (fired && call != nullptr) call->End(absl::DeadlineExceededError("the call took too long"), nullptr);
  });
}

void UnaryCall::End(const absl::Status& status, const std::function<void()>& fill) {
  if (ended_.exchange(true)) return;
  if (alarm_.has_value()) alarm_->Cancel();
  if (status.ok()) fill();
  Finish(ToGrpc(status));
  RunHooks();
}

void UnaryCall::OnEnd(std::function<void()> hook) {
  {
    const MutexLock lock(hooks_mutex_);
    if (!hooks_have_run_) return hooks_.push_back(std::move(hook));
  }
  hook();
}

void UnaryCall::RunHooks() {
  std::vector<std::function<void()>> hooks;
  {
    const MutexLock lock(hooks_mutex_);
    hooks_have_run_ = true;
    hooks.swap(hooks_);
  }
  for (const std::function<void()>& hook : hooks) hook();
}

void UnaryCall::AddTrailer(const char* key, const std::string& value) { context_->AddTrailingMetadata(key, value); }

void UnaryCall::OnCancel() {
  // gRPC cancels both at the client's deadline and when the client goes away.
  const bool late = SystemClock().Now() >= admission_.call.deadline;
  End(late ? absl::DeadlineExceededError("the call took too long") : absl::CancelledError("the client has gone"),
      nullptr);
}

void UnaryCall::OnDone() { self_.reset(); }

}  // namespace tributary::rpc
