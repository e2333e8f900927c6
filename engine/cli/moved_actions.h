// The actions of an embedded log that one of its deliverers has still to do with.
//
// Threads: a pure function of the log.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "connectors/embedded/embedded_log.h"
#include "engine/base/status.h"
#include "engine/deliver/delivery.h"
#include "engine/model/action.h"

namespace sojourn::cli {

struct LeftAction {
  model::Action action;
  std::optional<deliver::DeliveryRecord> record;  // nullopt: not tried yet
};

// Whose actions they are.
struct ActionOwner {
  std::string channel;                           // deliver::DeliveryRecord::channel
  std::function<bool(model::ActionKind)> takes;  // what has no record yet
};

// The owner's actions from `cursor` on that are not at their end, and failed ones, in the order of
// the partition's actions. An error of `visit` ends it.
Status VisitLeftActions(embedded::EmbeddedLog* log, Partition partition, Offset cursor,
                        const ActionOwner& owner,
                        const std::function<Status(const LeftAction&)>& visit);

}  // namespace sojourn::cli
