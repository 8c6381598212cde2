// The application: common options and all commands.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "session.h"

namespace tributary::cli {

// Commands that only the binary has.
using AddCommandsFn = std::function<void(CLI::App&, Session&)>;

// Runs one command line, without the program's name, and gives the exit code. Help, errors and results go to the
// session's streams.
int RunCommandLine(Session& session, std::vector<std::string> arguments, const AddCommandsFn& add_more = nullptr);

}  // namespace tributary::cli
