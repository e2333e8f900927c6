// A body out of its Content-Encoding: gzip, deflate or none.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace sojourn::http {

// `encoding` is the header's value, "" for none. Never makes more than `max_bytes`, whatever the
// body promises. Errors: kResourceExhausted where it would be more, kInvalidArgument where the body
// is not what the encoding says, kNotFound where that is another encoding.
Result<std::string> Unpack(std::string_view encoding, std::string_view body, size_t max_bytes);

}  // namespace sojourn::http
