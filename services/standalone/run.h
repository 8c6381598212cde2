// A server from its start to a signal's end, for programs.
#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

#include "standalone/server.h"
#include "tributary/base/clock.h"
#include "tributary/base/random.h"

namespace tributary::standalone {

// Blocks SIGTERM and SIGINT for the process, starts the server, calls `ready`, and tends it until one of the signals or
// until a task halts; then ends it in good order. Says on `err`, beginning with `program`, why it ends. True if that
// was a signal and the end was in good order. Call it before other threads are started.
bool RunUntilSignal(std::string_view program, const Options& options, const Clock& clock, Random& random,
                    const std::function<void(const Server&)>& ready, std::ostream& err);

}  // namespace tributary::standalone
