#include "engine/cli/webhook_config.h"

#include <fmt/format.h>

#include "connectors/webhook/address_rules.h"
#include "connectors/webhook/signature.h"
#include "engine/cli/config_reader.h"
#include "engine/cli/yaml_file.h"
#include "engine/deliver/endpoints.h"
#include "engine/language/values.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& WebhookSecretsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of webhook secrets", .item = SecretShape};
  return shape;
}

const Shape& EndpointShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "endpoint",
      .fields = {{"url", language::TextShape, false, "the URL, without its query"},
                 {"host", language::TextShape, false, "or every URL of this host"},
                 {"secrets", WebhookSecretsShape, true, "what signs, the newest first"}}};
  return shape;
}

const Shape& EndpointsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of endpoints", .item = EndpointShape};
  return shape;
}

const Shape& GatewayShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "gateway",
      .fields = {{"url", language::TextShape, true, "where messages are posted"},
                 {"secrets", WebhookSecretsShape, false, "what signs, the newest first"}}};
  return shape;
}

const Shape& GatewaysShape() {
  static const Shape shape = {.kind = ShapeKind::kObject,
                              .noun = "gateways",
                              .fields = {{"sms", GatewayShape, false, "of SMS"},
                                         {"push", GatewayShape, false, "of push messages"}}};
  return shape;
}

const Shape& AllowShape() {
  static const Shape shape = {.kind = ShapeKind::kList,
                              .noun = "list of hosts, addresses and ranges",
                              .item = language::TextShape};
  return shape;
}

const Shape& UnderWayShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number of connections", .minimum = 1, .maximum = 256};
  return shape;
}

const Shape& SecondsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number of seconds", .minimum = 1, .maximum = 300};
  return shape;
}

Status ReadKeys(const Node& mapping, std::vector<std::string>* keys) {
  const Node* secrets = mapping.Find("secrets");
  if (secrets == nullptr) return Status::Ok();
  for (const Node* item : secrets->items) {
    SOJOURN_ASSIGN_OR_RETURN(const std::string text, ReadSecret(*item, "secrets"));
    auto key = webhook::ParseSecret(text);
    if (!key.ok()) return ErrorAt(*item, key.status().message());
    keys->push_back(*std::move(key));
  }
  return Status::Ok();
}

Status CheckUrl(const Node& node) {
  if (language::IsAllowedWebhookUrl(node.text)) return Status::Ok();
  return ErrorAt(node, fmt::format("{} is no URL for webhooks: https, or http to this machine",
                                   deliver::PlainUrlOf(node.text)));
}

Status ReadEndpoint(const Node& node, WebhookConfig* config) {
  WebhookEndpointConfig& endpoint = config->endpoints.emplace_back();
  const Node* url = node.Find("url");
  const Node* host = node.Find("host");
  if ((url == nullptr) == (host == nullptr)) {
    return ErrorAt(node, "an endpoint has a url or a host, and one of them only");
  }
  if (url != nullptr) {
    SOJOURN_RETURN_IF_ERROR(CheckUrl(*url));
    endpoint.url = deliver::PlainUrlOf(url->text);
  } else {
    if (host->text.find_first_of("/:@?# ") != std::string::npos) {
      return ErrorAt(*host, "a host is a name alone, such as crm.example");
    }
    endpoint.host = deliver::HostOf("https://" + host->text);
  }
  return ReadKeys(node, &endpoint.keys);
}

// A gateway's secrets are those of its URL.
Status ReadGateway(const Node& gateways, std::string_view name, WebhookConfig* config,
                   std::string* url) {
  const Node* gateway = gateways.Find(name);
  if (gateway == nullptr) return Status::Ok();
  const Node* node = gateway->Find("url");
  SOJOURN_RETURN_IF_ERROR(CheckUrl(*node));
  *url = node->text;
  WebhookEndpointConfig endpoint;
  endpoint.url = deliver::PlainUrlOf(*url);
  SOJOURN_RETURN_IF_ERROR(ReadKeys(*gateway, &endpoint.keys));
  if (!endpoint.keys.empty()) config->endpoints.push_back(std::move(endpoint));
  return Status::Ok();
}

Status ReadAllowed(const Node& list, WebhookConfig* config) {
  for (const Node* item : list.items) {
    const auto rules = webhook::AddressRules::Make({item->text});
    if (!rules.ok()) return ErrorAt(*item, rules.status().message());
    config->allow_private.push_back(item->text);
  }
  return Status::Ok();
}

void ReadSeconds(const ConfigReader& reader, std::string_view key, Duration* duration) {
  int64_t seconds = duration->milliseconds() / 1000;
  reader.Number(key, &seconds);
  *duration = Seconds(seconds);
}

}  // namespace

const std::vector<std::string>& WebhookConfig::KeysFor(const std::string& url) const {
  const std::string plain_url = deliver::PlainUrlOf(url);
  const std::string host = deliver::HostOf(url);
  const WebhookEndpointConfig* of_host = nullptr;
  for (const WebhookEndpointConfig& endpoint : endpoints) {
    if (!endpoint.url.empty() && endpoint.url == plain_url) return endpoint.keys;
    if (!endpoint.host.empty() && endpoint.host == host) of_host = &endpoint;
  }
  return of_host == nullptr ? keys : of_host->keys;
}

const Shape& WebhookShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "webhook settings",
      .fields = {
          {"send", language::BooleanShape, false, "whether this process sends them (default true)"},
          {"secrets", WebhookSecretsShape, false, "what signs, the newest first"},
          {"endpoints", EndpointsShape, false, "URLs and hosts with secrets of their own"},
          {"gateways", GatewaysShape, false, "where SMS and push messages go"},
          {"allow_private", AllowShape, false, "what may be called beside the public Internet"},
          {"ca_file", language::TextShape, false, "PEM of who signs the certificates"},
          {"connections", UnderWayShape, false, "webhooks under way at the same time (default 32)"},
          {"connect_timeout_seconds", SecondsShape, false, "default 5"},
          {"timeout_seconds", SecondsShape, false, "for the whole of an attempt (default 15)"}}};
  return shape;
}

Status ReadWebhookConfig(const Node& webhooks, const std::filesystem::path& directory,
                         WebhookConfig* config) {
  const ConfigReader reader(webhooks);
  reader.Bool("send", &config->send);
  reader.Path("ca_file", directory, &config->ca_file);
  reader.Number("connections", &config->connections);
  ReadSeconds(reader, "connect_timeout_seconds", &config->connect_timeout);
  ReadSeconds(reader, "timeout_seconds", &config->timeout);
  SOJOURN_RETURN_IF_ERROR(ReadKeys(webhooks, &config->keys));
  if (const Node* endpoints = webhooks.Find("endpoints")) {
    for (const Node* item : endpoints->items) SOJOURN_RETURN_IF_ERROR(ReadEndpoint(*item, config));
  }
  if (const Node* gateways = webhooks.Find("gateways")) {
    SOJOURN_RETURN_IF_ERROR(ReadGateway(*gateways, "sms", config, &config->gateways.sms_url));
    SOJOURN_RETURN_IF_ERROR(ReadGateway(*gateways, "push", config, &config->gateways.push_url));
  }
  const Node* allowed = webhooks.Find("allow_private");
  return allowed == nullptr ? Status::Ok() : ReadAllowed(*allowed, config);
}

}  // namespace sojourn::cli
