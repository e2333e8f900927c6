#include "engine/cli/listener_config.h"

#include <filesystem>

#include <fmt/format.h>

#include "engine/cli/config_reader.h"
#include "engine/cli/write_key_config.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

constexpr size_t kMinTokenBytes = 16;

const Shape& VersionShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "version of TLS", .choices = {"1.2", "1.3"}};
  return shape;
}

const Shape& ConnectionCountShape() {
  static const Shape shape = {.kind = ShapeKind::kInteger,
                              .noun = "number of connections",
                              .minimum = 1,
                              .maximum = 1'000'000};
  return shape;
}

std::optional<http::TlsOptions> ReadTls(const Node& listener,
                                        const std::filesystem::path& directory) {
  const Node* node = listener.Find("tls");
  if (node == nullptr) return std::nullopt;
  http::TlsOptions options;
  const ConfigReader reader(*node);
  reader.Path("certificate", directory, &options.certificate);
  reader.Path("key", directory, &options.key);
  std::string version;
  reader.Text("minimum_version", &version);
  if (version == "1.3") options.minimum_version = http::TlsVersion::k13;
  return options;
}

Result<std::map<std::string, http::SecretHash>> ReadAdminTokens(const Node& root) {
  std::map<std::string, http::SecretHash> hashes;
  const Node* map = root.Find("admin_tokens");
  if (map == nullptr) return hashes;
  for (const Node::Entry& entry : map->entries) {
    const std::string& name = entry.key->text;
    SOJOURN_ASSIGN_OR_RETURN(const std::string secret, ReadSecret(*entry.value, name));
    if (name.empty()) return ErrorAt(*entry.key, "admin_tokens: a name is missing");
    if (secret.size() < kMinTokenBytes) {
      return ErrorAt(*entry.value, fmt::format("{} needs at least {} characters, or it could be "
                                               "guessed; sojourn key makes one",
                                               name, kMinTokenBytes));
    }
    SOJOURN_ASSIGN_OR_RETURN(const http::SecretHash hash, ReadHash(*entry.value, name, secret));
    hashes.emplace(name, hash);
  }
  return hashes;
}

}  // namespace

const Shape& TlsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "TLS settings",
      .fields = {{"certificate", language::TextShape, true,
                  "PEM file: the certificate, then those that signed it"},
                 {"key", language::TextShape, true, "PEM file of its private key"},
                 {"minimum_version", VersionShape, false, "1.2 (default) or 1.3"}}};
  return shape;
}

const Shape& ConnectionLimitsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "numbers of connections",
      .fields = {{"total", ConnectionCountShape, false, "of everybody (default 4000)"},
                 {"per_client", ConnectionCountShape, false, "from one address (default 1000)"}}};
  return shape;
}

bool IsLoopback(std::string_view listen) {
  return listen.starts_with("127.") || listen.starts_with("localhost:") ||
         listen.starts_with("[::1]:");
}

Result<http::SecretHash> ReadHash(const Node& node, std::string_view name, std::string_view text) {
  const auto hash = http::SecretHash::Parse(text);
  if (hash.ok()) return *hash;
  return ErrorAt(node, fmt::format("{}: {}", name, hash.status().message()));
}

Result<ListenerConfig> ReadListenerConfig(const std::string& file) {
  ListenerConfig config;
  if (file.empty()) return config;
  SOJOURN_ASSIGN_OR_RETURN(const YamlFile yaml, ReadYamlFile(file, ConfigShape()));
  const Node& root = yaml.root();
  const auto directory = std::filesystem::path(file).parent_path();
  config.tls = ReadTls(root, directory);
  if (const Node* mail = root.Find("mail")) config.mail_tls = ReadTls(*mail, directory);
  if (const Node* connections = root.Find("connections")) {
    const ConfigReader reader(*connections);
    reader.Number("total", &config.max_connections);
    reader.Number("per_client", &config.max_client_connections);
  }
  SOJOURN_ASSIGN_OR_RETURN(config.write_keys, ReadWriteKeys(root));
  SOJOURN_ASSIGN_OR_RETURN(config.admin_tokens, ReadAdminTokens(root));
  return config;
}

}  // namespace sojourn::cli
