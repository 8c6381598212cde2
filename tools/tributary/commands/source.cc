// tributary source: who may send events.
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

struct Flags {
  std::string id;
  std::string display_name;
  std::string channel;
  int priority = 0;
};

void Print(const Session& session, const ingestion::v1::Source& source) {
  const auto line = [&](std::string_view name, const std::string& value) {
    session.out << fmt::format("{:<10}{}\n", name, value);
  };
  line("source", source.source_id());
  line("workspace", source.workspace_id());
  if (!source.display_name().empty()) line("name", OneLine(source.display_name()));
  line("channel", EnumText(*events::v1::Channel_descriptor(), source.default_channel()));
  line("priority", fmt::format("{}", source.priority()));
  line("state", EnumText(*events::v1::SourceState_descriptor(), source.state()));
  line("created", TimeText(source.created_at(), absl::UTCTimeZone()) + " UTC");
}

// Runs `call` with a connection and prints what it gives.
template <typename Call, typename Show>
int WithStub(const Session& session, Call call, Show show) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  const auto response = call(*client, *stub);
  if (!response.ok()) return Fail(session, response.status());
  if (session.json) {
    session.out << ToJson(*response, true) << "\n";
  } else {
    show(*response);
  }
  return kOk;
}

void ShowKey(const Session& session, const std::string& key) {
  session.out << fmt::format("write key {}\n", key);
  session.err << "The write key is shown this once; only its digest is kept.\n";
}

int Create(const Session& session, const Flags& flags) {
  ingestion::v1::CreateSourceRequest request;
  auto& source = *request.mutable_source();
  source.set_workspace_id(session.workspace);
  source.set_source_id(flags.id);
  source.set_display_name(flags.display_name);
  source.set_priority(flags.priority);
  if (!flags.channel.empty()) {
    const auto channel = ParseEnum(*events::v1::Channel_descriptor(), flags.channel, "--channel");
    if (!channel.ok()) return FailUsage(session, FromAbsl(channel.status().message()));
    source.set_default_channel(static_cast<events::v1::Channel>(*channel));
  }
  request.set_request_id(NewUuid(session.random));
  return WithStub(
      session, [&](auto& client, auto& stub) { return client.Call(stub, &Stub::CreateSource, request); },
      [&](const auto& response) {
        Print(session, response.source());
        ShowKey(session, response.write_key());
      });
}

int List(const Session& session) {
  const auto client = Connect(session, Need::kWorkspace);
  if (!client.ok()) return Fail(session, client.status());
  const auto stub = IngestionService::NewStub(client->channel());
  ingestion::v1::ListSourcesRequest request;
  request.set_workspace_id(session.workspace);
  Table table({{"source"}, {"name"}, {"channel"}, {"priority", Table::Align::kRight}, {"state"}, {"created (UTC)"}});
  const absl::Status listed = ForEachPage(
      request, [&](const auto& page) { return client->Call(*stub, &Stub::ListSources, page); },
      [&](const ingestion::v1::ListSourcesResponse& page) {
        for (const auto& source : page.sources()) {
          if (session.json) session.out << ToJson(source, true) << "\n";
          table.Add({source.source_id(), OneLine(source.display_name(), 40),
                     EnumText(*events::v1::Channel_descriptor(), source.default_channel()),
                     fmt::format("{}", source.priority()),
                     EnumText(*events::v1::SourceState_descriptor(), source.state()),
                     TimeText(source.created_at(), absl::UTCTimeZone())});
        }
        return true;
      });
  if (!listed.ok()) return Fail(session, listed);
  if (!session.json) table.Print(session.out);
  return kOk;
}

int Get(const Session& session, const Flags& flags) {
  ingestion::v1::GetSourceRequest request;
  request.set_workspace_id(session.workspace);
  request.set_source_id(flags.id);
  return WithStub(
      session, [&](auto& client, auto& stub) { return client.Call(stub, &Stub::GetSource, request); },
      [&](const auto& response) { Print(session, response.source()); });
}

int SetState(const Session& session, const Flags& flags, events::v1::SourceState state) {
  ingestion::v1::UpdateSourceRequest request;
  request.mutable_source()->set_workspace_id(session.workspace);
  request.mutable_source()->set_source_id(flags.id);
  request.mutable_source()->set_state(state);
  request.mutable_update_mask()->add_paths("state");
  request.set_request_id(NewUuid(session.random));
  return WithStub(
      session, [&](auto& client, auto& stub) { return client.Call(stub, &Stub::UpdateSource, request); },
      [&](const auto& response) { Print(session, response.source()); });
}

int RotateKey(const Session& session, const Flags& flags) {
  ingestion::v1::RotateSourceWriteKeyRequest request;
  request.set_workspace_id(session.workspace);
  request.set_source_id(flags.id);
  request.set_request_id(NewUuid(session.random));
  return WithStub(
      session, [&](auto& client, auto& stub) { return client.Call(stub, &Stub::RotateSourceWriteKey, request); },
      [&](const auto& response) { ShowKey(session, response.write_key()); });
}

}  // namespace

void AddSource(CLI::App& app, Session& session) {
  auto* source = AddCommand(app, "source", "Say who may send events", "tributary source create website --channel web");
  source->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* name, const char* what, const std::string& example, auto run) {
    auto* command = AddCommand(*source, name, what, example);
    command->add_option("SOURCE", flags->id, "Its id: lower-case letters, digits and -")->required();
    command->callback([flags, run, &session] { session.exit_code = run(session, *flags); });
    return command;
  };
  auto* create = add("create", "Create a source and show its write key, this once",
                     "tributary source create website --channel web --display-name \"Our website\"", Create);
  create->add_option("--display-name", flags->display_name, "For people");
  create->add_option("--channel", flags->channel, "Of events that name none, e.g. web, store, call");
  create->add_option("--priority", flags->priority, "Of two events at one moment the higher counts later")
      ->check(CLI::Range(0, 1000));
  add("get", "Show a source", "tributary source get website", Get);
  add("disable", "Refuse its events from now on", "tributary source disable website",
      [](const Session& s, const Flags& f) { return SetState(s, f, events::v1::SOURCE_STATE_DISABLED); });
  add("enable", "Take its events again", "tributary source enable website",
      [](const Session& s, const Flags& f) { return SetState(s, f, events::v1::SOURCE_STATE_ACTIVE); });
  add("rotate-key", "Give it a new write key; the old one is void at once", "tributary source rotate-key website",
      RotateKey);
  auto* list = AddCommand(*source, "list", "All sources of the workspace", "tributary source list --json");
  list->callback([&session] { session.exit_code = List(session); });
}

}  // namespace tributary::cli
