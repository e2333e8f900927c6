// What stands in `<app>.actions`: key = person, headers of CloudEvents in binary mode, body as
// config.action_format says (engine/model/action_codec.h).
//
// Threads: the producer's owner.
#pragma once

#include <string_view>

#include "connectors/kafka/config.h"
#include "connectors/kafka/producer.h"
#include "engine/model/action.h"

namespace sojourn::kafka {

struct ActionsPartition {
  std::string_view topic;
  Partition partition;
};

// Adds the action to the open transaction. The number it gives is for DeliveredOffset.
Result<size_t> WriteAction(const KafkaConfig& config, const ActionsPartition& to,
                           const model::Action& action, TransactionalProducer* producer);

}  // namespace sojourn::kafka
