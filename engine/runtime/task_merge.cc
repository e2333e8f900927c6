// What a task does for ids that become one person (engine/step/merge.h): records of persons inside
// events, in and out.
#include <utility>

#include "engine/model/event_codec.h"
#include "engine/runtime/task.h"
#include "engine/store/person_record.h"

namespace sojourn::runtime {

// Decodes who is to become part of the person; false: the record is set aside.
Result<bool> Task::TakeMerged(const PendingRecord& record, step::EventInput* input) {
  if (record.event.type != model::EventType::kMergedState) return true;
  merged_ = std::make_unique<model::Person>();
  const Status decoded = store::DecodePerson(record.event.person_record, merged_.get());
  if (decoded.code() == StatusCode::kFailedPrecondition) return decoded;  // of a newer version
  if (!decoded.ok()) {
    Reject(record, {DeadLetterReason::kUndecodable, decoded.message()});
    return false;
  }
  const model::Value* from = record.event.properties.Find("from");
  if (from != nullptr && from->kind() == model::ValueKind::kString) merged_->id = from->text();
  input->merged = merged_.get();
  return true;
}

// The worker commits and switches; then the record is met again.
Result<bool> Task::CatchUpFor(const PendingRecord& record) {
  const uint32_t wanted = store::RecordBundle(record.event.person_record);
  SOJOURN_RETURN_IF_ERROR(environment_.rules->CatchUp(wanted));
  return true;
}

// Somebody who was last judged by newer rules than these needs those rules first.
bool Task::AwaitsRules(const PendingRecord& record) const {
  const std::string_view merged = record.event.person_record;
  return !record.rejection && record.event.type == model::EventType::kMergedState &&
         store::CheckPersonRecord(merged).ok() && store::RecordBundle(merged) > bundle();
}

Status Task::KeepOwnEvents() {
  for (step::OwnEvent& own : output_.events) {
    std::string state;
    if (own.state != nullptr) SOJOURN_RETURN_IF_ERROR(store::EncodePerson(*own.state, &state));
    own.event.person_record = state.empty() ? own.event.person_record : state;
    OwnRecord& record = interval_.own_records.emplace_back();
    record.key = own.event.person;
    record.time = own.event.time;
    model::EncodeEvent(own.event, own.event.original, &record.value);
  }
  return Status::Ok();
}

}  // namespace sojourn::runtime
