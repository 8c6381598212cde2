#include "tributary/base/status.h"

#include "absl/strings/cord.h"

namespace tributary {
namespace {

constexpr char kDetailUrl[] = "tributary/error-detail";
// Between the parts of a serialised detail; cannot occur in any of them.
constexpr char kSeparator = '\x1f';

}  // namespace

absl::Status WithDetail(absl::Status status, const ErrorDetail& detail) {
  if (status.ok()) return status;
  status.SetPayload(kDetailUrl, absl::Cord(fmt::format("{}{}{}{}{}", detail.reason, kSeparator, detail.field,
                                                       kSeparator, detail.mend)));
  return status;
}

std::optional<ErrorDetail> DetailOf(const absl::Status& status) {
  auto payload = status.GetPayload(kDetailUrl);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const size_t first = text.find(kSeparator);
  const size_t second = text.find(kSeparator, first + 1);
  return ErrorDetail{text.substr(0, first), text.substr(first + 1, second - first - 1), text.substr(second + 1)};
}

absl::Status FieldError(absl::StatusCode code, std::string_view reason, std::string_view field, std::string_view what,
                        std::string_view mend) {
  std::string message = field.empty() ? std::string(what) : fmt::format("{}: {}", field, what);
  if (!mend.empty()) message += fmt::format(". {}", mend);
  return WithDetail(absl::Status(code, message), {std::string(reason), std::string(field), std::string(mend)});
}

absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), fmt::format("{}: {}", context, FromAbsl(status.message())));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) { result.SetPayload(url, value); });
  return result;
}

}  // namespace tributary
