// The subcommands. Each adds itself to the command line and leaves its exit code in `*exit_code`:
// 0 done, 1 the thing looked at is wrong (rules, tests), 2 bad usage or configuration.
//
// Threads: main only.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <optional>
#include <string>

#include "engine/base/status.h"
#include "engine/cli/backend.h"
#include "engine/cli/config.h"
#include "engine/cli/log_observer.h"

namespace sojourn::cli {

void AddRunCommand(CLI::App* app, int* exit_code);
void AddCheckCommand(CLI::App* app, int* exit_code);
void AddSchemaCommand(CLI::App* app, int* exit_code);
void AddFmtCommand(CLI::App* app, int* exit_code);
void AddGraphCommand(CLI::App* app, int* exit_code);
void AddInitCommand(CLI::App* app, int* exit_code);
void AddTestCommand(CLI::App* app, int* exit_code);
void AddImportCommand(CLI::App* app, int* exit_code);
void AddActionsCommand(CLI::App* app, int* exit_code);
void AddCouponsCommand(CLI::App* app, int* exit_code);
void AddDeadLettersCommand(CLI::App* app, int* exit_code);
void AddBackfillCommand(CLI::App* app, int* exit_code);
void AddBackupCommands(CLI::App* app, int* exit_code);  // backup, restore
void AddEnrollCommand(CLI::App* app, int* exit_code);
void AddExplainCommand(CLI::App* app, int* exit_code);
void AddPauseCommands(CLI::App* app, int* exit_code);  // pause, resume
void AddWebhooksCommand(CLI::App* app, int* exit_code);
void AddPreviewCommand(CLI::App* app, int* exit_code);
void AddSendTestCommand(CLI::App* app, int* exit_code);
void AddPlanCommand(CLI::App* app, int* exit_code);
void AddSimulateCommand(CLI::App* app, int* exit_code);
void AddSummaryCommand(CLI::App* app, int* exit_code);
void AddSuppressionsCommand(CLI::App* app, int* exit_code);
void AddKafkaCommand(CLI::App* app, int* exit_code);

// --- What several commands share.

// `--config`, and flags that win over it.
struct CommonOptions {
  std::string config_file;
  std::optional<std::string> rules;
  std::optional<std::string> data;
  std::optional<std::string> listen;
};
// Adds --config and --data.
std::shared_ptr<CommonOptions> AddCommonOptions(CLI::App* command);
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
