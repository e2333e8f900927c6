#include "connectors/kafka/action_record.h"

#include <string>
#include <vector>

#include "engine/model/action_codec.h"

namespace sojourn::kafka {

Result<size_t> WriteAction(const KafkaConfig& config, const ActionsPartition& to,
                           const model::Action& action, TransactionalProducer* producer) {
  const auto pairs =
      model::CloudEventHeaders(action, "/sojourn/" + config.app, config.action_format);
  const std::vector<Header> headers(pairs.begin(), pairs.end());
  std::string body;
  if (config.action_format == model::ActionFormat::kProtobuf) {
    model::EncodeAction(action, &body);
  } else {
    body = model::ActionToJson(action);
  }
  return producer->Produce({to.topic, to.partition, action.person, body, headers});
}

}  // namespace sojourn::kafka
