#include "engine/cli/secrets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "connectors/http/instance_file.h"
#include "engine/base/hash.h"

namespace sojourn::cli {
namespace {

struct KeyTexts {
  std::string coupon_key;
  std::string event_id_key;
};

Result<KeyTexts> ReadKeys(const std::string& path) {
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  KeyTexts keys;
  if (json.is_object()) {
    keys.coupon_key = json.value("coupon_key", "");
    keys.event_id_key = json.value("event_id_key", "");
  }
  if (keys.coupon_key.empty() || keys.event_id_key.empty()) {
    return DataLoss(
        fmt::format("{} is damaged: restore it from a backup, or set secrets in the "
                    "configuration",
                    path));
  }
  return keys;
}

Result<KeyTexts> MakeKeys(const std::string& path) {
  KeyTexts keys;
  SOJOURN_ASSIGN_OR_RETURN(keys.coupon_key, http::NewToken());
  SOJOURN_ASSIGN_OR_RETURN(keys.event_id_key, http::NewToken());
  const nlohmann::json json = {{"coupon_key", keys.coupon_key},
                               {"event_id_key", keys.event_id_key}};
  const std::string text = json.dump(1) + "\n";
  const std::string partial = path + ".new";
  const int file = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable(fmt::format("cannot write {}: {}", path, strerror(errno)));
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const bool durable = fsync(file) == 0;
  if (close(file) != 0 || !written || !durable || rename(partial.c_str(), path.c_str()) != 0) {
    return Unavailable(fmt::format("cannot write {}: {}", path, strerror(errno)));
  }
  return keys;
}

}  // namespace

Result<step::Secrets> LoadSecrets(const Config& config) {
  KeyTexts keys{config.coupon_key, config.event_id_key};
  if (keys.coupon_key.empty() || keys.event_id_key.empty()) {
    const std::string path = config.data + "/secrets.json";
    SOJOURN_ASSIGN_OR_RETURN(const KeyTexts kept,
                             access(path.c_str(), F_OK) == 0 ? ReadKeys(path) : MakeKeys(path));
    if (keys.coupon_key.empty()) keys.coupon_key = kept.coupon_key;
    if (keys.event_id_key.empty()) keys.event_id_key = kept.event_id_key;
  }
  step::Secrets secrets;
  secrets.coupon_key = keys.coupon_key;
  const Sha256Digest digest = Sha256(keys.event_id_key);
  std::memcpy(secrets.event_id_key.data(), digest.data(), sizeof(secrets.event_id_key));
  return secrets;
}

}  // namespace sojourn::cli
