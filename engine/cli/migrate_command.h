// `sojourn migrate-to-kafka`, added to the command line as commands.h says.
#pragma once

#include "engine/cli/command_line.h"

namespace sojourn::cli {

void AddMigrateCommand(Command app, int* exit_code);

}  // namespace sojourn::cli
