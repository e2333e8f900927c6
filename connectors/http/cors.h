// What browsers ask before and after a call from a web page of another origin.
//
// Nothing here guards anything: who may call is for the write key to say, and no cookies are used.
// Threads: any.
#pragma once

#include <string_view>

#include "connectors/http/http_message.h"

namespace sojourn::http {

// Lets the page at `origin` see the answer, and when to come back.
void AllowOrigin(std::string_view origin, Response* response);

// The answer to OPTIONS of a path that takes POST.
Response AnswerPreflight(const Request& request);

}  // namespace sojourn::http
