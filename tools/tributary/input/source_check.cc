#include "input/source_check.h"

#include <vector>

#include "fmt/format.h"
#include "pages.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"

namespace tributary::cli {

using ingestion::v1::IngestionService;

// In one message.
constexpr size_t kNamedAtMost = 10;

// The first few by name.
std::string Named(const std::set<std::string>& ids) {
  std::vector<std::string> named;
  for (const std::string& id : ids) {
    if (named.size() < kNamedAtMost) named.push_back(OneLine(id, 40));
  }
  const size_t more = ids.size() - named.size();
  return fmt::format("{}{}", fmt::join(named, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

absl::Status CheckSource(const Session& session, const rpc::Client& client, const std::string& source_id, bool create) {
  if (source_id.empty()) return absl::OkStatus();
  const auto stub = IngestionService::NewStub(client.channel());
  ingestion::v1::GetSourceRequest get;
  get.set_workspace_id(session.workspace);
  get.set_source_id(source_id);
  const absl::Status found = client.Call(*stub, &IngestionService::Stub::GetSource, get).status();
  if (found.ok() || found.code() == absl::StatusCode::kPermissionDenied) return absl::OkStatus();
  if (found.code() != absl::StatusCode::kNotFound) return found;
  if (!create) {
    return FieldError(absl::StatusCode::kNotFound, "UNKNOWN_SOURCE", "--source",
                      fmt::format("there is no source \"{}\"", source_id),
                      fmt::format("Create it: tributary source create {}; or add --create-source", source_id));
  }
  ingestion::v1::CreateSourceRequest request;
  request.mutable_source()->set_workspace_id(session.workspace);
  request.mutable_source()->set_source_id(source_id);
  request.set_request_id(NewUuid(session.random));
  TRIBUTARY_ASSIGN_OR_RETURN(const auto created, client.Call(*stub, &IngestionService::Stub::CreateSource, request));
  get.set_token(created.token());
  TRIBUTARY_RETURN_IF_ERROR(client.Call(*stub, &IngestionService::Stub::GetSource, get).status());
  session.err << fmt::format("source {} created; `tributary source rotate-key {}` gives it a write key\n", source_id,
                             source_id);
  return absl::OkStatus();
}

absl::Status CheckSources(const Session& session, const rpc::Client& client, const std::set<std::string>& source_ids) {
  std::set<std::string> missing = source_ids;
  std::set<std::string> disabled;
  if (missing.contains("")) {
    return InvalidField("REQUIRED", "--source", "is not given, and the file has events that name none",
                        "Name the source that they come from");
  }
  const auto stub = IngestionService::NewStub(client.channel());
  ingestion::v1::ListSourcesRequest request;
  request.set_workspace_id(session.workspace);
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client.Call(*stub, &IngestionService::Stub::ListSources, page); },
      [&](const ingestion::v1::ListSourcesResponse& page) {
        for (const auto& source : page.sources()) {
          if (missing.erase(source.source_id()) > 0 && source.state() == events::v1::SOURCE_STATE_DISABLED) {
            disabled.insert(source.source_id());
          }
        }
        return !missing.empty();
      });
  if (listed.code() == absl::StatusCode::kPermissionDenied) return absl::OkStatus();
  TRIBUTARY_RETURN_IF_ERROR(listed);
  if (!missing.empty()) {
    return FieldError(absl::StatusCode::kNotFound, "UNKNOWN_SOURCE", "FILE",
                      fmt::format("its events name sources that are not there: {}", Named(missing)),
                      fmt::format("Create {}: tributary source create {} --channel ...",
                                  missing.size() == 1 ? "it" : "each", OneLine(*missing.begin(), 40)));
  }
  if (!disabled.empty()) {
    return FieldError(absl::StatusCode::kFailedPrecondition, "SOURCE_DISABLED", "FILE",
                      fmt::format("its events name sources that are disabled: {}", Named(disabled)),
                      fmt::format("Enable {}: tributary source enable {}", disabled.size() == 1 ? "it" : "each",
                                  OneLine(*disabled.begin(), 40)));
  }
  return absl::OkStatus();
}

std::string WorkspaceZone(const Session& session, const rpc::Client& client) {
  const auto stub = IngestionService::NewStub(client.channel());
  ingestion::v1::GetWorkspaceRequest request;
  request.set_workspace_id(session.workspace);
  const auto response = client.Call(*stub, &IngestionService::Stub::GetWorkspace, request);
  if (!response.ok() || response->workspace().time_zone().empty()) return "UTC";
  return response->workspace().time_zone();
}

}  // namespace tributary::cli
