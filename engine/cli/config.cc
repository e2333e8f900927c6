#include "engine/cli/config.h"

#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/cli/config_reader.h"
#include "engine/cli/listener_config.h"
#include "engine/cli/write_key_config.h"
#include "engine/cli/yaml_file.h"
#include "engine/language/values.h"

namespace sojourn::cli {
namespace {

using language::Field;
using language::Node;
using language::Shape;
using language::ShapeKind;

constexpr size_t kMinLinkKeyBytes = 16;

const Shape& LogShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "log", .choices = {"embedded", "kafka"}};
  return shape;
}

const Shape& FormatShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "format", .choices = {"json", "protobuf"}};
  return shape;
}

const Shape& CountShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number", .minimum = 1, .maximum = 1024};
  return shape;
}

const Shape& MillisecondsShape() {
  static const Shape shape = {.kind = ShapeKind::kInteger,
                              .noun = "number of milliseconds",
                              .minimum = 1,
                              .maximum = 60000};
  return shape;
}

const Shape& HoursShape() {
  static const Shape shape = {.kind = ShapeKind::kInteger,
                              .noun = "number of hours",
                              .minimum = 0,
                              .maximum = 10 * 366 * 24};
  return shape;
}

const Shape& KeysShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of keys", .item = SecretShape};
  return shape;
}

const Shape& InputShape() {
  static const Shape shape = {.kind = ShapeKind::kObject,
                              .noun = "input topic",
                              .fields = {{"topic", language::TextShape, true, "name of the topic"},
                                         {"format", FormatShape, false, "json or protobuf"}}};
  return shape;
}

const Shape& InputsShape() {
  static const Shape shape = {.kind = ShapeKind::kList,
                              .noun = "list of input topics",
                              .item = InputShape,
                              .may_be_empty = true};
  return shape;
}

const Shape& RoutesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kList, .noun = "list of topics to be routed", .item = InputShape};
  return shape;
}

const Shape& RoleShape() {
  static const Shape shape = {
      .kind = ShapeKind::kChoice, .noun = "role", .choices = {"router", "engine", "deliver"}};
  return shape;
}

const Shape& RolesShape() {
  static const Shape shape = {.kind = ShapeKind::kList, .noun = "list of roles", .item = RoleShape};
  return shape;
}

const Shape& KafkaShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "kafka settings",
      .fields = {
          {"bootstrap_servers", language::TextShape, true, "HOST:PORT[,HOST:PORT...]"},
          {"inputs", InputsShape, false,
           "topics to read, in the order that breaks ties; format is of records that are no "
           "CloudEvent and "
           "in no schema registry's frame"},
          {"route", RoutesShape, false,
           "topics whose records are not keyed by person; the router copies them"},
          {"actions_format", FormatShape, false, "body of outbound actions"},
          {"partitions", CountShape, false, "of topics that create-topics makes"},
          {"replication_factor", CountShape, false, "of topics that create-topics makes"},
          {"instance", language::TextShape, false, "names this process; the same after a restart"},
          {"properties", SecretMapShape, false,
           "passed to librdkafka as they are; schema.registry.url and its like name a registry"}}};
  return shape;
}

const Shape& EventBytesShape() {
  static const Shape shape = {.kind = ShapeKind::kInteger,
                              .noun = "number of bytes",
                              .minimum = 1024,
                              .maximum = kMaxEventBytes};
  return shape;
}

const Shape& BodyBytesShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number of bytes", .minimum = 1024, .maximum = 16 << 20};
  return shape;
}

const Shape& CallsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kInteger, .noun = "number", .minimum = 1, .maximum = 100'000};
  return shape;
}

const Shape& IntakeShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "intake",
      .fields = {{"max_event_bytes", EventBytesShape, false, "of one event's JSON; default 32768"},
                 {"max_body_bytes", BodyBytesShape, false,
                  "of a request, packed and unpacked; default 512000"},
                 {"max_batch_calls", CallsShape, false, "default 2500"}}};
  return shape;
}

const Shape& SecretsShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "secrets",
      .fields = {{"coupon_key", SecretShape, false, "key of generated coupon codes"},
                 {"event_id_key", SecretShape, false, "key of remembered event ids"},
                 {"address_key", SecretShape, false, "key of the suppression list"},
                 {"link_keys", KeysShape, false, "keys of links in mails, the newest first"}}};
  return shape;
}

// Both formats of records have the same two names.
template <typename Format>
Format ParseFormat(std::string_view text) {
  return text == "protobuf" ? Format::kProtobuf : Format::kJson;
}

std::vector<kafka::InputTopic> ReadTopics(const Node& topics) {
  std::vector<kafka::InputTopic> read;
  for (const Node* topic : topics.items) {
    const Node* format = topic->Find("format");
    read.push_back({topic->Find("topic")->text,
                    ParseFormat<model::EventFormat>(format == nullptr ? "json" : format->text)});
  }
  return read;
}

Status ReadKafka(const Node& node, kafka::KafkaConfig* kafka) {
  const ConfigReader reader(node);
  reader.Text("bootstrap_servers", &kafka->bootstrap_servers);
  reader.Number("partitions", &kafka->partition_count);
  reader.Number("replication_factor", &kafka->replication_factor);
  reader.Text("instance", &kafka->instance);
  if (const Node* format = node.Find("actions_format")) {
    kafka->action_format = ParseFormat<model::ActionFormat>(format->text);
  }
  if (const Node* inputs = node.Find("inputs")) kafka->inputs = ReadTopics(*inputs);
  if (const Node* route = node.Find("route")) kafka->routes = ReadTopics(*route);
  return reader.Secrets("properties", &kafka->properties);
}

Status ReadRoles(const Node& node, Roles* roles) {
  *roles = {.router = false, .engine = false, .deliver = false};
  for (const Node* item : node.items) {
    bool* const role = item->text == "router"   ? &roles->router
                       : item->text == "engine" ? &roles->engine
                                                : &roles->deliver;
    if (*role) return ErrorAt(*item, fmt::format("the role {} stands there twice", item->text));
    *role = true;
  }
  return Status::Ok();
}

// What roles, log, mail and topics say of each other.
Status CheckParts(const Node& root, const Config& config) {
  const Node* kafka = root.Find("kafka");
  const Node* route = kafka == nullptr ? nullptr : kafka->Find("route");
  const Node* roles = root.Find("roles");
  if (config.log == LogKind::kEmbedded) {
    if (route != nullptr) {
      return ErrorAt(*route,
                     "route needs log: kafka; on the embedded log events come by HTTP and import, "
                     "which find the person themselves");
    }
    if (roles != nullptr) {
      return ErrorAt(
          *roles,
          "roles need log: kafka; on the embedded log one process has the data directory "
          "and runs everything");
    }
    return Status::Ok();
  }
  if (roles == nullptr) return Status::Ok();
  for (const Node* item : roles->items) {
    if (item->text == "router" && route == nullptr) {
      return ErrorAt(*item,
                     "the role router has nothing to route: name topics under kafka: {route: "
                     "[{topic: NAME}]}, or leave the role out");
    }
    if (item->text == "deliver" && config.mail.send == MailTransportKind::kNone &&
        !config.webhooks.send) {
      return ErrorAt(*item,
                     "the role deliver has nothing to send: mail: {send: smtp}, files or dry_run "
                     "says how mails leave, webhooks how webhooks do; or leave the role out");
    }
  }
  return Status::Ok();
}

Status ReadSecrets(const Node& node, Config* config) {
  const ConfigReader reader(node);
  SOJOURN_RETURN_IF_ERROR(reader.Secret("coupon_key", &config->coupon_key));
  SOJOURN_RETURN_IF_ERROR(reader.Secret("event_id_key", &config->event_id_key));
  SOJOURN_RETURN_IF_ERROR(reader.Secret("address_key", &config->address_key));
  const Node* keys = node.Find("link_keys");
  if (keys == nullptr) return Status::Ok();
  for (const Node* item : keys->items) {
    SOJOURN_ASSIGN_OR_RETURN(std::string key, ReadSecret(*item, "one of link_keys"));
    if (key.size() < kMinLinkKeyBytes) {
      return ErrorAt(
          *item, fmt::format("each of link_keys needs at least {} characters, or links could be "
                             "forged; openssl rand -hex 32 makes one",
                             kMinLinkKeyBytes));
    }
    config->link_keys.push_back(std::move(key));
  }
  return Status::Ok();
}

void ReadIntake(const Node& node, http::IntakeLimits* limits) {
  const ConfigReader reader(node);
  reader.Number("max_event_bytes", &limits->max_event_bytes);
  reader.Number("max_body_bytes", &limits->max_body_bytes);
  reader.Number("max_batch_calls", &limits->max_batch_calls);
}

// Where the pages of mails are reached when nothing is said of it.
void SetPublicUrl(const Node& root, MailConfig* mail) {
  const Node* mail_node = root.Find("mail");
  const bool own_listener = !mail->listen.empty();
  const Node* listener = own_listener ? mail_node : &root;
  const Node* listen = listener->Find("listen");
  if (!mail->public_url.empty() || listener->Find("tls") == nullptr || listen == nullptr) return;
  mail->public_url = "https://" + listen->text;
}

Status ReadRoot(const Node& root, const std::filesystem::path& directory, Config* config) {
  const ConfigReader reader(root);
  reader.Text("app", &config->app);
  reader.Path("rules", directory, &config->rules);
  reader.Path("data", directory, &config->data);
  reader.Text("listen", &config->listen);
  reader.Number("threads", &config->threads);
  reader.Number("partitions", &config->partitions);
  SOJOURN_ASSIGN_OR_RETURN(const auto write_keys, ReadWriteKeys(root));
  for (const auto& [name, key] : write_keys) config->write_keys[name] = key.hash.ToText();
  if (const Node* intake = root.Find("intake")) ReadIntake(*intake, &config->intake);
  if (const Node* log = root.Find("log")) {
    config->log = log->text == "kafka" ? LogKind::kKafka : LogKind::kEmbedded;
  }
  int64_t interval_ms = config->commit_interval.milliseconds();
  reader.Number("commit_interval_ms", &interval_ms);
  config->commit_interval = Milliseconds(interval_ms);
  int64_t retention_hours = config->retention.milliseconds() / Hours(1).milliseconds();
  reader.Number("retention_hours", &retention_hours);
  config->retention = Hours(retention_hours);
  if (const Node* secrets = root.Find("secrets")) {
    SOJOURN_RETURN_IF_ERROR(ReadSecrets(*secrets, config));
  }
  if (const Node* kafka = root.Find("kafka")) {
    SOJOURN_RETURN_IF_ERROR(ReadKafka(*kafka, &config->kafka));
  }
  if (const Node* roles = root.Find("roles")) {
    SOJOURN_RETURN_IF_ERROR(ReadRoles(*roles, &config->roles));
  }
  if (const Node* mail = root.Find("mail")) {
    SOJOURN_RETURN_IF_ERROR(ReadMailConfig(*mail, directory, &config->mail));
  } else if (config->log == LogKind::kKafka) {
    // Who has Kafka may have a mailer behind the actions already.
    config->mail.send = MailTransportKind::kNone;
  }
  if (const Node* feedback = root.Find("feedback")) {
    SOJOURN_RETURN_IF_ERROR(ReadFeedbackConfig(*feedback, directory, &config->feedback));
  }
  if (const Node* webhooks = root.Find("webhooks")) {
    SOJOURN_RETURN_IF_ERROR(ReadWebhookConfig(*webhooks, directory, &config->webhooks));
  } else if (config->log == LogKind::kKafka) {
    config->webhooks.send = false;  // for the same reason
  }
  SetPublicUrl(root, &config->mail);
  return CheckParts(root, *config);
}

}  // namespace

const Shape& ConfigShape() {
  static const Shape shape = {
      .kind = ShapeKind::kObject,
      .noun = "configuration",
      .fields = {{"app", language::KebabShape, false, "prefix of topics and groups"},
                 {"rules", language::TextShape, false, "rules directory"},
                 {"data", language::TextShape, false, "data directory"},
                 {"log", LogShape, false, "embedded or kafka"},
                 {"roles", RolesShape, false,
                  "what this process runs over Kafka: router, engine, deliver; default all"},
                 {"listen", language::TextShape, false, "HOST:PORT of the HTTP server"},
                 {"threads", CountShape, false, "worker threads"},
                 {"partitions", CountShape, false, "of a new embedded log"},
                 {"commit_interval_ms", MillisecondsShape, false, "longest time between commits"},
                 {"retention_hours", HoursShape, false, "of the embedded log's events and actions"},
                 {"intake", IntakeShape, false, "limits of events over HTTP"},
                 {"tls", TlsShape, false, "of the HTTP server"},
                 {"connections", ConnectionLimitsShape, false, "how many an HTTP server has"},
                 {"admin_tokens", SecretMapShape, false, "name: token of those who may operate"},
                 {"write_keys", WriteKeysShape, false, "name: key of those who may send events"},
                 {"secrets", SecretsShape, false, "keys"},
                 {"mail", MailShape, false, "how mails leave"},
                 {"feedback", FeedbackShape, false, "who tells what became of them"},
                 {"webhooks", WebhookShape, false, "how webhooks, SMS and push messages leave"},
                 {"kafka", KafkaShape, false, "where Kafka is"}}};
  return shape;
}

Result<Address> ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* begin = text.data() + colon + 1;
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size()) port = -1;
  }
  if (port < 0 || port > 65535) {
    return InvalidArgument(
        fmt::format("listen: {} is not HOST:PORT, such as 127.0.0.1:8080", text));
  }
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  return Address{host, static_cast<uint16_t>(port)};
}

Result<Config> ReadConfig(const std::string& file) {
  SOJOURN_ASSIGN_OR_RETURN(const YamlFile yaml, ReadYamlFile(file, ConfigShape()));
  Config config;
  config.file = file;
  SOJOURN_RETURN_IF_ERROR(
      ReadRoot(yaml.root(), std::filesystem::path(file).parent_path(), &config));
  return config;
}

Status ValidateConfig(const Config& config) {
  SOJOURN_RETURN_IF_ERROR(ParseAddress(config.listen).status());
  if (config.write_keys.empty() && !IsLoopback(config.listen)) {
    return InvalidArgument(fmt::format(
        "listen: {} can be reached from outside, so write_keys must name who may send events",
        config.listen));
  }
  SOJOURN_RETURN_IF_ERROR(ValidateMailConfig(config.mail));
  if (config.log == LogKind::kEmbedded) return Status::Ok();
  const bool has_secrets = !config.coupon_key.empty() && !config.event_id_key.empty();
  if (config.roles.needs_rules() && !has_secrets) {
    return InvalidArgument(
        "log: kafka needs secrets: {coupon_key, event_id_key}, the same for every instance");
  }
  return kafka::Validate(config.kafka);
}

}  // namespace sojourn::cli
