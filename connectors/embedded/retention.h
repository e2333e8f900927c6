// Which rows of the embedded log may go: old ones that nobody has still to read.
#pragma once

#include "connectors/embedded/shared.h"
#include "engine/base/status.h"

namespace sojourn::embedded {

// Deletes, in every partition, log records that are applied and actions that every known reader has
// passed, where they are older than `keep`. The newest row of each partition stays, because it says
// where the offsets go on. Any thread, one call at a time.
Status DeleteOldRows(Shared* shared, Duration keep);

}  // namespace sojourn::embedded
