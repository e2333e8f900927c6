// Assertions for programmer errors. They stay on in release builds; user input must never reach
// one.
#pragma once

namespace sojourn {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace sojourn

#define SOJOURN_CHECK(condition) \
  ((condition) ? (void)0 : ::sojourn::CheckFailed(#condition, __FILE__, __LINE__))
