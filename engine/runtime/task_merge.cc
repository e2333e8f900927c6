// What a task does for ids that become one person (engine/step/merge.h): records of persons inside
// events, in and out.
#include <memory>

#include <fmt/format.h>

#include "engine/model/event_codec.h"
#include "engine/runtime/task.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {

// Decodes who is to become part of the person; false: the record is set aside.
Result<bool> Task::TakeMerged(const PendingRecord& record, step::EventInput* input) {
  if (record.event.type != model::EventType::kMergedState) return true;
  merged_ = std::make_unique<model::Person>();
  const Status decoded = store::DecodePerson(record.event.person_record, merged_.get());
  if (decoded.code() == StatusCode::kFailedPrecondition) {  // of a newer version
    return FailedPrecondition(
        fmt::format("{} [{}] offset {}: {}", environment_.log->inputs()[record.record.input].topic,
                    partition_.value(), record.record.offset.value(), decoded.message()));
  }
  if (!decoded.ok()) {
    Reject(record, {DeadLetterReason::kUndecodable, decoded.message()});
    return false;
  }
  const model::Value* from = record.event.properties.Find("from");
  if (from != nullptr && from->kind() == model::ValueKind::kString) merged_->id = from->text();
  input->merged = merged_.get();
  return true;
}

// Somebody who was last judged by newer rules than these needs those rules first: the worker
// commits and switches, and then the record is met again.
Result<bool> Task::AwaitsRules(const PendingRecord& record) {
  if (record.event.type != model::EventType::kMergedState || record.rejection) return false;
  model::Person merged;
  const std::string_view bytes = record.event.person_record;
  if (!store::DecodePerson(bytes, &merged).ok() || merged.bundle <= bundle()) return false;
  SOJOURN_RETURN_IF_ERROR(environment_.rules->CatchUp(merged.bundle));
  return true;
}

void Task::KeepOwnEvents(Timestamp logical_time) {
  for (step::OwnEvent& own : output_.events) {
    std::string state;
    if (own.state != nullptr && !store::EncodePerson(*own.state, &state).ok()) {
      interval_.to_be_redone = true;  // with more care, see SizeGuard
      return;
    }
    if (own.state != nullptr) own.event.person_record = state;
    OwnRecord& record = interval_.own_records.emplace_back();
    record.key = own.event.person;
    record.time = logical_time;
    model::EncodeEvent(own.event, own.event.original, &record.value);
    interval_.own_bytes += record.value.size();
  }
}

}  // namespace sojourn::runtime
