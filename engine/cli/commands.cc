#include "engine/cli/commands.h"

#include <cstdio>

#include "engine/cli/remote.h"

namespace sojourn::cli {

std::shared_ptr<CommonOptions> AddCommonOptions(Command command) {
  auto options = std::make_shared<CommonOptions>();
  command.AddOption("--config", &options->config_file, "Configuration file (YAML)");
  command.AddOption("--data", &options->data, "Data directory (default: data)");
  return options;
}

Result<Config> ResolveConfig(const CommonOptions& options) {
  Config config;
  if (!options.config_file.empty()) {
    SOJOURN_ASSIGN_OR_RETURN(config, ReadConfig(options.config_file));
  }
  if (options.rules) config.rules = *options.rules;
  if (options.data) config.data = *options.data;
  if (options.listen) config.listen = *options.listen;
  config.kafka.app = config.app;
  return config;
}

int Fail(const Status& status) {
  std::fprintf(stderr, "sojourn: %s\n", status.message().c_str());
  return 2;
}

Result<OpenedBackend> OpenForCommand(const Config& config, bool need_existing) {
  OpenedBackend opened;
  opened.observer = std::make_unique<LogObserver>(/*quiet=*/true);
  if (config.log == LogKind::kEmbedded) {
    if (const auto instance = FindInstance(config.data)) {
      opened.backend = MakeRemoteBackend(*instance);
      opened.remote = true;
      return opened;
    }
  }
  SOJOURN_ASSIGN_OR_RETURN(opened.backend,
                           OpenBackend(config, need_existing, opened.observer.get()));
  return opened;
}

}  // namespace sojourn::cli
