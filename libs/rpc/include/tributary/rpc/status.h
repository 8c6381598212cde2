// absl::Status on our side, grpc::Status with google.rpc details on the wire, and nothing lost between them.
#pragma once

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/support/status.h"

namespace tributary::rpc {

// `status` with the advice to try again no sooner than after `delay` (> 0). An OK status is returned unchanged.
absl::Status WithRetryAfter(absl::Status status, absl::Duration delay);
// That advice, or nothing.
std::optional<absl::Duration> RetryAfterOf(const absl::Status& status);

// What RESOURCE_EXHAUSTED and UNAVAILABLE advise when they say nothing of their own.
inline constexpr absl::Duration kDefaultRetryAfter = absl::Seconds(1);

// The same code and message; in `grpc-status-details-bin` a google.rpc.Status with
//   ErrorInfo {reason, domain "tributary", metadata {field, mend}}   where DetailOf(status) has a reason
//   BadRequest {field, mend}                                         for INVALID_ARGUMENT that names a field
//   RetryInfo                                                        for RESOURCE_EXHAUSTED and UNAVAILABLE, and
//                                                                    where WithRetryAfter() was used
grpc::Status ToGrpc(const absl::Status& status);

// The way back: code, message, DetailOf() and RetryAfterOf(). Details that are not ours or cannot be parsed are
// left out.
absl::Status FromGrpc(const grpc::Status& status);

// For people, one to three lines without a final newline:
//   INVALID_ARGUMENT (EVENT_TOO_OLD): events[3].occurred_at: lies before 1990
//   mend: Send the time at which it happened
//   try again in 2s
std::string Describe(const absl::Status& status);

}  // namespace tributary::rpc
