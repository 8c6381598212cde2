// Requests that change the registry: their shape, and the commands that they become.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "tributary/ingestion/v1/ingestion.pb.h"
#include "tributary/rpc/credentials.h"

namespace tributary::ingestion {

// Each gives the body of the command: the request with its workspace and defaults filled in, without request_id and
// output-only fields, so that the same call has the same body. InvalidArgument naming the field, NotFound for another
// workspace, PermissionDenied where only an operator may.

absl::StatusOr<v1::CreateWorkspaceRequest> CommandOf(const v1::CreateWorkspaceRequest& request,
                                                     const rpc::Principal& principal);
absl::StatusOr<v1::UpdateWorkspaceRequest> CommandOf(const v1::UpdateWorkspaceRequest& request,
                                                     const rpc::Principal& principal);
absl::StatusOr<v1::CreateSourceRequest> CommandOf(const v1::CreateSourceRequest& request,
                                                  const rpc::Principal& principal);
absl::StatusOr<v1::UpdateSourceRequest> CommandOf(const v1::UpdateSourceRequest& request,
                                                  const rpc::Principal& principal);
absl::StatusOr<v1::RotateSourceWriteKeyRequest> CommandOf(const v1::RotateSourceWriteKeyRequest& request,
                                                          const rpc::Principal& principal);
absl::StatusOr<v1::CreateCredentialRequest> CommandOf(const v1::CreateCredentialRequest& request,
                                                      const rpc::Principal& principal);
absl::StatusOr<v1::RevokeCredentialRequest> CommandOf(const v1::RevokeCredentialRequest& request,
                                                      const rpc::Principal& principal);

}  // namespace tributary::ingestion
