// The head of a request, judged before it is parsed: request line and headers up to the empty line.
//
// Parsers are generous in different ways, and what two of them read differently lets a client
// smuggle a request past a proxy. So what is doubtful is refused, with the connection: lines that
// do not end with CR LF, control characters, folded headers, a body with two lengths, or with a
// coding that is not plainly "chunked".
//
// Pure functions; no input crashes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "connectors/http/http_message.h"

namespace sojourn::http {

struct HeadLimits {
  size_t max_bytes = size_t{16} * 1024;
  size_t max_target_bytes = size_t{12} * 1024;  // path and query
  size_t max_headers = 100;
};

// Where the head in the first bytes of `bytes` ends, its empty line included; nullopt: not yet.
std::optional<size_t> FindHeadEnd(std::string_view bytes);

// False: these bytes begin no request, whatever follows. Saves waiting for the end of what is not
// HTTP at all.
bool CanBecomeHead(std::string_view bytes);

// The refusal of a whole head; nullopt: it may be parsed.
std::optional<Response> RefuseHead(std::string_view head, const HeadLimits& limits);

}  // namespace sojourn::http
