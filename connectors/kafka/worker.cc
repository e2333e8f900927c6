#include "connectors/kafka/worker.h"

#include <fmt/format.h>

#include <random>

#include "engine/base/mutant.h"

namespace sojourn::kafka {
namespace {

std::string MemberName(const KafkaConfig& config, int number) {
  return fmt::format("{}-{}-{}", config.app, config.instance, number);
}

// The same after every start: what the last life left open is then ended at once.
std::string TransactionalId(const KafkaConfig& config, int number) {
  std::string id = MemberName(config, number);
  if (IsMutant(Mutant::kRandomTransactionalId)) id += fmt::format("-{}", std::random_device()());
  return id;
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
    : producer_(config, TransactionalId(config, number), observer),
      databases_(databases),
      input_log_(
          config, Membership{config.app, MemberName(config, number)}, InputsOf(config),
          partition_count, progress,
          [this](Partition partition) { databases_->Release(partition, &state_keeper_); },
          observer),
      state_keeper_(config, options, &input_log_, &producer_, databases, clock, observer),
      committer_(config, options, &input_log_, &producer_, &state_keeper_) {}

}  // namespace sojourn::kafka
