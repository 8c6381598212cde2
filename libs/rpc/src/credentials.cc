#include "tributary/rpc/credentials.h"

#include <array>

#include "absl/strings/match.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tributary/base/status.h"

namespace tributary::rpc {
namespace {

constexpr std::array<std::string_view, 7> kRoleNames = {"ingest",   "read",  "agent",   "manager",
                                                        "marketer", "admin", "operator"};
constexpr std::string_view kScheme = "Bearer ";
constexpr size_t kMaxSecretBytes = 512;

absl::Status Unauthenticated(std::string_view reason, std::string_view what) {
  return FieldError(absl::StatusCode::kUnauthenticated, reason, "authorization", what,
                    "Send the metadata 'authorization: Bearer <secret>' with a credential of your workspace");
}

}  // namespace

std::string_view RoleName(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

std::optional<Role> RoleFromName(std::string_view name) {
  for (size_t i = 0; i < kRoleNames.size(); ++i) {
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  }
  return std::nullopt;
}

absl::Status AccessRule::Check(const Principal& principal) const {
  if (Allows(principal.role)) return absl::OkStatus();
  std::vector<std::string_view> allowed;
  for (size_t i = 0; i < kRoleNames.size(); ++i) {
    if (Allows(static_cast<Role>(i))) allowed.push_back(kRoleNames[i]);
  }
  return FieldError(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED", "authorization",
                    fmt::format("the role {} may not make this call", RoleName(principal.role)),
                    fmt::format("Use a credential with one of the roles: {}", fmt::join(allowed, ", ")));
}

absl::StatusOr<std::string_view> BearerSecret(std::optional<std::string_view> authorization) {
  if (!authorization.has_value()) return Unauthenticated("CREDENTIAL_MISSING", "no credential was sent");
  if (!absl::StartsWithIgnoreCase(ToAbsl(*authorization), ToAbsl(kScheme))) {
    return Unauthenticated("CREDENTIAL_MALFORMED", "the credential is not a bearer secret");
  }
  const std::string_view secret = authorization->substr(kScheme.size());
  if (secret.empty() || secret.size() > kMaxSecretBytes) {
    return Unauthenticated("CREDENTIAL_MALFORMED",
                           fmt::format("the secret is not 1 to {} bytes long", kMaxSecretBytes));
  }
  return secret;
}

}  // namespace tributary::rpc
