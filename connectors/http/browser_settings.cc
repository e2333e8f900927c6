#include "connectors/http/browser_settings.h"

#include <algorithm>

#include "engine/model/json_writer.h"

namespace sojourn::http {
namespace {

constexpr std::string_view kSettings = "/settings";

bool IsHost(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(".-_:[]").find(c) != std::string_view::npos;
  });
}

void WriteAddress(std::string_view name, std::string_view host, bool secure,
                  model::JsonWriter* json) {
  json->Key(name);
  json->Write(std::string(host) + "/v1");
  json->Key("protocol");
  json->Write(secure ? "https" : "http");
}

}  // namespace

std::optional<std::string> KeyOfSettingsPath(std::string_view path) {
  if (!path.starts_with(kProjectsPath) || !path.ends_with(kSettings)) return std::nullopt;
  path.remove_prefix(kProjectsPath.size());
  if (path.size() <= kSettings.size()) return std::nullopt;
  return DecodePercent(path.substr(0, path.size() - kSettings.size()));
}

Response SettingsForBrowsers(std::string_view key, const Request& request, bool secure) {
  const std::string_view host = request.Header("host").value_or("");
  if (!IsHost(host)) return ErrorResponse(400, "a Host is wanted");
  secure = secure || request.Header("x-forwarded-proto") == "https";
  model::JsonWriter json;
  json.BeginObject();
  json.Key("integrations");
  json.BeginObject();
  json.Key("Segment.io");
  json.BeginObject();
  json.Key("apiKey");
  json.Write(key);
  WriteAddress("apiHost", host, secure, &json);
  json.EndObject();
  json.EndObject();
  json.Key("metrics");
  json.BeginObject();
  json.Member("sampleRate", model::Value::Int(0));
  WriteAddress("host", host, secure, &json);
  json.EndObject();
  json.EndObject();
  return {200, json.Take() + "\n"};
}

}  // namespace sojourn::http
