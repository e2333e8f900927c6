// The mails of an embedded log that its deliverer has still to do with.
//
// Threads: a pure function of the log.
#pragma once

#include <functional>
#include <optional>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/status.h"
#include "engine/deliver/delivery.h"
#include "engine/model/action.h"

namespace sojourn::cli {

struct LeftMail {
  model::Action action;
  std::optional<deliver::DeliveryRecord> record;  // nullopt: not tried yet
};

// Mails from `cursor` on that are not at their end, and failed ones, in the order of the
// partition's actions. An error of `visit` ends it.
Status VisitLeftMails(embedded::EmbeddedLog* log, Partition partition, Offset cursor,
                      const std::function<Status(const LeftMail&)>& visit);

}  // namespace sojourn::cli
