// `sojourn migrate-to-kafka`, added to the command line as commands.h says.
#pragma once

#include <CLI/CLI.hpp>

namespace sojourn::cli {

void AddMigrateCommand(CLI::App* app, int* exit_code);

}  // namespace sojourn::cli
