#include "connectors/kafka/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "connectors/kafka/client.h"

namespace sojourn::kafka {
namespace {

struct ReservedProperty {
  std::string_view name;
  std::string_view way_out;
};

constexpr std::string_view kExactlyOnce = "exactly-once processing depends on it";
constexpr std::string_view kOwnSetting = "it has a setting of its own";

constexpr std::array kReservedProperties = {
    ReservedProperty{"acks", kExactlyOnce},
    ReservedProperty{"allow.auto.create.topics", "use sojourn kafka create-topics"},
    ReservedProperty{"auto.commit.enable", kExactlyOnce},
    ReservedProperty{"auto.offset.reset", "use first_start"},
    ReservedProperty{"bootstrap.servers", kOwnSetting},
    ReservedProperty{"check.crcs", "records are always checked"},
    ReservedProperty{"delivery.report.only.error", kExactlyOnce},
    ReservedProperty{"delivery.timeout.ms", kExactlyOnce},
    ReservedProperty{"enable.auto.commit", kExactlyOnce},
    ReservedProperty{"enable.auto.offset.store", kExactlyOnce},
    ReservedProperty{"enable.gapless.guarantee", kExactlyOnce},
    ReservedProperty{"enable.idempotence", kExactlyOnce},
    ReservedProperty{"enable.partition.eof", kExactlyOnce},
    ReservedProperty{"group.id", "use app"},
    ReservedProperty{"group.instance.id", "use instance"},
    ReservedProperty{"group.protocol.type", kExactlyOnce},
    ReservedProperty{"isolation.level", kExactlyOnce},
    ReservedProperty{"max.in.flight", kExactlyOnce},
    ReservedProperty{"max.in.flight.requests.per.connection", kExactlyOnce},
    ReservedProperty{"message.max.bytes", "the product's records have limits of their own"},
    ReservedProperty{"message.send.max.retries", kExactlyOnce},
    ReservedProperty{"message.timeout.ms", kExactlyOnce},
    ReservedProperty{"metadata.broker.list", "use bootstrap_servers"},
    ReservedProperty{"offset.store.method", kExactlyOnce},
    ReservedProperty{"partition.assignment.strategy", kExactlyOnce},
    ReservedProperty{"partitioner", "the partition of a person is fixed"},
    ReservedProperty{"queued.max.messages.kbytes", "use fetch_buffer_bytes"},
    ReservedProperty{"queued.min.messages", "use fetch_buffer_bytes"},
    ReservedProperty{"request.required.acks", kExactlyOnce},
    ReservedProperty{"retries", kExactlyOnce},
    ReservedProperty{"session.timeout.ms", "use session_timeout"},
    ReservedProperty{"test.mock.num.brokers", "it replaces the brokers"},
    ReservedProperty{"transaction.timeout.ms", "use transaction_timeout"},
    ReservedProperty{"transactional.id", "use instance"},
};

bool IsTopicName(std::string_view name) {
  constexpr size_t kMaxTopicNameBytes = 249;
  if (name.empty() || name.size() > kMaxTopicNameBytes || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

Status CheckProperties(const std::map<std::string, std::string>& properties) {
  for (const auto& [name, value] : properties) {
    for (const ReservedProperty& reserved : kReservedProperties) {
      if (name == reserved.name) {
        return InvalidArgument(
            fmt::format("kafka.properties: {} cannot be set here: {}", name, reserved.way_out));
      }
    }
  }
  return CheckPropertyNames(properties);
}

Status CheckTopics(const KafkaConfig& config) {
  if (config.inputs.empty() && config.routes.empty()) {
    return InvalidArgument("kafka.inputs: at least one topic is needed there or under kafka.route");
  }
  std::set<std::string> names = {ActionsTopic(config),     ChangelogTopic(config),
                                 DeadLettersTopic(config), DeliveriesTopic(config),
                                 RulesTopic(config),       SuppressionsTopic(config),
                                 NotesTopic(config)};
  for (const std::string& name : InputTopicNames(config)) {
    if (!IsTopicName(name)) {
      return InvalidArgument(fmt::format(
          "kafka.inputs: \"{}\" is no topic name: 1 to 249 of a-z A-Z 0-9 . _ -", name));
    }
    if (!names.insert(name).second) {
      return InvalidArgument(fmt::format(
          "kafka.inputs: the topic {} stands there twice, or is the product's own", name));
    }
  }
  for (const InputTopic& route : config.routes) {
    if (!IsTopicName(route.name)) {
      return InvalidArgument(fmt::format(
          "kafka.route: \"{}\" is no topic name: 1 to 249 of a-z A-Z 0-9 . _ -", route.name));
    }
    if (!names.insert(route.name).second) {
      return InvalidArgument(
          fmt::format("kafka.route: the topic {} stands there twice, is one of kafka.inputs, or is "
                      "the product's own",
                      route.name));
    }
  }
  return Status::Ok();
}

Status CheckTimes(const KafkaConfig& config) {
  if (config.transaction_timeout > config.session_timeout) {
    return InvalidArgument(
        "kafka.transaction_timeout: must not be longer than session_timeout, or a process that is "
        "gone could still hold a transaction open");
  }
  if (config.commit_timeout <= Duration() || config.start_timeout <= Duration() ||
      config.transaction_timeout < config.commit_timeout) {
    return InvalidArgument(
        "kafka.commit_timeout: must be above zero and at most transaction_timeout");
  }
  return Status::Ok();
}

}  // namespace

std::string EventsTopic(const KafkaConfig& config) { return config.app + ".events"; }
std::string ActionsTopic(const KafkaConfig& config) { return config.app + ".actions"; }
std::string ChangelogTopic(const KafkaConfig& config) { return config.app + ".changelog"; }
std::string DeadLettersTopic(const KafkaConfig& config) { return config.app + ".dead-letters"; }
std::string DeliveriesTopic(const KafkaConfig& config) { return config.app + ".deliveries"; }
std::string RulesTopic(const KafkaConfig& config) { return config.app + ".rules"; }
std::string SuppressionsTopic(const KafkaConfig& config) { return config.app + ".suppressions"; }
std::string NotesTopic(const KafkaConfig& config) { return config.app + ".notes"; }

std::string RouterGroup(const KafkaConfig& config) { return config.app + "-router"; }

std::vector<std::string> InputTopicNames(const KafkaConfig& config) {
  std::vector<std::string> names;
  for (const InputTopic& input : config.inputs) names.push_back(input.name);
  names.push_back(EventsTopic(config));
  return names;
}

Status Validate(const KafkaConfig& config) {
  if (config.bootstrap_servers.empty()) {
    return InvalidArgument(
        "kafka.bootstrap_servers: missing; give HOST:PORT of one or more brokers");
  }
  constexpr size_t kMaxAppBytes = 200;
  if (!IsTopicName(config.app) || config.app.size() > kMaxAppBytes) {
    return InvalidArgument(
        "kafka.app: must be 1 to 200 of a-z A-Z 0-9 . _ -, for it begins the names of topics");
  }
  if (!IsTopicName(config.instance)) {
    return InvalidArgument("kafka.instance: must be 1 to 249 of a-z A-Z 0-9 . _ -");
  }
  if (config.partition_count < 1) {
    return InvalidArgument("kafka.partitions: must be at least 1");
  }
  SOJOURN_RETURN_IF_ERROR(CheckTimes(config));
  SOJOURN_RETURN_IF_ERROR(CheckTopics(config));
  return CheckProperties(config.properties);
}

}  // namespace sojourn::kafka
