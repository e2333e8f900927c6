// `sojourn key`, added to the command line as commands.h says.
#pragma once

#include <CLI/CLI.hpp>

namespace sojourn::cli {

void AddKeyCommand(CLI::App* app, int* exit_code);

}  // namespace sojourn::cli
