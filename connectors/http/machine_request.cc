#include "connectors/http/machine_request.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "engine/base/ascii.h"

namespace sojourn::http {
namespace {

// Parts of User-Agents, in lower case.
constexpr std::string_view kMachines[] = {
    // Those that say what they are.
    "bot", "crawl", "spider", "preview", "scanner", "slurp", "facebookexternalhit", "whatsapp",
    "headlesschrome", "phantomjs",
    // Security products.
    "barracuda", "bitdefender", "cloudmark", "fireeye", "forcepoint", "fortiguard", "kaspersky",
    "mimecast", "proofpoint", "sophos", "symantec", "trendmicro", "urlscan", "virustotal",
    "websense", "zscaler",
    // Libraries.
    "aiohttp", "apache-httpclient", "curl/", "go-http-client", "java/", "libwww-perl", "node-fetch",
    "python-requests", "python-urllib", "wget/"};

bool IsMachineAgent(std::string_view user_agent) {
  std::string agent = LowerCase(user_agent);
  // A brand of phones, not a bot.
  for (size_t at = 0; (at = agent.find("cubot", at)) != std::string::npos;) agent.erase(at, 5);
  if (agent.find_first_not_of(" \t") == std::string::npos || agent == "mozilla/5.0") return true;
  return std::any_of(std::begin(kMachines), std::end(kMachines), [&](std::string_view machine) {
    return agent.find(machine) != std::string::npos;
  });
}

bool SaysPrefetch(const Request& request) {
  for (const std::string_view name : {"purpose", "sec-purpose", "x-purpose", "x-moz"}) {
    const std::string value = LowerCase(request.Header(name).value_or(""));
    if (value.find("prefetch") != std::string::npos) return true;
    if (value.find("preview") != std::string::npos) return true;
  }
  return false;
}

}  // namespace

bool IsMachine(const Request& request, Duration since_sent, Duration too_soon) {
  return since_sent < too_soon || SaysPrefetch(request) ||
         IsMachineAgent(request.Header("user-agent").value_or(""));
}

}  // namespace sojourn::http
