// The subcommands. Each adds itself to the command line and leaves its exit code in `*exit_code`:
// 0 done, 1 the thing looked at is wrong (rules, tests), 2 bad usage or configuration.
//
// Threads: main only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/command_line.h"
#include "engine/cli/config.h"
#include "engine/cli/log_observer.h"

namespace sojourn::cli {

void AddRunCommand(Command app, int* exit_code);
void AddCheckCommand(Command app, int* exit_code);
void AddSchemaCommand(Command app, int* exit_code);
void AddFmtCommand(Command app, int* exit_code);
void AddGraphCommand(Command app, int* exit_code);
void AddInitCommand(Command app, int* exit_code);
void AddTestCommand(Command app, int* exit_code);
void AddImportCommand(Command app, int* exit_code);
void AddActionsCommand(Command app, int* exit_code);
void AddCouponsCommand(Command app, int* exit_code);
void AddDeadLettersCommand(Command app, int* exit_code);
void AddBackfillCommand(Command app, int* exit_code);
void AddBackupCommands(Command app, int* exit_code);  // backup, restore
void AddEnrollCommand(Command app, int* exit_code);
void AddExplainCommand(Command app, int* exit_code);
void AddPauseCommands(Command app, int* exit_code);  // pause, resume
void AddWebhooksCommand(Command app, int* exit_code);
void AddPreviewCommand(Command app, int* exit_code);
void AddSendTestCommand(Command app, int* exit_code);
void AddPlanCommand(Command app, int* exit_code);
void AddSimulateCommand(Command app, int* exit_code);
void AddSummaryCommand(Command app, int* exit_code);
void AddSuppressionsCommand(Command app, int* exit_code);
void AddKafkaCommand(Command app, int* exit_code);

// --- What several commands share.

// `--config`, and flags that win over it.
struct CommonOptions {
  std::string config_file;
  std::optional<std::string> rules;
  std::optional<std::string> data;
  std::optional<std::string> listen;
};
// Adds --config and --data.
std::shared_ptr<CommonOptions> AddCommonOptions(Command command);
Result<Config> ResolveConfig(const CommonOptions& options);

// Prints "sojourn: MESSAGE" to stderr; gives the exit code.
int Fail(const Status& status);

// What a command works on: the running process where there is one, else the log itself.
struct OpenedBackend {
  std::unique_ptr<LogObserver> observer;
  std::unique_ptr<Backend> backend;
  bool remote = false;
};
Result<OpenedBackend> OpenForCommand(const Config& config, bool need_existing);

}  // namespace sojourn::cli
