// `sojourn dead-letters retry`.
#pragma once

#include "engine/cli/command_line.h"

namespace sojourn::cli {

// As the functions of commands.h. Exit code 1: not everything was sent or waits to be.
void AddRetryCommand(Command dead_letters, int* exit_code);

}  // namespace sojourn::cli
