// The key `webhooks` of the configuration: how webhooks are signed and where they may go, and the
// gateways that SMS and push messages leave by.
//
// Threads: a plain value. Relative paths are relative to the configuration file. Errors never
// contain a secret.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/deliver/call_composer.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

// Secrets of one URL, or of all URLs of a host.
struct WebhookEndpointConfig {
  std::string url;   // without user and query; empty: `host` counts
  std::string host;  // in lower case, without port
  std::vector<std::string> keys;
};

struct WebhookConfig {
  bool send = true;
  // Newest first; each signs, so that receivers can change over.
  std::vector<std::string> keys;
  std::vector<WebhookEndpointConfig> endpoints;
  deliver::Gateways gateways;
  std::vector<std::string> allow_private;
  std::string ca_file;  // empty: the machine's authorities
  int connections = 32;
  Duration connect_timeout = Seconds(5);
  Duration timeout = Seconds(15);

  // What signs a webhook to the URL: its own keys, its host's, or those of all.
  const std::vector<std::string>& KeysFor(const std::string& url) const;
};

const language::Shape& WebhookShape();
// `webhooks` has passed its shape. kInvalidArgument, one line: a secret, URL, host or address that
// is none.
Status ReadWebhookConfig(const language::Node& webhooks, const std::filesystem::path& directory,
                         WebhookConfig* config);

}  // namespace sojourn::cli
