#include "app.h"

#include <algorithm>
#include <exception>

#include "commands/commands.h"
#include "fmt/format.h"
#include "text/table.h"

namespace tributary::cli {
namespace {

constexpr char kVersion[] = "tributary 0.1.0";

void AddCommonOptions(CLI::App& app, Session& session) {
  const std::string group = "Common options (before or after the command)";
  const auto option = [&](const char* name, auto& to, const char* what) {
    return app.add_option(name, to, what)->group(group);
  };
  option("--data-dir", session.data_dir, "Directory of the server, with client.json")
      ->envname("TRIBUTARY_DATA_DIR")
      ->capture_default_str();
  option("--server", session.server, "host:port [default: as client.json says]")->envname("TRIBUTARY_SERVER");
  option("--credential", session.credential, "Secret to call with [default: as client.json says]")
      ->envname("TRIBUTARY_CREDENTIAL");
  option("--credential-file", session.credential_file, "File whose first line is the secret");
  option("--workspace", session.workspace, "Workspace [default: the credential's]");
  option("--timeout", session.timeout_seconds, "Seconds that a call may take")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
  app.add_flag("--tls", session.tls, "Call with TLS")->group(group);
  option("--ca-file", session.ca_file, "PEM of who signed the server's certificate; implies --tls");
  app.add_flag("--json", session.json, "Print JSON, one object a line")->group(group);
}

// The command that was asked for where there is none of that name, whole ("profile wach"); empty if it is not that.
std::string UnknownCommand(const CLI::App& app, std::string* parent) {
  const CLI::App* command = &app;
  for (; !command->get_subcommands().empty(); command = command->get_subcommands().front()) {
    *parent += command->get_subcommands().front()->get_name() + " ";
  }
  const std::vector<std::string> left = app.remaining(/*recurse=*/true);
  if (command->get_require_subcommand_min() == 0 || left.empty() || left[0].starts_with("-")) return "";
  return *parent + OneLine(left[0], 40);
}

int FailParsing(const CLI::App& app, const CLI::ParseError& error, const Session& session) {
  std::string parent;
  const std::string unknown = error.get_exit_code() == 0 ? "" : UnknownCommand(app, &parent);
  if (!unknown.empty()) {
    return FailUsage(session, fmt::format("there is no command `{}`; see `tributary {}--help`", unknown, parent));
  }
  return app.exit(error, session.out, session.err) == 0 ? kOk : kUsage;
}

}  // namespace

CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example) {
  auto* command = parent.add_subcommand(name, what);
  command->footer(fmt::format("\nExample:\n  {}\n\n`tributary --help` shows the common options.", example));
  return command;
}

int RunCommandLine(Session& session, std::vector<std::string> arguments, const AddCommandsFn& add_more) {
  CLI::App app("Tributary: every customer's journey, from every stream.", "tributary");
  app.fallthrough();
  app.set_version_flag("--version", kVersion);
  app.footer(
      "\nExamples:\n"
      "  tributary serve\n"
      "  tributary ingest events.ndjson --source website --create-source --wait\n"
      "  tributary journey --email somchai@example.com\n\n"
      "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 some events were refused, 4 no server,\n"
      "5 verification found differences.");
  AddCommonOptions(app, session);
  app.require_subcommand(1);
  if (add_more) add_more(app, session);
  for (const auto add :
       {AddIngest,     AddImport,  AddProfile, AddJourney,     AddOrders, AddTotals,   AddSource,  AddWorkspace,
        AddCredential, AddTasks,   AddLog,     AddDeadLetters, AddVerify, AddRefusals, AddExplain, AddGenerate,
        AddScore,      AddSegment, AddTier,    AddClock,       AddPlay,   AddHealth}) {
    add(app, session);
  }
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return FailParsing(app, error, session);
  } catch (const std::exception& error) {
    session.err << "tributary: " << error.what() << "\n";
    return kFailed;
  }
  return session.exit_code;
}

}  // namespace tributary::cli
