// What `sojourn run` and its helpers are told: one YAML file, every key optional, flags on top.
//
// Threads: a plain value. Ownership: owns its strings. Relative paths are relative to the
// configuration file. Errors: a misspelt key, a wrong type or an impossible value is a Status of
// one line that begins with `file:line:col` and says what to write instead.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "connectors/http/intake_limits.h"
#include "connectors/kafka/config.h"
#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/cli/feedback_config.h"
#include "engine/cli/mail_config.h"
#include "engine/cli/webhook_config.h"

namespace sojourn::cli {

enum class LogKind : uint8_t { kEmbedded, kKafka };

// The parts of the product that a process runs. HTTP is served by every process.
struct Roles {
  bool router = true;   // copies topics of others into `<app>.events`, where there are any
  bool engine = true;   // walks people through the journeys
  bool deliver = true;  // sends mails and calls webhooks
  bool needs_rules() const { return engine || deliver; }
};

struct Config {
  std::string file;             // where it was read from; empty: none
  std::string app = "sojourn";  // prefix of topics, consumer group and transactional ids
  std::string rules = "rules";
  std::string data = "data";
  LogKind log = LogKind::kEmbedded;
  Roles roles;  // all of them on the embedded log
  std::string listen = "127.0.0.1:8080";
  int threads = 1;
  int partitions = 4;  // of the embedded log, fixed when the data directory is made
  Duration commit_interval = Milliseconds(50);
  // Events and actions of the embedded log stay this long after they were applied and read.
  Duration retention = Days(30);
  // Name -> key of those who may send events. Empty: everybody, and then only on a loopback
  // address.
  std::map<std::string, std::string> write_keys;
  http::IntakeLimits intake;
  std::string coupon_key;    // empty: made at the first start and kept in the data directory
  std::string event_id_key;  // likewise
  std::string address_key;   // of the suppression list; likewise
  // The keys above may be others than those the state was made with. A flag of `run` only: it is
  // said once, not for ever.
  bool accept_changed_keys = false;
  std::vector<std::string> link_keys;  // of links in mails, newest first; none: likewise
  MailConfig mail;
  FeedbackConfig feedback;
  WebhookConfig webhooks;
  kafka::KafkaConfig kafka;  // used with LogKind::kKafka; `app` is copied into it
};

struct Address {
  std::string host;  // numeric
  uint16_t port = 0;
};

// "127.0.0.1:8080", "localhost:8080", "[::1]:8080".
Result<Address> ParseAddress(const std::string& text);

Result<Config> ReadConfig(const std::string& file);

// What no single key shows: no address, a public address without write keys, Kafka without an
// address or keys.
Status ValidateConfig(const Config& config);

}  // namespace sojourn::cli
