// Whether a request for an open pixel or a tracked link was made by a machine rather than by the
// person: mail programs fetch images before anybody looks, and scanners follow links to judge them.
//
// A guess by these rules, any of which is enough:
//   - no User-Agent, or an empty one
//   - a User-Agent that names a bot, a crawler, a link preview, a security scanner or a library for
//     programs; or the bare "Mozilla/5.0", under which Apple's Mail Privacy Protection fetches all
//     images of all mail. (The image proxies of Gmail and Yahoo fetch when a person opens the mail:
//     they count as the person.)
//   - a header that says so: Purpose, Sec-Purpose, X-Purpose or X-Moz with "prefetch" or "preview"
//   - a moment too soon after the mail was sent for anybody to have read it
//
// Pure.
#pragma once

#include "connectors/http/http_message.h"
#include "engine/base/time.h"

namespace sojourn::http {

// `since_sent`: from the mail to the request; `too_soon`: below this nobody has read it.
bool IsMachine(const Request& request, Duration since_sent, Duration too_soon);

}  // namespace sojourn::http
