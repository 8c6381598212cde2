// The command line `tributary`.
#include <unistd.h>

#include <iostream>

#include "app.h"
#include "commands/commands.h"

int main(int argc, char** argv) {
  const tributary::SystemClock clock;
  tributary::SystemRandom random;
  tributary::cli::Session session{.out = std::cout, .err = std::cerr, .in = std::cin, .clock = clock, .random = random};
  session.interactive = isatty(STDERR_FILENO) == 1;
  return tributary::cli::RunCommandLine(session, {argv + 1, argv + argc},
                                        [](CLI::App& app, tributary::cli::Session& common) {
                                          tributary::cli::AddServe(app, common);
                                          tributary::cli::AddRebuild(app, common);
                                        });
}
