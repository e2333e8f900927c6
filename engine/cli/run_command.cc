#include "engine/base/mutant.h"
#include "engine/cli/commands.h"
#include "engine/cli/service.h"
#include "engine/telemetry/log.h"

namespace sojourn::cli {

void AddRunCommand(Command app, int* exit_code) {
  Command command =
      app.AddSubcommand("run", "Runs the engine: events in, actions out, until it is stopped");
  auto options = AddCommonOptions(command);
  command.AddOption("--rules", &options->rules, "Rules directory (default: rules)");
  command.AddOption("--listen", &options->listen,
                    "HOST:PORT of the HTTP server (default: 127.0.0.1:8080)");
  auto verbose = std::make_shared<bool>(false);
  command.AddFlag("--verbose", verbose.get(), "Log more");
  auto accept_changed_keys = std::make_shared<bool>(false);
  command.AddFlag("--accept-changed-keys", accept_changed_keys.get(),
                  "Go on although a key of `secrets` is not the one the data was made with");
  command.SetCallback([options, verbose, accept_changed_keys, exit_code] {
    telemetry::StartLogging(*verbose ? telemetry::LogLevel::kDebug : telemetry::LogLevel::kInfo);
    if constexpr (SOJOURN_MUTANTS != 0) {
      telemetry::Log(telemetry::LogLevel::kWarning, "this build can make deliberate mistakes",
                     {{"mutant", MutantName()}});
    }
    Result<Config> config = ResolveConfig(*options);
    if (!config.ok()) {
      *exit_code = Fail(config.status());
      return;
    }
    config->accept_changed_keys = *accept_changed_keys;
    Service service(*config);
    Status status = service.Start();
    if (status.ok()) status = service.Serve();
    if (!status.ok()) *exit_code = Fail(status);
  });
}

}  // namespace sojourn::cli
