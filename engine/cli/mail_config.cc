#include "engine/cli/mail_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/cli/config_reader.h"
#include "engine/cli/listener_config.h"

namespace sojourn::cli {
namespace {

using language::Node;
using language::Shape;
using language::ShapeKind;

const Shape& SendShape() {
  static const Shape shape = {.kind = ShapeKind::kChoice,
                              .noun = "way to send",
                              .choices = {"none", "files", "dry_run", "smtp"}};
  return shape;
}

const Shape& SecurityShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "security", .choices = {"starttls", "tls", "none"}};
  return shape;
}

const Shape& PortShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "port", .minimum = 1, .maximum = 65535};
  return shape;
}

const Shape& ConnectionsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number of connections", .minimum = 1, .maximum = 256};
  return shape;
}

const Shape& AnswerTimeoutShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number of seconds", .minimum = 1, .maximum = 3600};
  return shape;
}

const Shape& SmtpShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "relay",
      .fields = {{"host", language::TextShape, true, "name or address of the relay"},
                 {"port", PortShape, false, "587, 465 or 25, as security has it"},
                 {"security", SecurityShape, false, "starttls (default), tls or none"},
                 {"user", language::TextShape, false, "for the login"},
                 {"password", SecretShape, false, "for the login"},
                 {"ca_file", language::TextShape, false, "PEM of who signs the certificate"},
                 {"client_name", language::TextShape, false, "what EHLO says"},
                 {"envelope_from", language::TextShape, false, "where bounces go"},
                 {"answer_timeout_seconds", AnswerTimeoutShape, false,
                  "how long each of its answers may take (default 120)"}}};
  return shape;
}

const Shape& DkimKeyShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "DKIM key",
      .fields = {{"domain", language::TextShape, true, "which senders it signs for"},
                 {"selector", language::TextShape, true, "its name in DNS"},
                 {"key_file", language::TextShape, true, "PEM of the RSA private key"}}};
  return shape;
}

const Shape& DkimShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of DKIM keys", .item = DkimKeyShape};
  return shape;
}

const Shape& DomainRatesShape() {
  static const Shape shape = {.kind = ShapeKind::kMap,
                              .noun = "map of domains to rates",
                              .item = language::TextShape,
                              .key = language::TextShape,
                              .may_be_empty = true};
  return shape;
}

const Shape& RatesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "rates",
      .fields = {{"per_sender", language::TextShape, false, "such as 100 per second, or none"},
                 {"per_domain", language::TextShape, false, "of each receiving domain"},
                 {"domains", DomainRatesShape, false, "of single receiving domains"}}};
  return shape;
}

Status ReadRate(std::string_view key, const std::string& text, deliver::Rate* rate) {
  if (text.empty() || deliver::ParseRate(text, rate)) return Status::Ok();
  return InvalidArgument(fmt::format(
      "mail.rates: {}: {} is no rate; write it like 10 per second, 600 per minute or none", key,
      text));
}

Status ReadRates(const Node& node, deliver::RateLimits* rates) {
  const ConfigReader reader(node);
  std::string per_sender;
  std::string per_domain;
  std::map<std::string, std::string> domains;
  reader.Text("per_sender", &per_sender);
  reader.Text("per_domain", &per_domain);
  reader.Map("domains", &domains);
  SOJOURN_RETURN_IF_ERROR(ReadRate("per_sender", per_sender, &rates->per_sender));
  SOJOURN_RETURN_IF_ERROR(ReadRate("per_domain", per_domain, &rates->per_domain));
  for (const auto& [domain, rate] : domains) {
    SOJOURN_RETURN_IF_ERROR(
        ReadRate(domain, rate, &rates->domains[deliver::DomainOf("@" + domain)]));
  }
  return Status::Ok();
}

Status ReadSmtp(const Node& node, const std::filesystem::path& directory, smtp::SmtpOptions* smtp) {
  const ConfigReader reader(node);
  reader.Text("host", &smtp->host);
  reader.Number("port", &smtp->port);
  reader.Text("user", &smtp->user);
  reader.Path("ca_file", directory, &smtp->ca_file);
  reader.Text("client_name", &smtp->client_name);
  reader.Text("envelope_from", &smtp->envelope_from);
  int answer_seconds = static_cast<int>(smtp->answer_timeout.milliseconds() / 1000);
  reader.Number("answer_timeout_seconds", &answer_seconds);
  smtp->answer_timeout = Seconds(answer_seconds);
  // A mail needs several answers, and time to go over.
  smtp->total_timeout = std::max(smtp->total_timeout, Seconds(int64_t{3} * answer_seconds));
  if (const Node* security = node.Find("security")) {
    smtp->security = security->text == "tls"    ? smtp::Security::kTls
                     : security->text == "none" ? smtp::Security::kNone
                                                : smtp::Security::kStartTls;
  }
  return reader.Secret("password", &smtp->password);
}

MailTransportKind ParseSend(std::string_view text) {
  if (text == "none") return MailTransportKind::kNone;
  if (text == "dry_run") return MailTransportKind::kDryRun;
  return text == "smtp" ? MailTransportKind::kSmtp : MailTransportKind::kFiles;
}

}  // namespace

const Shape& MailShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "mail settings",
      .fields = {
          {"send", SendShape, false, "none, files (default), dry_run or smtp"},
          {"directory", language::TextShape, false, "of files; default DATA/mail"},
          {"smtp", SmtpShape, false, "the relay"},
          {"dkim", DkimShape, false, "keys that sign"},
          {"connections", ConnectionsShape, false, "mails under way at the same time"},
          {"rates", RatesShape, false, "how fast mails may leave"},
          {"resend_unknown", language::BooleanShape, false,
           "send again what may have been sent already (default false)"},
          {"listen", language::TextShape, false, "HOST:PORT of the pages behind links"},
          {"tls", TlsShape, false, "of listen"},
          {"public_url", language::TextShape, false, "where people reach these pages"},
          {"track_opens", language::BooleanShape, false, "an open pixel (default true)"},
          {"track_clicks", language::BooleanShape, false, "links by way of us (default true)"},
          {"texts", language::TextShape, false, "directory of texts, LANGUAGE.yaml"}}};
  return shape;
}

Status ReadMailConfig(const Node& mail, const std::filesystem::path& directory,
                      MailConfig* config) {
  const ConfigReader reader(mail);
  if (const Node* send = mail.Find("send")) config->send = ParseSend(send->text);
  reader.Path("directory", directory, &config->directory);
  if (const Node* smtp = mail.Find("smtp")) {
    if (mail.Find("send") == nullptr) {
      return InvalidArgument(
          "mail: smtp names a relay, but send does not say smtp: add send: smtp (or send: files to "
          "look at mails first)");
    }
    SOJOURN_RETURN_IF_ERROR(ReadSmtp(*smtp, directory, &config->smtp));
  }
  if (const Node* dkim = mail.Find("dkim")) {
    for (const Node* item : dkim->items) {
      const ConfigReader key_reader(*item);
      smtp::DkimKeyOptions& key = config->dkim.emplace_back();
      key_reader.Text("domain", &key.domain);
      key_reader.Text("selector", &key.selector);
      key_reader.Path("key_file", directory, &key.key_file);
    }
  }
  reader.Number("connections", &config->delivery.connections);
  reader.Bool("resend_unknown", &config->delivery.resend_unknown);
  reader.Text("listen", &config->listen);
  reader.Text("public_url", &config->public_url);
  reader.Bool("track_opens", &config->track_opens);
  reader.Bool("track_clicks", &config->track_clicks);
  reader.Path("texts", directory, &config->texts);
  while (config->public_url.ends_with("/")) config->public_url.pop_back();
  const Node* rates = mail.Find("rates");
  return rates == nullptr ? Status::Ok() : ReadRates(*rates, &config->rates);
}

Status ValidateMailConfig(const MailConfig& config) {
  const std::string& url = config.public_url;
  if (!url.empty() && !url.starts_with("https://") && !url.starts_with("http://")) {
    return InvalidArgument(
        fmt::format("mail.public_url: {} is no address, such as https://mail.shop.example", url));
  }
  if (url.find_first_of(" \t\r\n?#\"<>\\") != std::string::npos) {
    return InvalidArgument(fmt::format(
        "mail.public_url: {} has a space, a ? or the like; links are written behind it", url));
  }
  if (config.smtp.user.empty() != config.smtp.password.empty()) {
    return InvalidArgument("mail.smtp: user and password belong together; one of them is missing");
  }
  if (config.send != MailTransportKind::kSmtp) return Status::Ok();
  if (config.smtp.host.empty()) {
    return InvalidArgument("mail: send: smtp needs smtp: {host: NAME-OF-THE-RELAY}");
  }
  if (url.empty()) {
    return InvalidArgument(
        "mail: send: smtp needs public_url, where receivers can reach the pages behind the links "
        "(https://mail.shop.example), and listen, where this process serves them");
  }
  return Status::Ok();
}

}  // namespace sojourn::cli
