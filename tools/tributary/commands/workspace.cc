// tributary workspace, tributary credential: who keeps customers here, and who may call.
#include <memory>

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

int ListWorkspaces(const Session& session) {
  const auto client = Connect(session, Need::kOperator);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  Table table({{"workspace"}, {"name"}, {"time zone"}, {"currency"}, {"created (UTC)"}});
  const absl::Status listed = ForEachPage(
      ingestion::v1::ListWorkspacesRequest(),
      [&](const auto& page) { return client->Call(*stub, &Stub::ListWorkspaces, page); },
      [&](const ingestion::v1::ListWorkspacesResponse& page) {
        for (const auto& workspace : page.workspaces()) {
          if (session.json) session.out << ToJson(workspace, true) << "\n";
          table.Add({workspace.workspace_id(), OneLine(workspace.display_name(), 40), workspace.time_zone(),
                     workspace.default_currency(), TimeText(workspace.created_at(), absl::UTCTimeZone())});
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
  create->callback([flags, &session] { session.exit_code = CreateWorkspace(session, *flags); });
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
