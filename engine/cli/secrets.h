// The configured keys, or those that a data directory made for itself.
#pragma once

#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/cli/config.h"
#include "engine/step/step.h"

namespace sojourn::cli {

// Keys missing in the configuration are read from DATA/secrets.json (mode 0600), which is made with
// random ones at the first start. Errors: the file cannot be read, written or understood.
Result<step::Secrets> LoadSecrets(const Config& config);

// The key of deliver::Suppressions; likewise. Only for who has the data directory open, or after
// its process made the key at its start: two must not make one each.
Result<std::string> LoadAddressKey(const Config& config);

// The keys of links in mails, newest first; likewise.
Result<std::vector<std::string>> LoadLinkKeys(const Config& config);

// The keys that sign webhooks where the configuration has none for all; likewise, as
// "webhook_secret".
Result<std::vector<std::string>> LoadWebhookKeys(const Config& config);
// That secret as its receivers need it. kNotFound: none was made yet.
Result<std::string> FindWebhookSecret(const Config& config);
// Whether the configuration's secrets of all webhooks sign with the one that the directory made for
// itself, or it made none.
Result<bool> SignsWithSecretOf(const std::string& directory, const Config& config);

// Whether the configuration has every key that the data directory made for itself.
// kFailedPrecondition names the one that it has not.
Status CheckKeysOf(const std::string& directory, const Config& config);

}  // namespace sojourn::cli
