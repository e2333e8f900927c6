#include "engine/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace sojourn {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "sojourn: internal error: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace sojourn
