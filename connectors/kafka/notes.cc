#include "connectors/kafka/notes.h"

namespace sojourn::kafka {

Result<std::unique_ptr<KafkaNotes>> KafkaNotes::Open(const KafkaConfig& config,
                                                     EventProducer* producer,
                                                     KafkaObserver* observer) {
  std::unique_ptr<KafkaNotes> notes(new KafkaNotes());
  SOJOURN_ASSIGN_OR_RETURN(
      notes->follower_,
      TopicFollower::Open(config, NotesTopic(config), producer, observer,
                          [raw = notes.get()](const StoredRecord& record) { raw->Take(record); }));
  return notes;
}

void KafkaNotes::Take(const StoredRecord& record) {
  const std::lock_guard lock(mutex_);
  if (record.value) {
    notes_[std::string(record.key)] = *record.value;
  } else {
    notes_.erase(std::string(record.key));
  }
}

Result<std::string> KafkaNotes::Read(const std::string& name) {
  SOJOURN_RETURN_IF_ERROR(follower_->failure());
  const std::lock_guard lock(mutex_);
  const auto found = notes_.find(name);
  return found == notes_.end() ? std::string() : found->second;
}

Result<std::string> KafkaNotes::ReadNewest(const std::string& name) {
  SOJOURN_RETURN_IF_ERROR(follower_->CatchUp());
  return Read(name);
}

Status KafkaNotes::Write(const std::string& name, const std::string& text) {
  const TopicFollower::Change change{name, text};
  return follower_->Write({&change, 1});
}

}  // namespace sojourn::kafka
