// Who calls: a bearer secret, checked against the credentials of the registry, bound to one workspace and role.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tributary::rpc {

// kOperator runs the platform and belongs to no workspace: it sees tasks and logs, and makes workspaces.
enum class Role : uint8_t { kIngest, kRead, kAgent, kManager, kMarketer, kAdmin, kOperator };

// "ingest", "read", ... as in commands and configuration.
std::string_view RoleName(Role role);
std::optional<Role> RoleFromName(std::string_view name);

struct Principal {
  std::string workspace_id = "";  // empty: of an operator
  Role role = Role::kRead;
  std::string credential_id = "";  // never the secret; may be logged
  std::string source_id = "";      // of a write key, the one source that it writes to; otherwise empty
};

// Thread-safe.
class CredentialVerifier {
 public:
  virtual ~CredentialVerifier() = default;
  // Whose secret this is. UNAUTHENTICATED for a secret that is unknown, withdrawn or expired, with no hint of
  // which; UNAVAILABLE while the credentials are not loaded. Must not block. Secrets are compared as hashes
  // and appear in no error.
  virtual absl::StatusOr<Principal> Verify(std::string_view bearer_secret) const = 0;
};

// Which roles may call. An admin may call everything in the workspace.
class AccessRule {
 public:
  static constexpr AccessRule AnyOf(std::initializer_list<Role> roles) {
    uint32_t bits = Bit(Role::kAdmin);
    for (Role role : roles) bits |= Bit(role);
    return AccessRule(bits);
  }
  static constexpr AccessRule AdminOnly() { return AnyOf({}); }
  static constexpr AccessRule OperatorOnly() { return AccessRule(Bit(Role::kOperator)); }
  static constexpr AccessRule OperatorOrAdmin() { return AccessRule(Bit(Role::kOperator) | Bit(Role::kAdmin)); }
  static constexpr AccessRule AnyRole() { return AccessRule(~0u); }

  constexpr bool Allows(Role role) const { return (bits_ & Bit(role)) != 0; }
  // OK, or PERMISSION_DENIED with the reason ROLE_NOT_ALLOWED and the roles that may.
  absl::Status Check(const Principal& principal) const;

 private:
  static constexpr uint32_t Bit(Role role) { return 1u << static_cast<uint32_t>(role); }
  constexpr explicit AccessRule(uint32_t bits) : bits_(bits) {}
  uint32_t bits_;
};

// The secret in an `authorization` header "Bearer <secret>". UNAUTHENTICATED with the reason
// CREDENTIAL_MISSING or CREDENTIAL_MALFORMED otherwise.
absl::StatusOr<std::string_view> BearerSecret(std::optional<std::string_view> authorization);

}  // namespace tributary::rpc
