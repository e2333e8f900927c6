// `sojourn kafka create-topics`.

#include <fmt/format.h>

#include <cstdio>

#include "connectors/kafka/cluster.h"
#include "connectors/kafka/topics.h"
#include "engine/cli/commands.h"

namespace sojourn::cli {
namespace {

Result<int> CreateTopics(const CommonOptions& options) {
  SOJOURN_ASSIGN_OR_RETURN(const Config config, ResolveConfig(options));
  if (config.log != LogKind::kKafka) {
    return InvalidArgument("the configuration does not say `log: kafka`");
  }
  SOJOURN_RETURN_IF_ERROR(ValidateConfig(config));
  LogObserver observer(/*quiet=*/true);
  SOJOURN_ASSIGN_OR_RETURN(const auto cluster, kafka::Cluster::Connect(config.kafka, &observer));
  SOJOURN_ASSIGN_OR_RETURN(const kafka::CreatedTopics topics,
                           kafka::CreateTopics(config.kafka, cluster.get()));
  for (const std::string& topic : topics.created) std::printf("created   %s\n", topic.c_str());
  for (const std::string& topic : topics.existing) std::printf("is right  %s\n", topic.c_str());
  return 0;
}

}  // namespace

void AddKafkaCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("kafka", "What concerns Kafka only");
  command.RequireSubcommands(1, 1);
  const Command create = command.AddSubcommand(
      "create-topics", "Makes missing topics with right settings; refuses wrong ones");
  auto options = AddCommonOptions(create);
  create.SetCallback([options, exit_code] {
    const Result<int> result = CreateTopics(*options);
    *exit_code = result.ok() ? *result : Fail(result.status());
  });
}

}  // namespace sojourn::cli
