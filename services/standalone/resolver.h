// Profile asks identity who an identifier belongs to; in one process, by a call.
#pragma once

#include "identity/front.h"
#include "profile/front.h"

namespace tributary::standalone {
class Resolver;  // filled in with the fronts
}  // namespace tributary::standalone
