// The key `mail` of the configuration: how mails leave, and where their links lead.
//
// Threads: a plain value. Relative paths are relative to the configuration file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "connectors/smtp/dkim.h"
#include "connectors/smtp/smtp_transport.h"
#include "engine/base/status.h"
#include "engine/deliver/deliverer.h"
#include "engine/deliver/rate.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

enum class MailTransportKind : uint8_t {
  kNone,    // mails stay actions for others to act on
  kFiles,   // into a directory, to be looked at
  kDryRun,  // composed and counted
  kSmtp,    // to a relay
};

struct MailConfig {
  MailTransportKind send = MailTransportKind::kFiles;
  std::string directory;  // kFiles; empty: DATA/mail
  smtp::SmtpOptions smtp;
  std::vector<smtp::DkimKeyOptions> dkim;
  deliver::DelivererOptions delivery;
  deliver::RateLimits rates;
  // HOST:PORT of the public listener; empty: the pages stand beside the others, for a first look.
  std::string listen;
  std::string public_url;  // where people reach it; empty: http://LISTEN
  bool track_opens = true;
  bool track_clicks = true;
  std::string texts;  // a directory LANGUAGE.yaml of texts of pages and footer; empty: none
};

const language::Shape& MailShape();
// `mail` has passed its shape. Errors: kInvalidArgument where a rate is none, one line.
Status ReadMailConfig(const language::Node& mail, const std::filesystem::path& directory,
                      MailConfig* config);
// What no single key shows.
Status ValidateMailConfig(const MailConfig& config);

}  // namespace sojourn::cli
