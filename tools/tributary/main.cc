// The command line `tributary`.
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "app.h"
#include "commands/commands.h"

int main(int argc, char** argv) {
  // What gRPC would print for people who debug it is in the errors of ours; whoever sets this has it printed.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  const tributary::SystemClock clock;
  tributary::SystemRandom random;
  tributary::cli::Session session{.out = std::cout, .err = std::cerr, .in = std::cin, .clock = clock, .random = random};
  session.interactive = isatty(STDERR_FILENO) == 1;
  return tributary::cli::RunCommandLine(session, {argv + 1, argv + argc},
                                        [](CLI::App& app, tributary::cli::Session& common) {
                                          tributary::cli::AddServe(app, common);
                                          tributary::cli::AddRebuild(app, common);
                                          tributary::cli::AddTopics(app, common);
                                        });
}
