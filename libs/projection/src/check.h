// For mistakes of the calling code: the process ends rather than go on with a wrong state.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace tributary::projection {

inline void Check(bool condition, const char* rule) {
  if (condition) [[likely]]
    return;
  std::fprintf(stderr, "tributary/projection: %s\n", rule);
  std::abort();
}

}  // namespace tributary::projection
