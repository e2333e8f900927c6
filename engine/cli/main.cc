// The one binary: `sojourn COMMAND`.

#include <fcntl.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>

#include "engine/base/mutant.h"
#include "engine/cli/commands.h"
#include "engine/cli/key_command.h"
#include "engine/cli/migrate_command.h"
#include "engine/cli/version.h"

namespace {

// `sojourn help COMMAND` is `sojourn COMMAND --help`.
void AddHelpCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("help", "Explains a command");
  auto name = std::make_shared<std::vector<std::string>>();
  command->add_option("COMMAND", *name, "The command to explain");
  command->callback([app, name, exit_code] {
    CLI::App* wanted = app;
    std::string parents;
    for (const std::string& word : *name) {
      const auto found =
          wanted->get_subcommands([&](CLI::App* sub) { return sub->check_name(word); });
      parents += (parents.empty() ? "" : " ") + wanted->get_name();
      wanted = found.empty() ? nullptr : found.front();
      if (wanted == nullptr) {
        std::fprintf(stderr, "sojourn: there is no command %s; see sojourn --help\n", word.c_str());
        *exit_code = 2;
        return;
      }
    }
    std::fputs(wanted->help(parents).c_str(), stdout);
  });
}

// One line: what is wrong with the command line, and where to read on.
std::string Explain(const CLI::App& app, const CLI::ParseError& error) {
  const auto chosen = app.get_subcommands();
  if (!chosen.empty()) {
    return std::string(error.what()) + "; see sojourn help " + chosen.front()->get_name();
  }
  const std::vector<std::string> unknown = app.remaining();
  if (unknown.empty()) return "a command is missing; see sojourn --help";
  const char* kind = unknown.front().starts_with("-") ? "flag " : "command ";
  return "there is no " + (kind + unknown.front()) + "; see sojourn --help";
}

int Main(int argc, char** argv) {
  if (const sojourn::Status status = sojourn::CheckMutant(); !status.ok()) {
    return sojourn::cli::Fail(status);
  }
  CLI::App app("Sojourn: events in, journeys advanced, actions out", "sojourn");
  app.set_version_flag("--version", std::string("sojourn ") + sojourn::cli::kVersion);
  app.require_subcommand(1);
  int exit_code = 0;
  sojourn::cli::AddRunCommand(&app, &exit_code);
  sojourn::cli::AddCheckCommand(&app, &exit_code);
  sojourn::cli::AddSchemaCommand(&app, &exit_code);
  sojourn::cli::AddFmtCommand(&app, &exit_code);
  sojourn::cli::AddGraphCommand(&app, &exit_code);
  sojourn::cli::AddInitCommand(&app, &exit_code);
  sojourn::cli::AddTestCommand(&app, &exit_code);
  sojourn::cli::AddPreviewCommand(&app, &exit_code);
  sojourn::cli::AddSendTestCommand(&app, &exit_code);
  sojourn::cli::AddImportCommand(&app, &exit_code);
  sojourn::cli::AddActionsCommand(&app, &exit_code);
  sojourn::cli::AddCouponsCommand(&app, &exit_code);
  sojourn::cli::AddDeadLettersCommand(&app, &exit_code);
  sojourn::cli::AddEnrollCommand(&app, &exit_code);
  sojourn::cli::AddBackfillCommand(&app, &exit_code);
  sojourn::cli::AddBackupCommands(&app, &exit_code);
  sojourn::cli::AddExplainCommand(&app, &exit_code);
  sojourn::cli::AddPauseCommands(&app, &exit_code);
  sojourn::cli::AddWebhooksCommand(&app, &exit_code);
  sojourn::cli::AddPlanCommand(&app, &exit_code);
  sojourn::cli::AddSimulateCommand(&app, &exit_code);
  sojourn::cli::AddSummaryCommand(&app, &exit_code);
  sojourn::cli::AddSuppressionsCommand(&app, &exit_code);
  sojourn::cli::AddKeyCommand(&app, &exit_code);
  sojourn::cli::AddKafkaCommand(&app, &exit_code);
  sojourn::cli::AddMigrateCommand(&app, &exit_code);
  AddHelpCommand(&app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    std::fprintf(stderr, "sojourn: %s\n", Explain(app, error).c_str());
    return 2;
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
