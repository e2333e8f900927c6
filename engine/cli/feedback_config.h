// The key `feedback` of the configuration: which mail providers tell what became of mails, and how
// their requests are known to be theirs.
//
// Threads: a plain value. Relative paths are relative to the configuration file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "connectors/feedback/options.h"
#include "engine/base/status.h"
#include "engine/language/schema.h"
#include "engine/language/yaml.h"

namespace sojourn::cli {

// What is absent is not heard: its path is 404.
struct FeedbackConfig {
  std::optional<feedback::SesOptions> ses;
  std::vector<std::string> sendgrid_keys;  // public ones, which feedback::PublicKey can read
  std::optional<feedback::PostmarkOptions> postmark;
  std::vector<std::string> mailgun_keys;
  std::string mailbox;  // of bounces: a file or a Maildir; empty: none is read

  bool any() const {
    return ses || !sendgrid_keys.empty() || postmark || !mailgun_keys.empty() || !mailbox.empty();
  }
  feedback::MarkedProviders marked() const {
    return {ses.has_value(), !sendgrid_keys.empty(), postmark.has_value(), !mailgun_keys.empty()};
  }
};

const language::Shape& FeedbackShape();
// `feedback` has passed its shape. Errors: kInvalidArgument, one line that begins with
// `file:line:col`.
Status ReadFeedbackConfig(const language::Node& feedback, const std::filesystem::path& directory,
                          FeedbackConfig* config);

}  // namespace sojourn::cli
