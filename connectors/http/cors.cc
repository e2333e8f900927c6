#include "connectors/http/cors.h"

#include <algorithm>

namespace sojourn::http {
namespace {

constexpr size_t kMaxNamesBytes = 1000;

// What may stand in a list of names of headers.
bool IsListOfNames(std::string_view text) {
  return text.size() <= kMaxNamesBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

}  // namespace

void AllowOrigin(std::string_view origin, Response* response) {
  response->headers.emplace_back("Access-Control-Allow-Origin", origin);
  response->headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  response->headers.emplace_back("Vary", "Origin");
}

Response AnswerPreflight(const Request& request) {
  Response response{200, "", "text/plain"};
  const auto origin = request.Header("origin");
  if (!origin) return response;
  AllowOrigin(*origin, &response);
  response.headers.emplace_back("Access-Control-Allow-Methods", "POST");
  const auto names = request.Header("access-control-request-headers");
  response.headers.emplace_back(
      "Access-Control-Allow-Headers",
      names && IsListOfNames(*names) ? *names : "authorization, content-type");
  response.headers.emplace_back("Access-Control-Max-Age", "86400");
  return response;
}

}  // namespace sojourn::http
