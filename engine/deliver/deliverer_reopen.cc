// Reopening: what has failed goes into the queue once more.
#include <map>
#include <set>
#include <utility>

#include "engine/deliver/deliverer.h"

namespace sojourn::deliver {

void Deliverer::Reopen(std::shared_ptr<ReopenRequest> request) {
  {
    const std::lock_guard lock(requests_mutex_);
    reopen_requests_.push_back(std::move(request));
  }
  environment_.log->Wake();
}

Status Deliverer::TakeReopening(const std::shared_ptr<ReopenRequest>& request) {
  std::map<Partition, std::vector<ReopenTarget>> by_partition;
  for (const ReopenTarget& target : request->targets()) {
    if (queue_.IsOpen(target.place.partition)) {
      by_partition[target.place.partition].push_back(target);
    } else {
      request->Answer(target.place, ReopenAnswer::kElsewhere, std::nullopt);
    }
  }
  for (const auto& [partition, targets] : by_partition) {
    SOJOURN_RETURN_IF_ERROR(ReopenIn(partition, targets, request.get()));
  }
  if (!request->IsOver()) reopening_.push_back(request);
  return Status::Ok();
}

// Nothing is pending here, so what the log says is how it stands.
Status Deliverer::ReopenIn(Partition partition, const std::vector<ReopenTarget>& targets,
                           ReopenRequest* request) {
  std::set<Offset> offsets;
  for (const ReopenTarget& target : targets) offsets.insert(target.place.offset);
  const auto records = environment_.log->FindRecords(partition, offsets);
  if (!records.ok() && records.status().code() != StatusCode::kUnavailable) {
    return records.status();
  }
  bool answers = records.ok();  // once the log does not, the rest would wait in vain as well
  for (const ReopenTarget& target : targets) {
    std::optional<DeliveryRecord> record;
    ReopenAnswer answer = ReopenAnswer::kNotNow;
    if (answers && !stopping_) {
      const auto found = records->find(target.place.offset);
      if (found != records->end()) record = found->second;
      const auto reopened = ReopenOne(target, record);
      answers = reopened.status().code() != StatusCode::kUnavailable;
      if (!reopened.ok() && answers) return reopened.status();
      answer = answers ? *reopened : ReopenAnswer::kNotNow;
    }
    // That it is reopened is heard with its record.
    if (answer != ReopenAnswer::kReopened) request->Answer(target.place, answer, record);
  }
  return Status::Ok();
}

Result<ReopenAnswer> Deliverer::ReopenOne(const ReopenTarget& target,
                                          const std::optional<DeliveryRecord>& record) {
  const ActionPlace& place = target.place;
  if (!record || record->action_id != target.action_id) return ReopenAnswer::kUnknown;
  const bool was_under_way = record->reopened && !IsFinal(record->state);
  if (was_under_way || queue_.IsReopened(place)) return ReopenAnswer::kUnderWay;
  if (record->state != DeliveryState::kFailed) return ReopenAnswer::kNotFailed;
  // What was not read again yet must not be finished before what stands before it is.
  if (!queue_.WantsMore() || place.offset >= queue_.NextToRead(place.partition)) {
    return ReopenAnswer::kNotNow;
  }
  SOJOURN_ASSIGN_OR_RETURN(auto actions, environment_.log->Read(place.partition, place.offset, 1));
  if (actions.empty() || actions.front().place != place) return ReopenAnswer::kGone;
  if (!environment_.channel->Takes(actions.front().action.kind)) return ReopenAnswer::kUnknown;
  QueuedAction queued = Queued(std::move(actions.front()));
  queued.attempts = record->attempts;
  queued.reopened = true;
  const DeliveryRecord waiting =
      Conclude(queued.committed, DeliveryState::kWaiting, queued.attempts,
               "reopened by an operator", environment_.now());
  queue_.Add(std::move(queued), environment_.now());
  Keep(waiting);
  return ReopenAnswer::kReopened;
}

}  // namespace sojourn::deliver
