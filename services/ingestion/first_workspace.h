// The first start of a platform that has nobody to ask: a workspace, an admin of it and an operator.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ingestion/directory.h"
#include "tributary/base/random.h"
#include "tributary/processor/task.h"

namespace tributary::ingestion {

// What the command line finds on its own: a JSON object of these names, mode 0600.
struct ClientFile {
  std::string address;
  std::string workspace_id;
  std::string admin_secret;
  std::string operator_secret;
};

// NotFound if there is none; DataLoss, without a word of its content, if it is not such a file.
absl::StatusOr<ClientFile> ReadClientFile(const std::string& path);
// Replaces the file at once and durably: after a crash it is the former or the new one. Unavailable: the disk's error.
absl::Status WriteClientFile(const std::string& path, const ClientFile& content);

struct FirstWorkspaceOptions {
  // The IngestionProcessor's task, run by somebody else meanwhile; not a standby.
  processor::Task* registry = nullptr;
  const RegistryDirectory* directory = nullptr;
  Random* random = nullptr;
  // Of the workspace, if there is no file yet; as Workspace.workspace_id.
  std::string workspace_id = "default";
  std::string time_zone = "UTC";
  std::string default_currency = "USD";
  // Where the client file is, and what it shall name as the address.
  std::string file;
  std::string address;
  // How long the task may take for each of the three commands.
  absl::Duration timeout = absl::Seconds(60);
};

// Sees to it that the workspace and both credentials of the file are there, and that the file names the address.
// Blocks.
//
// The secrets are drawn and written first, and the commands are named after them: a crash at any point is made good by
// the next start, and nothing is made twice. A file that was lost is made anew with credentials of its own; the former
// ones stay until they are revoked. A credential that was revoked is not made again.
//
// Errors: InvalidArgument (workspace_id), DataLoss (file), Unavailable (disk, task), DeadlineExceeded.
absl::Status EnsureFirstWorkspace(const FirstWorkspaceOptions& options);

namespace internal {

struct FirstCommand {
  processor::Command command;
  std::string secret;  // that it makes; empty: none
};
// Workspace, admin, operator.
std::vector<FirstCommand> FirstCommands(const ClientFile& file, const FirstWorkspaceOptions& options);

}  // namespace internal

}  // namespace tributary::ingestion
