// Questions to the cluster, and the creation of topics.
//
// Threads: one owner. Calls wait for answers, each at most the time it is given.
#pragma once

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/client.h"
#include "connectors/kafka/config.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"

namespace sojourn::kafka {

using TopicSettings = std::map<std::string, std::string>;

struct NewTopic {
  std::string name;
  int32_t partition_count = 1;
  TopicSettings settings;
};

// The first record's offset, and the one behind the last, open transactions included.
struct Watermarks {
  Offset oldest;
  Offset end;
};

// The ends of a partition, as the handle's isolation level shows them. librdkafka's own question
// for both (rd_kafka_query_watermark_offsets) waits for minutes where no broker answers; this gives
// up.
Result<Watermarks> AskWatermarks(rd_kafka_t* handle, const std::string& topic, Partition partition,
                                 Duration timeout);

class Cluster {
 public:
  // Errors: kUnavailable, in one line with the library's reason, where no broker answers within
  // config.start_timeout.
  static Result<std::unique_ptr<Cluster>> Connect(const KafkaConfig& config,
                                                  KafkaObserver* observer);

  const std::string& id() const { return id_; }

  // Every topic that the cluster shows us.
  Result<std::map<std::string, int32_t>> PartitionCounts();
  // Settings in force, by topic. kNotFound where one does not exist.
  Result<std::map<std::string, TopicSettings>> Settings(const std::vector<std::string>& topics);
  // Returns when all can be used; else an error that names the first that could not be created. One
  // that exists by now is left as it is: whoever needs its settings checks them afterwards.
  Status Create(const std::vector<NewTopic>& topics);

  Result<Watermarks> QueryWatermarks(const std::string& topic, Partition partition);

 private:
  explicit Cluster(const KafkaConfig& config) : config_(config) {}
  struct EventDeleter {
    void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  };
  using EventPtr = std::unique_ptr<rd_kafka_event_t, EventDeleter>;
  // The broker that answers may learn a little later what the controller created.
  Status AwaitVisible(const std::vector<NewTopic>& topics);
  Result<EventPtr> AwaitAnswer(rd_kafka_queue_t* queue, const char* what);

  const KafkaConfig config_;
  std::unique_ptr<Client> client_;
  std::string id_;
};

}  // namespace sojourn::kafka
