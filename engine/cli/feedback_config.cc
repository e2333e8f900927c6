#include "engine/cli/feedback_config.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "connectors/feedback/signature.h"
#include "engine/cli/config_reader.h"
#include "engine/cli/secret_value.h"
#include "engine/cli/yaml_file.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& TextsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of texts", .item = language::TextShape};
  return shape;
}

const Shape& KeysShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of keys", .item = SecretShape};
  return shape;
}

const Shape& SesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "settings of SES",
      .fields = {{"topics", TextsShape, true, "ARNs of the SNS topics that are heard"},
                 {"ca_file", language::TextShape, false, "PEM of who signs SNS's certificates"}}};
  return shape;
}

const Shape& SendGridShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "settings of SendGrid",
      .fields = {{"public_key", SecretShape, false, "verification key of the webhook"},
                 {"public_keys", KeysShape, false, "several, any of which may have signed"}}};
  return shape;
}

const Shape& PostmarkShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "settings of Postmark",
      .fields = {{"user", language::TextShape, false, "of HTTP Basic in the webhook's address"},
                 {"password", SecretShape, false, "of HTTP Basic"},
                 {"headers", SecretMapShape, false, "that each request must have"}}};
  return shape;
}

const Shape& MailgunShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "settings of Mailgun",
      .fields = {{"signing_key", SecretShape, false, "HTTP webhook signing key"},
                 {"signing_keys", KeysShape, false, "several, any of which may have signed"}}};
  return shape;
}

struct Key {
  const Node* node;
  std::string text;
};

// The key under `one` and those under `many`, at least one.
Result<std::vector<Key>> KeysOf(const Node& node, std::string_view one, std::string_view many) {
  std::vector<const Node*> nodes;
  if (const Node* key = node.Find(one)) nodes.push_back(key);
  if (const Node* list = node.Find(many)) {
    nodes.insert(nodes.end(), list->items.begin(), list->items.end());
  }
  if (nodes.empty()) return ErrorAt(node, fmt::format("{} is missing", one));
  std::vector<Key> keys;
  for (const Node* key : nodes) {
    SOJOURN_ASSIGN_OR_RETURN(std::string text, ReadSecret(*key, one));
    keys.push_back({key, std::move(text)});
  }
  return keys;
}

Status ReadSes(const Node& node, const std::filesystem::path& directory, FeedbackConfig* config) {
  static const re2::RE2 arn(R"(arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256})");
  feedback::SesOptions& ses = config->ses.emplace();
  for (const Node* topic : node.Find("topics")->items) {
    if (!re2::RE2::FullMatch(topic->text, arn)) {
      return ErrorAt(*topic, fmt::format("{} is no ARN of an SNS topic, such as "
                                         "arn:aws:sns:eu-central-1:123456789012:bounces",
                                         topic->text));
    }
    ses.topics.insert(topic->text);
  }
  ConfigReader(node).Path("ca_file", directory, &ses.ca_file);
  return Status::Ok();
}

Status ReadSendGrid(const Node& node, FeedbackConfig* config) {
  SOJOURN_ASSIGN_OR_RETURN(const auto keys, KeysOf(node, "public_key", "public_keys"));
  for (const Key& key : keys) {
    const auto read = feedback::PublicKey::ReadP256(key.text);
    if (!read.ok()) return ErrorAt(*key.node, read.status().message());
    config->sendgrid_keys.push_back(key.text);
  }
  return Status::Ok();
}

Status ReadPostmark(const Node& node, FeedbackConfig* config) {
  feedback::PostmarkOptions& postmark = config->postmark.emplace();
  const ConfigReader reader(node);
  reader.Text("user", &postmark.user);
  SOJOURN_RETURN_IF_ERROR(reader.Secret("password", &postmark.password));
  SOJOURN_RETURN_IF_ERROR(reader.Secrets("headers", &postmark.headers));
  if (postmark.user.empty() != postmark.password.empty()) {
    return ErrorAt(node, "user and password belong together; one of them is missing");
  }
  if (postmark.user.empty() && postmark.headers.empty()) {
    return ErrorAt(node,
                   "Postmark signs nothing, so it needs user and password, or headers, that nobody "
                   "else knows");
  }
  return Status::Ok();
}

Status ReadMailgun(const Node& node, FeedbackConfig* config) {
  SOJOURN_ASSIGN_OR_RETURN(const auto keys, KeysOf(node, "signing_key", "signing_keys"));
  for (const Key& key : keys) config->mailgun_keys.push_back(key.text);
  return Status::Ok();
}

}  // namespace

const Shape& FeedbackShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "feedback settings",
      .fields = {{"ses", SesShape, false, "POST /feedback/ses"},
                 {"sendgrid", SendGridShape, false, "POST /feedback/sendgrid"},
                 {"postmark", PostmarkShape, false, "POST /feedback/postmark"},
                 {"mailgun", MailgunShape, false, "POST /feedback/mailgun"},
                 {"mailbox", language::TextShape, false, "bounces, as mbox file or Maildir"}}};
  return shape;
}

Status ReadFeedbackConfig(const Node& feedback, const std::filesystem::path& directory,
                          FeedbackConfig* config) {
  if (const Node* ses = feedback.Find("ses")) {
    SOJOURN_RETURN_IF_ERROR(ReadSes(*ses, directory, config));
  }
  if (const Node* sendgrid = feedback.Find("sendgrid")) {
    SOJOURN_RETURN_IF_ERROR(ReadSendGrid(*sendgrid, config));
  }
  if (const Node* postmark = feedback.Find("postmark")) {
    SOJOURN_RETURN_IF_ERROR(ReadPostmark(*postmark, config));
  }
  if (const Node* mailbox = feedback.Find("mailbox")) {
    if (mailbox->text.empty()) return ErrorAt(*mailbox, "mailbox is empty");
    ConfigReader(feedback).Path("mailbox", directory, &config->mailbox);
  }
  const Node* mailgun = feedback.Find("mailgun");
  return mailgun == nullptr ? Status::Ok() : ReadMailgun(*mailgun, config);
}

}  // namespace sojourn::cli
