// Each adds one command (with its subcommands) to the application. What a command does, it does when the command line
// has been parsed; it leaves the exit code in the session. Both must outlive the parsing.
#pragma once

#include <cstdint>
#include <limits>

#include "CLI/CLI.hpp"
#include "session.h"

namespace tributary::cli {

void AddIngest(CLI::App& app, Session& session);
void AddImport(CLI::App& app, Session& session);
void AddProfile(CLI::App& app, Session& session);
void AddProfileWatch(CLI::App& profile, Session& session);  // below `profile`
void AddJourney(CLI::App& app, Session& session);
void AddOrders(CLI::App& app, Session& session);
void AddTotals(CLI::App& app, Session& session);
void AddSource(CLI::App& app, Session& session);
void AddWorkspace(CLI::App& app, Session& session);
void AddCredential(CLI::App& app, Session& session);
void AddLog(CLI::App& app, Session& session);
void AddTasks(CLI::App& app, Session& session);
void AddDeadLetters(CLI::App& app, Session& session);
void AddVerify(CLI::App& app, Session& session);
void AddRefusals(CLI::App& app, Session& session);
void AddExplain(CLI::App& app, Session& session);
void AddGenerate(CLI::App& app, Session& session);
void AddScore(CLI::App& app, Session& session);
void AddSegment(CLI::App& app, Session& session);
void AddTier(CLI::App& app, Session& session);
void AddClock(CLI::App& app, Session& session);
void AddHealth(CLI::App& app, Session& session);
void AddPlay(CLI::App& app, Session& session);
// In the binary alone: they use a server's parts in this process.
void AddServe(CLI::App& app, Session& session);
void AddRebuild(CLI::App& app, Session& session);
void AddTopics(CLI::App& app, Session& session);

// A whole number from 0 as far as an Int goes. CLI11's own NonNegativeNumber is of doubles and states their range.
template <typename Int = int32_t>
CLI::Range NonNegative() {
  return CLI::Range(Int{0}, std::numeric_limits<Int>::max(), "NONNEGATIVE");
}

// A subcommand with an example below its help.
CLI::App* AddCommand(CLI::App& parent, const std::string& name, const std::string& what, const std::string& example);

}  // namespace tributary::cli
