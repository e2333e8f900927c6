#include "connectors/kafka/worker.h"

#include <fmt/format.h>

namespace sojourn::kafka {
namespace {

std::string MemberName(const KafkaConfig& config, int number) {
  return fmt::format("{}-{}-{}", config.app, config.instance, number);
}

std::vector<runtime::InputDescription> InputsOf(const KafkaConfig& config) {
  std::vector<runtime::InputDescription> inputs;
  for (const std::string& topic : InputTopicNames(config)) {
    inputs.push_back({topic, topic == EventsTopic(config)});
  }
  return inputs;
}

}  // namespace

KafkaWorker::KafkaWorker(const KafkaConfig& config, const StateOptions& options, int number,
                         int32_t partition_count, StateDatabases* databases,
                         RouteProgress* progress, const runtime::WallClock* clock,
                         KafkaObserver* observer)
    : producer_(config, MemberName(config, number), observer),
      databases_(databases),
      input_log_(
          config, Membership{config.app, MemberName(config, number)}, InputsOf(config),
          partition_count, progress,
          [this](Partition partition) { databases_->Release(partition, &state_keeper_); },
          observer),
      state_keeper_(config, options, &input_log_, &producer_, databases, clock, observer),
      committer_(config, options, &input_log_, &producer_, &state_keeper_) {}

}  // namespace sojourn::kafka
