// Reading the log from its end.
//
// Threads: pure function over an open log.
#pragma once

#include "connectors/embedded/embedded_log.h"
#include "connectors/embedded/shared.h"

namespace sojourn::embedded {

// As of EmbeddedLog.
Status VisitNewest(Shared* shared, const EmbeddedLog::RecordVisitor& visit);

}  // namespace sojourn::embedded
