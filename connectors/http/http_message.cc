#include "connectors/http/http_message.h"

#include <algorithm>

#include "engine/base/ascii.h"
#include "engine/base/base64.h"
#include "engine/model/json_writer.h"

namespace sojourn::http {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `plus`: what a '+' stands for.
std::string Decode(std::string_view text, char plus) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
                        HexDigit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i] == '+' ? plus : text[i];
    }
  }
  return decoded;
}

std::string DecodeQueryText(std::string_view text) { return Decode(text, ' '); }

// For programs.
std::string_view CodeOf(int status) {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 413:
      return "too_large";
    case 429:
      return "too_many_requests";
    default:
      return status >= 500 ? "unavailable" : "invalid_request";
  }
}

// What follows the scheme in the Authorization header.
std::optional<std::string_view> Credentials(const Request& request, std::string_view scheme) {
  const auto header = request.Header("authorization");
  if (!header || header->size() <= scheme.size() || (*header)[scheme.size()] != ' ' ||
      !EqualIgnoringCase(header->substr(0, scheme.size()), scheme)) {
    return std::nullopt;
  }
  return header->substr(scheme.size() + 1);
}

}  // namespace

std::string DecodePercent(std::string_view text) { return Decode(text, '+'); }

std::string EncodeQueryText(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      encoded += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::optional<std::string_view> Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

Response ErrorResponse(int status, std::string_view message) {
  model::JsonWriter json;
  json.BeginObject();
  json.Member("success", model::Value::Bool(false));
  json.Member("error", model::Value::String(message));
  json.Member("code", model::Value::String(CodeOf(status)));
  json.Member("message", model::Value::String(message));
  json.EndObject();
  Response response{status, json.Take() + "\n"};
  if (status == 429 || status == 503) response.headers.emplace_back("Retry-After", "1");
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"sojourn\"");
  return response;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> items;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    if (item.empty()) continue;
    const size_t equals = std::min(item.find('='), item.size());
    items.emplace_back(DecodeQueryText(item.substr(0, equals)),
                       DecodeQueryText(item.substr(std::min(equals + 1, item.size()))));
  }
  return items;
}

std::optional<std::string> BasicUser(const Request& request) {
  const auto credentials = Credentials(request, "basic");
  if (!credentials) return std::nullopt;
  const auto decoded = DecodeBase64(*credentials);
  if (!decoded) return std::nullopt;
  return decoded->substr(0, decoded->find(':'));
}

std::optional<std::string> WriteKeyOutsideBody(const Request& request) {
  if (auto user = BasicUser(request)) return user;
  const auto header = request.Header("authorization");
  if (header && !header->empty() && header->find(' ') == header->npos) return std::string(*header);
  const auto query = request.Query("writeKey");
  if (query) return std::string(*query);
  return std::nullopt;
}

std::optional<std::string_view> BearerToken(const Request& request) {
  return Credentials(request, "bearer");
}

}  // namespace sojourn::http
