// Which topics the app needs, with which settings; making and checking them.
//
// Threads: as of Cluster.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/config.h"
#include "engine/base/status.h"

namespace sojourn::kafka {

struct CreatedTopics {
  std::vector<std::string> created;
  std::vector<std::string> existing;  // right as they are
};

// Makes the missing topics; changes none that exist. With input topics already there, their
// partition count is the one that counts. Errors: kFailedPrecondition where an existing topic is
// wrong: one line that says what is wrong with each, and nothing was created.
Result<CreatedTopics> CreateTopics(const KafkaConfig& config, Cluster* cluster);

// What a start needs: every topic is there, and right, and so are those to be routed, which may
// have any settings. Gives the partition count of the inputs. Errors: kFailedPrecondition, in one
// line that says what is wrong with each topic.
Result<int32_t> CheckTopics(const KafkaConfig& config, Cluster* cluster);

}  // namespace sojourn::kafka
