// What the configuration says of its listeners, for who serves: certificates, tokens, limits.
//
// Threads: a plain value. Errors: as of config.h.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/http_server.h"
#include "connectors/http/secret_hash.h"
#include "connectors/http/tls_options.h"
#include "connectors/http/write_key.h"
#include "engine/base/status.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

struct ListenerConfig {
  std::optional<http::TlsOptions> tls;       // of `listen`; none: plain HTTP
  std::optional<http::TlsOptions> mail_tls;  // of `mail: {listen}`
  // Of each listener.
  size_t max_connections = http::ServerOptions().max_connections;
  size_t max_client_connections = http::ServerOptions().max_client_connections;
  // By name; none: everybody may send events, and then only a loopback address is listened on.
  std::map<std::string, http::WriteKey> write_keys;
  // Name -> token of those who may operate over HTTP. None: only who can read the data directory.
  std::map<std::string, http::SecretHash> admin_tokens;
};

// `file`: of the configuration; empty: all as it is by default.
Result<ListenerConfig> ReadListenerConfig(const std::string& file);

// Whether only this machine reaches the address.
bool IsLoopback(std::string_view listen);

// ---- for the reading of the whole configuration ----------------------------------------------

// Of the whole file; stands with the rest of it in config.cc.
const language::Shape& ConfigShape();
const language::Shape& TlsShape();
const language::Shape& ConnectionLimitsShape();

// What is kept of the secret `text` that stands, or is named, at `node`; errors call it `name`.
Result<http::SecretHash> ReadHash(const language::Node& node, std::string_view name,
                                  std::string_view text);

}  // namespace sojourn::cli
