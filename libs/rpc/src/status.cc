#include "tributary/rpc/status.h"

#include <string_view>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "fmt/format.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

constexpr char kRetryUrl[] = "tributary/retry-after-nanoseconds";
constexpr char kDomain[] = "tributary";

std::optional<absl::Duration> RetryAdvice(const absl::Status& status) {
  if (auto given = RetryAfterOf(status)) return given;
  const bool passing = absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
  return passing ? std::optional(kDefaultRetryAfter) : std::nullopt;
}

void AddErrorDetail(const absl::Status& status, google::rpc::Status& out) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (!detail.has_value()) return;
  google::rpc::ErrorInfo info;
  info.set_reason(detail->reason);
  info.set_domain(kDomain);
  if (!detail->field.empty()) (*info.mutable_metadata())["field"] = detail->field;
  if (!detail->mend.empty()) (*info.mutable_metadata())["mend"] = detail->mend;
  out.add_details()->PackFrom(info);
  if (absl::IsInvalidArgument(status) && !detail->field.empty()) {
    google::rpc::BadRequest bad;
    auto* violation = bad.add_field_violations();
    violation->set_field(detail->field);
    violation->set_description(detail->mend);
    out.add_details()->PackFrom(bad);
  }
}

void AddRetryInfo(const absl::Status& status, google::rpc::Status& out) {
  const std::optional<absl::Duration> delay = RetryAdvice(status);
  if (!delay.has_value()) return;
  google::rpc::RetryInfo retry;
  const int64_t nanos = absl::ToInt64Nanoseconds(*delay);
  retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
  retry.mutable_retry_delay()->set_nanos(static_cast<int32_t>(nanos % 1'000'000'000));
  out.add_details()->PackFrom(retry);
}

}  // namespace

absl::Status WithRetryAfter(absl::Status status, absl::Duration delay) {
  if (status.ok()) return status;
  status.SetPayload(kRetryUrl, absl::Cord(fmt::to_string(absl::ToInt64Nanoseconds(delay))));
  return status;
}

std::optional<absl::Duration> RetryAfterOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryUrl);
  int64_t nanos = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &nanos)) return std::nullopt;
  return absl::Nanoseconds(nanos);
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status details;
  AddErrorDetail(status, details);
  AddRetryInfo(status, details);
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
  if (details.details().empty()) return grpc::Status(code, message);
  details.set_code(static_cast<int32_t>(status.code()));
  details.set_message(message);
  return grpc::Status(code, message, details.SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  google::rpc::Status details;
  if (!details.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& any : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (any.UnpackTo(&info) && info.domain() == kDomain) {
      const auto text = [&](const char* key) {
        const auto it = info.metadata().find(key);
        return it == info.metadata().end() ? std::string() : it->second;
      };
      result = WithDetail(std::move(result), {info.reason(), text("field"), text("mend")});
    } else if (any.UnpackTo(&retry)) {
      result = WithRetryAfter(std::move(result), absl::Seconds(retry.retry_delay().seconds()) +
                                                     absl::Nanoseconds(retry.retry_delay().nanos()));
    }
  }
  return result;
}

std::string Describe(const absl::Status& status) {
  if (status.ok()) return "OK";
  std::string text = absl::StatusCodeToString(status.code());
  std::string_view message = FromAbsl(status.message());
  const std::optional<ErrorDetail> detail = DetailOf(status);
  if (detail.has_value() && !detail->reason.empty()) text += fmt::format(" ({})", detail->reason);
  if (detail.has_value() && !detail->mend.empty()) {
    // FieldError() ends its message with the mend, which gets a line of its own here.
    const std::string tail = fmt::format(". {}", detail->mend);
    if (message.ends_with(tail)) message.remove_suffix(tail.size());
  }
  text += fmt::format(": {}", message);
  if (detail.has_value() && !detail->mend.empty()) text += fmt::format("\nmend: {}", detail->mend);
  if (const auto delay = RetryAfterOf(status)) text += fmt::format("\ntry again in {}", absl::FormatDuration(*delay));
  return text;
}

}  // namespace tributary::rpc
