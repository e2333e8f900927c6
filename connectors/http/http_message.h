// Requests and responses as handlers see them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sojourn::http {

struct Request {
  std::string method;                                        // "GET", "POST", ...
  std::string path;                                          // without the query, as sent
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // as sent, in order
  std::string body;

  // The first of that name (headers: whatever the case); nullopt where there is none.
  std::optional<std::string_view> Header(std::string_view name) const;
  std::optional<std::string_view> Query(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"success":false,"error":MESSAGE,"code":WORD,"message":MESSAGE}, where the word stands for the
// status: some libraries send again what was refused without the last two. 429 and 503 ask to come
// back after a second, 401 names how to identify oneself.
Response ErrorResponse(int status, std::string_view message);

// Gives the response to a request, once, from any thread. Calling it after the server has stopped
// does nothing.
using Respond = std::function<void(Response)>;

// Splits "a=1&b=x%20y"; an item without '=' has the value "".
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view text);

// "a%20b" as "a b"; what is no escape stays as it is.
std::string DecodePercent(std::string_view text);

// `text` as a part of a query: "a b" becomes "a%20b".
std::string EncodeQueryText(std::string_view text);

// The user of "Authorization: Basic ..." (Segment's write key stands there), or nullopt.
std::optional<std::string> BasicUser(const Request& request);

// The write key that a request names outside its body: the user of HTTP Basic, an Authorization
// that is the key alone, or `writeKey` in the query; nullopt where there is none.
std::optional<std::string> WriteKeyOutsideBody(const Request& request);

// The token of "Authorization: Bearer ...", or nullopt.
std::optional<std::string_view> BearerToken(const Request& request);

}  // namespace sojourn::http
