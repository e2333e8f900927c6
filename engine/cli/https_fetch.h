// One GET over https, for the few things that a provider serves beside its requests.
//
// Blocks for some seconds at most. Threads: any. No redirects, no other protocol, TLS 1.2 or newer.
// Errors: kUnavailable where there is no answer of 200 within the limits.
#pragma once

#include <cstddef>
#include <string>

#include "engine/base/status.h"
#include "engine/base/time.h"

namespace sojourn::cli {

inline constexpr Duration kMaxFetchTime = Seconds(5);
inline constexpr size_t kMaxFetchedBytes = size_t{64} * 1024;

// `ca_file`: PEM of who signs the server's certificate; empty: the machine's authorities. The
// environment's https_proxy is used.
Result<std::string> FetchHttps(const std::string& url, const std::string& ca_file);

}  // namespace sojourn::cli
