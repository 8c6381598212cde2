#include "ingestion/first_workspace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>
#include <utility>

#include "fmt/format.h"
#include "ingestion/checks.h"
#include "ingestion/processor.h"
#include "ingestion/registry_writes.h"
#include "ingestion/secrets.h"
#include "nlohmann/json.hpp"
#include "tributary/base/status.h"

namespace tributary::ingestion {
namespace {

absl::Status DiskError(std::string_view doing, const std::string& path) {
  return absl::UnavailableError(fmt::format("{} {}: {}", doing, path, std::strerror(errno)));
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status WriteDurably(const std::string& path, std::string_view content) {
  // Not what an earlier crash left: it might have another mode.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return DiskError("cannot remove", path);
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (file.get() < 0) return DiskError("cannot create", path);
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return DiskError("cannot write", path);
    content.remove_prefix(static_cast<size_t>(written));
  }
  if (::fsync(file.get()) != 0) return DiskError("cannot write", path);
  return absl::OkStatus();
}

absl::StatusOr<ClientFile> LoadOrMake(const FirstWorkspaceOptions& options) {
  absl::StatusOr<ClientFile> found = ReadClientFile(options.file);
  if (found.ok() && found->address == options.address) return found;
  if (!found.ok() && !absl::IsNotFound(found.status())) return found;
  ClientFile content;
  if (found.ok()) {
    content = *std::move(found);
  } else {
    content.workspace_id = options.workspace_id;
    content.admin_secret = NewSecret(*options.random, kCredentialPrefix);
    content.operator_secret = NewSecret(*options.random, kCredentialPrefix);
  }
  content.address = options.address;
  TRIBUTARY_RETURN_IF_ERROR(WriteClientFile(options.file, content));
  return content;
}

absl::Status SendAndWait(const RegistryWrites& writes, internal::FirstCommand first, absl::Duration timeout) {
  auto promise = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = promise->get_future();
  writes.Send(
      std::move(first.command), first.secret,
      [promise](const absl::StatusOr<RegistryWrites::Written>& written) { promise->set_value(written.status()); });
  if (answer.wait_for(absl::ToChronoNanoseconds(timeout)) != std::future_status::ready) {
    return absl::DeadlineExceededError("the registry does not decide");
  }
  const absl::Status status = answer.get();
  const std::optional<ErrorDetail> detail = DetailOf(status);
  // It was there, and this directory did not know yet.
  const bool there = detail.has_value() && (detail->reason == "WORKSPACE_EXISTS" || detail->reason == "SECRET_IN_USE");
  return there ? absl::OkStatus() : status;
}

internal::FirstCommand CreateCredential(const std::string& workspace_id, events::v1::Role role, std::string_view name,
                                        const std::string& secret) {
  v1::CreateCredentialRequest request;
  request.mutable_credential()->set_workspace_id(workspace_id);
  request.mutable_credential()->set_role(role);
  request.mutable_credential()->set_display_name(std::string(name));
  // Named after the secret: the same file leads to the same request. ':' is in no id of a request of a client.
  return {{fmt::format("first:{}", CredentialIdOf(SecretDigest(secret))), std::string(command::kCreateCredential),
           request.SerializeAsString()},
          secret};
}

}  // namespace

absl::StatusOr<ClientFile> ReadClientFile(const std::string& path) {
  std::ifstream in(path);
  if (!in.is_open()) {
    if (errno == ENOENT) return absl::NotFoundError(fmt::format("there is no {}", path));
    return DiskError("cannot read", path);
  }
  std::stringstream text;
  text << in.rdbuf();
  const nlohmann::json json = nlohmann::json::parse(text.str(), nullptr, /*allow_exceptions=*/false);
  ClientFile content;
  for (const auto& [name, field] :
       {std::pair("address", &content.address), std::pair("workspace_id", &content.workspace_id),
        std::pair("admin_secret", &content.admin_secret), std::pair("operator_secret", &content.operator_secret)}) {
    if (!json.is_object() || !json.contains(name) || !json[name].is_string() ||
        json[name].get_ref<const std::string&>().empty()) {
      return absl::DataLossError(fmt::format(
          "{} is no client file: '{}' is missing. Restore it, or move it away to get a new one", path, name));
    }
    *field = json[name].get<std::string>();
  }
  return content;
}

absl::Status WriteClientFile(const std::string& path, const ClientFile& content) {
  const nlohmann::ordered_json json = {{"address", content.address},
                                       {"workspace_id", content.workspace_id},
                                       {"admin_secret", content.admin_secret},
                                       {"operator_secret", content.operator_secret}};
  const std::string temporary = path + ".new";
  TRIBUTARY_RETURN_IF_ERROR(WriteDurably(temporary, json.dump(2) + "\n"));
  if (::rename(temporary.c_str(), path.c_str()) != 0) return DiskError("cannot replace", path);
  const std::string parent = std::filesystem::absolute(path).parent_path();
  const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0 || ::fsync(directory.get()) != 0) return DiskError("cannot write", parent);
  return absl::OkStatus();
}

std::vector<internal::FirstCommand> internal::FirstCommands(const ClientFile& file,
                                                            const FirstWorkspaceOptions& options) {
  v1::CreateWorkspaceRequest workspace;
  workspace.mutable_workspace()->set_workspace_id(file.workspace_id);
  workspace.mutable_workspace()->set_time_zone(options.time_zone);
  workspace.mutable_workspace()->set_default_currency(options.default_currency);
  return {{{fmt::format("first:{}", file.workspace_id), std::string(command::kCreateWorkspace),
            workspace.SerializeAsString()},
           ""},
          CreateCredential(file.workspace_id, events::v1::ROLE_ADMIN, "admin of the first start", file.admin_secret),
          CreateCredential("", events::v1::ROLE_OPERATOR, "operator of the first start", file.operator_secret)};
}

absl::Status EnsureFirstWorkspace(const FirstWorkspaceOptions& options) {
  if (!IsRegistryId(options.workspace_id)) {
    return InvalidField("MALFORMED", "workspace_id", "is no id", "Give a letter and up to 62 of a-z, 0-9 and '-'");
  }
  TRIBUTARY_ASSIGN_OR_RETURN(const ClientFile file, LoadOrMake(options));
  const RegistryWrites writes({.registry = options.registry, .directory = options.directory});
  for (internal::FirstCommand& first : internal::FirstCommands(file, options)) {
    const bool there = first.secret.empty() ? options.directory->FindWorkspace(file.workspace_id) != nullptr
                                            : options.directory->KnowsCredential(SecretDigest(first.secret));
    if (there) continue;
    TRIBUTARY_RETURN_IF_ERROR(SendAndWait(writes, std::move(first), options.timeout));
  }
  return absl::OkStatus();
}

}  // namespace tributary::ingestion
