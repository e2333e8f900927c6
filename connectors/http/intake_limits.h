// How much the intake takes at once.
#pragma once

#include <cstddef>

namespace sojourn::http {

struct IntakeLimits {
  size_t max_event_bytes = size_t{32} << 10;  // of a call's JSON; at most kMaxEventBytes
  size_t max_body_bytes = size_t{500} << 10;  // packed and unpacked
  size_t max_batch_calls = 2500;
};

}  // namespace sojourn::http
