#include "engine/cli/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "connectors/http/instance_file.h"
#include "connectors/webhook/signature.h"
#include "engine/base/hash.h"
#include "engine/base/json_text.h"

namespace sojourn::cli {
namespace {

using Keys = std::map<std::string, std::string>;

constexpr char kCouponKey[] = "coupon_key";
constexpr char kEventIdKey[] = "event_id_key";
constexpr char kAddressKey[] = "address_key";
constexpr char kLinkKey[] = "link_key";
constexpr char kWebhookSecret[] = "webhook_secret";

constexpr char kFileName[] = "secrets.json";

std::string PathOf(const Config& config) { return config.data + "/" + kFileName; }

Status Damaged(const std::string& path) {
  return DataLoss(
      fmt::format("{} is damaged: restore it from a backup, or set secrets in the "
                  "configuration",
                  path));
}

// No file: no keys.
Result<Keys> ReadKeys(const std::string& path) {
  Keys keys;
  if (access(path.c_str(), F_OK) != 0) return keys;
  std::ifstream file(path);
  const auto json = ParseJson(file);
  if (!json.is_object()) return Damaged(path);
  for (const auto& [name, key] : json.items()) {
    if (!key.is_string() || key.get_ref<const std::string&>().empty()) return Damaged(path);
    keys[name] = key.get<std::string>();
  }
  return keys;
}

// Until the directory is synced, a loss of power may bring the old file back, and state has been
// written by then that only goes with the new keys.
bool SyncDirectory(const std::string& directory) {
  const int file = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  return synced;
}

Status WriteKeys(const Config& config, const Keys& keys) {
  const std::string path = PathOf(config);
  const std::string text = DumpJson(nlohmann::json(keys), 1) + "\n";
  const std::string partial = path + ".new";
  const int file = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable(fmt::format("cannot write {}: {}", path, strerror(errno)));
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool durable = fsync(file) == 0;
  if (close(file) != 0 || !written || !durable || rename(partial.c_str(), path.c_str()) != 0 ||
      !SyncDirectory(config.data)) {
    return Unavailable(fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return Status::Ok();
}

// A key that the data directory keeps, made when it is first asked for.
Result<std::string> LoadKey(const Config& config, const char* name) {
  if (config.log == LogKind::kKafka) {
    return InvalidArgument(
        fmt::format("log: kafka needs secrets: {{{}}}, the same for every instance",
                    name == kLinkKey ? "link_keys" : name));
  }
  const std::string path = PathOf(config);
  SOJOURN_ASSIGN_OR_RETURN(Keys keys, ReadKeys(path));
  if (!keys.contains(name)) {
    const bool webhook = name == std::string_view(kWebhookSecret);
    SOJOURN_ASSIGN_OR_RETURN(keys[name], webhook ? webhook::NewSecret() : http::NewToken());
    SOJOURN_RETURN_IF_ERROR(WriteKeys(config, keys));
  }
  return keys[name];
}

}  // namespace

Result<step::Secrets> LoadSecrets(const Config& config) {
  std::string coupon_key = config.coupon_key;
  std::string event_id_key = config.event_id_key;
  if (coupon_key.empty() || event_id_key.empty()) {
    const std::string path = PathOf(config);
    SOJOURN_ASSIGN_OR_RETURN(Keys keys, ReadKeys(path));
    if (!keys.contains(kCouponKey) && !keys.contains(kEventIdKey)) {
      SOJOURN_ASSIGN_OR_RETURN(keys[kCouponKey], http::NewToken());
      SOJOURN_ASSIGN_OR_RETURN(keys[kEventIdKey], http::NewToken());
      SOJOURN_RETURN_IF_ERROR(WriteKeys(config, keys));
    }
    if (keys[kCouponKey].empty() || keys[kEventIdKey].empty()) return Damaged(path);
    if (coupon_key.empty()) coupon_key = keys[kCouponKey];
    if (event_id_key.empty()) event_id_key = keys[kEventIdKey];
  }
  step::Secrets secrets;
  secrets.coupon_key = coupon_key;
  const Sha256Digest digest = Sha256(event_id_key);
  std::memcpy(secrets.event_id_key.data(), digest.data(), sizeof(secrets.event_id_key));
  return secrets;
}

Result<std::string> LoadAddressKey(const Config& config) {
  if (!config.address_key.empty()) return config.address_key;
  return LoadKey(config, kAddressKey);
}

Result<std::vector<std::string>> LoadLinkKeys(const Config& config) {
  if (!config.link_keys.empty()) return config.link_keys;
  SOJOURN_ASSIGN_OR_RETURN(std::string key, LoadKey(config, kLinkKey));
  return std::vector<std::string>{std::move(key)};
}

Result<std::vector<std::string>> LoadWebhookKeys(const Config& config) {
  if (config.log == LogKind::kKafka) {
    return InvalidArgument(
        "over Kafka webhooks need webhooks: {secrets}, the same for every instance");
  }
  SOJOURN_ASSIGN_OR_RETURN(const std::string secret, LoadKey(config, kWebhookSecret));
  auto key = webhook::ParseSecret(secret);
  if (!key.ok()) return Damaged(PathOf(config));
  return std::vector<std::string>{*std::move(key)};
}

Result<std::string> FindWebhookSecret(const Config& config) {
  SOJOURN_ASSIGN_OR_RETURN(Keys keys, ReadKeys(PathOf(config)));
  if (!keys.contains(kWebhookSecret)) {
    return NotFound(
        fmt::format("{} has no secret for webhooks yet: sojourn run makes one", PathOf(config)));
  }
  return keys[kWebhookSecret];
}

Result<bool> SignsWithSecretOf(const std::string& directory, const Config& config) {
  const std::string path = directory + "/" + kFileName;
  SOJOURN_ASSIGN_OR_RETURN(Keys keys, ReadKeys(path));
  if (!keys.contains(kWebhookSecret)) return true;
  const auto key = webhook::ParseSecret(keys[kWebhookSecret]);
  if (!key.ok()) return Damaged(path);
  return std::ranges::find(config.webhooks.keys, *key) != config.webhooks.keys.end();
}

Status CheckKeysOf(const std::string& directory, const Config& config) {
  const std::string path = directory + "/" + kFileName;
  SOJOURN_ASSIGN_OR_RETURN(const Keys keys, ReadKeys(path));
  const Keys configured = {{kCouponKey, config.coupon_key},
                           {kEventIdKey, config.event_id_key},
                           {kAddressKey, config.address_key}};
  for (const auto& [name, key] : keys) {
    // Of no state; whoever checks signatures learns the new one from the operator.
    if (name == kWebhookSecret) continue;
    const auto same = configured.find(name);
    const bool is_there = same != configured.end()
                              ? same->second == key
                              : std::ranges::find(config.link_keys, key) != config.link_keys.end();
    if (is_there) continue;
    return FailedPrecondition(
        fmt::format("{} has a {} that the configuration has not: put it under secrets{}", path,
                    name, same == configured.end() ? ", as one of link_keys" : ""));
  }
  return Status::Ok();
}

}  // namespace sojourn::cli
