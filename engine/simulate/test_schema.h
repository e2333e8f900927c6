// The shape of test files, in the terms of the rules' own schema table.
#pragma once

#include "engine/language/schema.h"

namespace sojourn::simulate {

const language::Shape& TestFileShape();

}  // namespace sojourn::simulate
