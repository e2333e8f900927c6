// What an operator says about Kafka: where it is, how topics are named, which librdkafka properties
// pass through.
//
// Threads: plain values. Errors: Validate gives one line that names the setting and the way out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/model/action_codec.h"
#include "engine/model/event_codec.h"

namespace sojourn::kafka {

struct InputTopic {
  std::string name;
  model::EventFormat format = model::EventFormat::kJson;
};

// Where to begin in an input topic that this app has never committed an offset for.
enum class FirstStart : uint8_t { kOldest, kNewest };

// The longest record that the product itself writes, headers and frame included; its own topics
// must take it.
inline constexpr int32_t kMaxRecordBytes = 2 * 1024 * 1024;

struct KafkaConfig {
  std::string bootstrap_servers;  // HOST:PORT[,HOST:PORT...]
  std::string app = "sojourn";    // prefix of the product's own topics; the consumer group
  // Names this process among those of the app. The same after every restart, no two at once alike.
  std::string instance = "1";
  std::vector<InputTopic> inputs = {{"web"}, {"email"}, {"purchase"}};
  // Topics of others whose records are not keyed by person: the router copies them into
  // `<app>.events`. Any number of partitions, any keys.
  std::vector<InputTopic> routes;
  model::ActionFormat action_format = model::ActionFormat::kJson;
  FirstStart first_start = FirstStart::kOldest;

  // For create-topics.
  int32_t partition_count = 4;
  int16_t replication_factor = -1;            // -1: the broker's default
  Duration input_retention = Days(7);         // of the inputs, `events` and `actions`
  Duration dead_letter_retention = Days(30);  // of `dead-letters`
  // Of `deliveries`: longer than actions stay, or mails whose fate is forgotten were sent again.
  Duration delivery_retention = Days(30);
  // How long a forgotten person's tombstone stays in the changelog. A local store that was idle for
  // longer is rebuilt.
  Duration tombstone_retention = Days(7);

  Duration session_timeout = Seconds(10);
  Duration transaction_timeout = Seconds(10);  // at most session_timeout
  Duration commit_timeout = Seconds(1);   // a commit that takes longer counts as one without answer
  Duration start_timeout = Seconds(15);   // how long a start waits for a broker
  size_t fetch_buffer_bytes = 64u << 20;  // of one worker, divided among its partitions

  // Passed to librdkafka as they are: TLS, SASL, tuning. Those that would break exactly-once are
  // refused.
  std::map<std::string, std::string> properties;
};

// The product's own topics.
std::string EventsTopic(const KafkaConfig& config);
std::string ActionsTopic(const KafkaConfig& config);
std::string ChangelogTopic(const KafkaConfig& config);
std::string DeadLettersTopic(const KafkaConfig& config);
std::string DeliveriesTopic(const KafkaConfig& config);
std::string RulesTopic(const KafkaConfig& config);
std::string SuppressionsTopic(const KafkaConfig& config);
std::string NotesTopic(const KafkaConfig& config);

// The consumer group of the routers.
std::string RouterGroup(const KafkaConfig& config);

// The input topics in their order, `<app>.events` last: the inputs of every task.
std::vector<std::string> InputTopicNames(const KafkaConfig& config);

// Errors: kInvalidArgument.
Status Validate(const KafkaConfig& config);

}  // namespace sojourn::kafka
