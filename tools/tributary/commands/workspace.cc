// tributary workspace, tributary credential: who keeps customers here, and who may call.
#include <memory>
#include <utility>
#include <vector>

#include "commands/commands.h"
#include "fmt/format.h"
#include "pages.h"
#include "text/format.h"
#include "text/table.h"
#include "tributary/base/status.h"
#include "tributary/ingestion/v1/ingestion.grpc.pb.h"

namespace tributary::cli {
namespace {

using ingestion::v1::IngestionService;
using Stub = IngestionService::Stub;

struct WorkspaceFlags {
  std::string id;
  std::string display_name;
  std::string time_zone = "UTC";
  std::string currency;
  int64_t events_per_second = 0;
  int64_t burst_events = 0;
};

int CreateWorkspace(const Session& session, const WorkspaceFlags& flags) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::CreateWorkspaceRequest request;
  request.mutable_workspace()->set_workspace_id(flags.id);
  request.mutable_workspace()->set_display_name(flags.display_name);
  request.mutable_workspace()->set_time_zone(flags.time_zone);
  request.mutable_workspace()->set_default_currency(flags.currency);
  if (flags.events_per_second > 0 || flags.burst_events > 0) {
    request.mutable_workspace()->mutable_ingest_quota()->set_events_per_second(flags.events_per_second);
    request.mutable_workspace()->mutable_ingest_quota()->set_burst_events(flags.burst_events);
  }
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::CreateWorkspace, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    session.out << fmt::format("workspace {} created\n", response->workspace().workspace_id());
    session.err << fmt::format("Next: tributary credential create --role admin --workspace {}\n", flags.id);
  }
  return kOk;
}

// "500/s, 2,000 at once"; empty: none.
std::string QuotaText(const events::v1::IngestQuota& quota) {
  if (quota.events_per_second() == 0) return "";
  std::string text = fmt::format("{}/s", Grouped(quota.events_per_second()));
  if (quota.burst_events() > 0) text += fmt::format(", {} at once", Grouped(quota.burst_events()));
  return text;
}

// Changes what `mask` names.
int UpdateWorkspace(const Session& session, const WorkspaceFlags& flags, const std::vector<std::string>& mask) {
  if (mask.empty()) return FailUsage(session, "nothing to change is named");
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::UpdateWorkspaceRequest request;
  ingestion::v1::Workspace& workspace = *request.mutable_workspace();
  workspace.set_workspace_id(flags.id);
  workspace.set_display_name(flags.display_name);
  workspace.set_time_zone(flags.time_zone);
  workspace.mutable_ingest_quota()->set_events_per_second(flags.events_per_second);
  workspace.mutable_ingest_quota()->set_burst_events(flags.burst_events);
  for (const std::string& path : mask) request.mutable_update_mask()->add_paths(path);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::UpdateWorkspace, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    const std::string quota = QuotaText(response->workspace().ingest_quota());
    session.out << fmt::format("workspace {} changed; quota: {}\n", flags.id, quota.empty() ? "none" : quota);
  }
  return kOk;
}

int ListWorkspaces(const Session& session) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  Table table({{"workspace"}, {"name"}, {"time zone"}, {"currency"}, {"quota"}, {"created (UTC)"}});
  const absl::Status listed = ForEachPage(
      ingestion::v1::ListWorkspacesRequest(),
      [&](const auto& page) { return client->Call(*stub, &Stub::ListWorkspaces, page); },
      [&](const ingestion::v1::ListWorkspacesResponse& page) {
        for (const auto& workspace : page.workspaces()) {
          if (session.json) session.out << ToJson(workspace, true) << "\n";
          table.Add({workspace.workspace_id(), OneLine(workspace.display_name(), 40), workspace.time_zone(),
                     workspace.default_currency(), QuotaText(workspace.ingest_quota()),
                     TimeText(workspace.created_at(), absl::UTCTimeZone())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (!session.json) table.Print(session.out);
  return kOk;
}

// Those of the workspace that was named, else of the one that the admin's secret belongs to.
Need CredentialNeed(const Session& session, bool operators) {
  return operators || !session.workspace.empty() ? Need::kOperator : Need::kWorkspace;
}

int CreateCredential(const Session& session, const std::string& role_name, const std::string& display_name) {
  const auto role = ParseEnum(*events::v1::Role_descriptor(), role_name, "--role");
  if (!role.ok()) return FailUsage(session, FromAbsl(role.status().message()));
  const auto client = Connect(session, CredentialNeed(session, *role == events::v1::ROLE_OPERATOR));
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::CreateCredentialRequest request;
  request.mutable_credential()->set_workspace_id(session.workspace);
  request.mutable_credential()->set_role(static_cast<events::v1::Role>(*role));
  request.mutable_credential()->set_display_name(display_name);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::CreateCredential, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    session.out << fmt::format("credential {}\nsecret     {}\n", response->credential().credential_id(),
                               response->secret());
    session.err << "The secret is shown this once; only its digest is kept.\n";
  }
  return kOk;
}

int ListCredentials(const Session& session, bool operators) {
  const auto client = Connect(session, CredentialNeed(session, operators));
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::ListCredentialsRequest request;
  request.set_workspace_id(session.workspace);
  Table table({{"credential"}, {"role"}, {"workspace"}, {"name"}, {"created (UTC)"}, {"revoked (UTC)"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListCredentials, page); },
      [&](const ingestion::v1::ListCredentialsResponse& page) {
        for (const auto& credential : page.credentials()) {
          if (session.json) session.out << ToJson(credential, true) << "\n";
          table.Add({credential.credential_id(), EnumText(*events::v1::Role_descriptor(), credential.role()),
                     credential.workspace_id(), OneLine(credential.display_name(), 40),
                     TimeText(credential.created_at(), absl::UTCTimeZone()),
                     TimeText(credential.revoked_at(), absl::UTCTimeZone())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (!session.json) table.Print(session.out);
  return kOk;
}

int RevokeCredential(const Session& session, const std::string& id, bool operators) {
  const auto client = Connect(session, CredentialNeed(session, operators));
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::RevokeCredentialRequest request;
  request.set_credential_id(id);
  request.set_request_id(NewUuid(session.random));
  const auto response = client->Call(*stub, &Stub::RevokeCredential, request);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    session.out << fmt::format("credential {} is void\n", id);
  }
  return kOk;
}

constexpr int64_t kMaxQuota = 1'000'000'000;

void AddUpdate(CLI::App& workspace, Session& session) {
  auto* update = AddCommand(workspace, "update", "Change a workspace; needs an operator's credential",
                            "tributary workspace update hotel --events-per-second 500 --burst 2000");
  auto flags = std::make_shared<WorkspaceFlags>();
  // Each option with what it changes: what is not given stays.
  auto fields = std::make_shared<std::vector<std::pair<CLI::Option*, std::string>>>();
  update->add_option("WORKSPACE", flags->id, "Its id")->required();
  fields->emplace_back(
      update->add_option("--events-per-second", flags->events_per_second, "How many events it may send; 0: no quota")
          ->check(CLI::Range(int64_t{0}, kMaxQuota)),
      "ingest_quota.events_per_second");
  fields->emplace_back(
      update->add_option("--burst", flags->burst_events, "How many at once after a pause; 0: those of one second")
          ->check(CLI::Range(int64_t{0}, kMaxQuota)),
      "ingest_quota.burst_events");
  fields->emplace_back(update->add_option("--time-zone", flags->time_zone, "Of its days"), "time_zone");
  fields->emplace_back(update->add_option("--display-name", flags->display_name, "For people"), "display_name");
  update->callback([flags, fields, &session] {
    std::vector<std::string> mask;
    for (const auto& [option, path] : *fields) {
      if (option->count() > 0) mask.push_back(path);
    }
    session.exit_code = UpdateWorkspace(session, *flags, mask);
  });
}

}  // namespace

void AddWorkspace(CLI::App& app, Session& session) {
  auto* workspace = AddCommand(app, "workspace", "Keep customers apart", "tributary workspace list");
  workspace->require_subcommand(1);
  auto* create = AddCommand(*workspace, "create", "Create a workspace; needs an operator's credential",
                            "tributary workspace create hotel --currency THB --time-zone Asia/Bangkok");
  auto flags = std::make_shared<WorkspaceFlags>();
  create->add_option("WORKSPACE", flags->id, "Its id: lower-case letters, digits and -")->required();
  create->add_option("--currency", flags->currency, "Of events that state none, e.g. THB")->required();
  create->add_option("--time-zone", flags->time_zone, "Of its days")->capture_default_str();
  create->add_option("--display-name", flags->display_name, "For people");
  create->add_option("--events-per-second", flags->events_per_second, "How many events it may send; 0: no quota")
      ->check(CLI::Range(int64_t{0}, kMaxQuota));
  create->add_option("--burst", flags->burst_events, "How many at once after a pause [default: those of one second]")
      ->check(CLI::Range(int64_t{0}, kMaxQuota));
  create->callback([flags, &session] { session.exit_code = CreateWorkspace(session, *flags); });
  AddUpdate(*workspace, session);
  auto* list = AddCommand(*workspace, "list", "Workspaces", "tributary workspace list --json");
  list->callback([&session] { session.exit_code = ListWorkspaces(session); });
}

void AddCredential(CLI::App& app, Session& session) {
  auto* credential = AddCommand(app, "credential", "Say who may call", "tributary credential create --role read");
  credential->require_subcommand(1);
  struct Flags {
    std::string role, display_name, id;
    bool operators = false;
  };
  auto flags = std::make_shared<Flags>();
  auto* create = AddCommand(*credential, "create", "Create a credential and show its secret, this once",
                            "tributary credential create --role read --display-name \"Dashboard\"");
  create->add_option("--role", flags->role, "ingest, read, agent, manager, marketer, admin or operator")->required();
  create->add_option("--display-name", flags->display_name, "What it is for; no names of people");
  create->callback(
      [flags, &session] { session.exit_code = CreateCredential(session, flags->role, flags->display_name); });
  auto* list =
      AddCommand(*credential, "list", "Credentials of the workspace, revoked ones too", "tributary credential list");
  list->add_flag("--operators", flags->operators, "Those that belong to no workspace");
  list->callback([flags, &session] { session.exit_code = ListCredentials(session, flags->operators); });
  auto* revoke = AddCommand(*credential, "revoke", "Make a credential void, for good",
                            "tributary credential revoke cred-0123456789abcdef");
  revoke->add_option("CREDENTIAL", flags->id, "Its id")->required();
  revoke->add_flag("--operators", flags->operators, "It belongs to no workspace");
  revoke->callback([flags, &session] { session.exit_code = RevokeCredential(session, flags->id, flags->operators); });
}

}  // namespace tributary::cli
