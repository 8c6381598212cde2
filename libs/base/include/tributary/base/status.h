// Status macros, and errors that name a machine-readable reason, the field and the mend.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "fmt/format.h"

namespace tributary {

// Debian's absl::string_view is a type of its own; this is the one place that converts.
inline absl::string_view ToAbsl(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view FromAbsl(absl::string_view s) { return {s.data(), s.size()}; }

// What a caller can act on without reading the message.
struct ErrorDetail {
  std::string reason;  // UPPER_SNAKE_CASE, stable, e.g. "EVENT_TOO_FAR_IN_FUTURE"
  std::string field;   // path in the request, e.g. "events[3].occurred_at"; empty if none
  std::string mend;    // what to do about it, in a sentence; no personal values
};

// `status` with `detail` attached. An OK status is returned unchanged.
absl::Status WithDetail(absl::Status status, const ErrorDetail& detail);
// The detail attached to `status`, or nothing.
std::optional<ErrorDetail> DetailOf(const absl::Status& status);

// Shorthand: a status whose message is "<field>: <what>. <mend>" and whose detail says the same.
absl::Status FieldError(absl::StatusCode code, std::string_view reason, std::string_view field, std::string_view what,
                        std::string_view mend);
inline absl::Status InvalidField(std::string_view reason, std::string_view field, std::string_view what,
                                 std::string_view mend) {
  return FieldError(absl::StatusCode::kInvalidArgument, reason, field, what, mend);
}

// `status` with "<context>: " before its message; code and details are kept.
absl::Status Annotate(const absl::Status& status, std::string_view context);

}  // namespace tributary

#define TRIBUTARY_CONCAT_INNER(a, b) a##b
#define TRIBUTARY_CONCAT(a, b) TRIBUTARY_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expr` is not OK.
#define TRIBUTARY_RETURN_IF_ERROR(expr)                \
  do {                                                 \
    if (absl::Status _s = (expr); !_s.ok()) return _s; \
  } while (false)

// `lhs` = value of the StatusOr `expr`, or returns its status from the enclosing function.
#define TRIBUTARY_ASSIGN_OR_RETURN(lhs, expr) \
  TRIBUTARY_ASSIGN_OR_RETURN_IMPL(TRIBUTARY_CONCAT(_statusor_, __LINE__), lhs, expr)
#define TRIBUTARY_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                    \
  if (!tmp.ok()) return std::move(tmp).status();        \
  lhs = std::move(tmp).value()
