// The one binary: `sojourn COMMAND`.

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/mutant.h"
#include "engine/cli/command_line.h"
#include "engine/cli/commands.h"
#include "engine/cli/key_command.h"
#include "engine/cli/migrate_command.h"
#include "engine/cli/version.h"

namespace {

using sojourn::cli::Command;
using sojourn::cli::CommandLine;

// `sojourn help COMMAND` is `sojourn COMMAND --help`.
void AddHelpCommand(Command app, int* exit_code) {
  const Command command = app.AddSubcommand("help", "Explains a command");
  auto name = std::make_shared<std::vector<std::string>>();
  command.AddOption("COMMAND", name.get(), "The command to explain");
  command.SetCallback([app, name, exit_code] {
    Command wanted = app;
    std::string parents;
    for (const std::string& word : *name) {
      const std::optional<Command> found = wanted.Find(word);
      if (!found) {
        std::fprintf(stderr, "sojourn: there is no command %s; see sojourn --help\n", word.c_str());
        *exit_code = 2;
        return;
      }
      parents += (parents.empty() ? "" : " ") + wanted.name();
      wanted = *found;
    }
    std::fputs(wanted.Help(parents).c_str(), stdout);
  });
}

int Main(int argc, char** argv) {
  if (const sojourn::Status status = sojourn::CheckMutant(); !status.ok()) {
    return sojourn::cli::Fail(status);
  }
  const CommandLine command_line("sojourn", "Sojourn: events in, journeys advanced, actions out",
                                 sojourn::cli::kVersion);
  const Command app = command_line.root();
  app.RequireSubcommands(1, 1);
  int exit_code = 0;
  sojourn::cli::AddRunCommand(app, &exit_code);
  sojourn::cli::AddCheckCommand(app, &exit_code);
  sojourn::cli::AddSchemaCommand(app, &exit_code);
  sojourn::cli::AddFmtCommand(app, &exit_code);
  sojourn::cli::AddGraphCommand(app, &exit_code);
  sojourn::cli::AddInitCommand(app, &exit_code);
  sojourn::cli::AddTestCommand(app, &exit_code);
  sojourn::cli::AddPreviewCommand(app, &exit_code);
  sojourn::cli::AddSendTestCommand(app, &exit_code);
  sojourn::cli::AddImportCommand(app, &exit_code);
  sojourn::cli::AddActionsCommand(app, &exit_code);
  sojourn::cli::AddCouponsCommand(app, &exit_code);
  sojourn::cli::AddDeadLettersCommand(app, &exit_code);
  sojourn::cli::AddEnrollCommand(app, &exit_code);
  sojourn::cli::AddBackfillCommand(app, &exit_code);
  sojourn::cli::AddBackupCommands(app, &exit_code);
  sojourn::cli::AddExplainCommand(app, &exit_code);
  sojourn::cli::AddPauseCommands(app, &exit_code);
  sojourn::cli::AddWebhooksCommand(app, &exit_code);
  sojourn::cli::AddPlanCommand(app, &exit_code);
  sojourn::cli::AddSimulateCommand(app, &exit_code);
  sojourn::cli::AddSummaryCommand(app, &exit_code);
  sojourn::cli::AddSuppressionsCommand(app, &exit_code);
  sojourn::cli::AddKeyCommand(app, &exit_code);
  sojourn::cli::AddKafkaCommand(app, &exit_code);
  sojourn::cli::AddMigrateCommand(app, &exit_code);
  AddHelpCommand(app, &exit_code);
  if (const sojourn::Status parsed = command_line.Parse(argc, argv); !parsed.ok()) {
    return sojourn::cli::Fail(parsed);
  }
  return exit_code;
}

// A file that is opened later must not become the output.
void OccupyClosedOutputs() {
  for (int file = 0; file <= 2; ++file) {
    if (fcntl(file, F_GETFD) == -1) (void)!open("/dev/null", O_RDONLY);
  }
}

// What could not be written was not said: a full disk under a redirection, a closed output.
int FinishOutput(int exit_code) {
  const bool flushed = std::fflush(stdout) == 0;
  const int error = errno;
  if (flushed && std::ferror(stdout) == 0) return exit_code;
  std::fprintf(stderr, "sojourn: cannot write the output%s%s; it is not complete\n",
               flushed ? "" : ": ", flushed ? "" : std::strerror(error));
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  OccupyClosedOutputs();
  try {
    return FinishOutput(Main(argc, argv));
  } catch (const std::exception& error) {  // out of memory, above all
    std::fprintf(stderr, "sojourn: %s\n", error.what());
    return 2;
  }
}
