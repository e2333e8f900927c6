#include "engine/cli/moved_actions.h"

#include <map>
#include <utility>
#include <vector>

#include "engine/model/action_codec.h"

namespace sojourn::cli {
namespace {

using Records = std::map<Offset, deliver::DeliveryRecord>;

constexpr size_t kActionsAtOnce = 256;

Status Visit(const embedded::StoredAction& stored, const ActionOwner& owner, Records* records,
             const std::function<Status(const LeftAction&)>& visit) {
  const auto known = records->find(stored.offset);
  LeftAction left;
  if (known != records->end()) left.record = std::move(known->second);
  if (left.record) {
    const deliver::DeliveryState state = left.record->state;
    const bool over = deliver::IsFinal(state) && state != deliver::DeliveryState::kFailed;
    if (over || left.record->channel != owner.channel) return Status::Ok();
  }
  SOJOURN_ASSIGN_OR_RETURN(left.action, model::DecodeAction(stored.bytes));
  return left.record || owner.takes(left.action.kind) ? visit(left) : Status::Ok();
}

}  // namespace

Status VisitLeftActions(embedded::EmbeddedLog* log, Partition partition, Offset cursor,
                        const ActionOwner& owner,
                        const std::function<Status(const LeftAction&)>& visit) {
  Records records;
  const Status read =
      log->VisitDeliveries(partition, Offset(0), [&](deliver::DeliveryRecord record) {
        const bool failed = record.state == deliver::DeliveryState::kFailed;
        const Offset offset = record.place.offset;
        if (failed || offset >= cursor) records.emplace(offset, std::move(record));
        return true;
      });
  SOJOURN_RETURN_IF_ERROR(read);
  // Failed ones behind the cursor, one by one: there are few.
  std::vector<Offset> failed;
  for (const auto& [offset, record] : records) {
    if (offset < cursor) failed.push_back(offset);
  }
  for (const Offset offset : failed) {
    SOJOURN_ASSIGN_OR_RETURN(const auto stored, log->ReadActions(partition, offset, 1));
    const bool there = !stored.empty() && stored[0].offset == offset;  // or its retention is over
    if (there) SOJOURN_RETURN_IF_ERROR(Visit(stored[0], owner, &records, visit));
  }
  while (true) {
    SOJOURN_ASSIGN_OR_RETURN(const auto stored,
                             log->ReadActions(partition, cursor, kActionsAtOnce));
    if (stored.empty()) return Status::Ok();
    for (const embedded::StoredAction& action : stored) {
      SOJOURN_RETURN_IF_ERROR(Visit(action, owner, &records, visit));
    }
    cursor = Offset(stored.back().offset.value() + 1);
  }
}

}  // namespace sojourn::cli
