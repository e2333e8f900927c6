#include "engine/cli/topic_events.h"

#include <string_view>

namespace sojourn::cli {

bool TopicEvents::Show(const kafka::StoredRecord& record) {
  if (!person_.empty() && record.key != person_) return true;
  arena_.Reset();
  std::string_view bytes = record.value.value_or("");
  auto event = decoder_.Decode(format_, bytes, record.log_time, &arena_);
  if (record.key.empty() || !event.ok() ||
      (!event->person.empty() && event->person != record.key)) {
    ++passed_over_;
    return true;
  }
  if (format_ == model::EventFormat::kJson) {
    event->person = record.key;
    encoded_.clear();
    model::EncodeEvent(*event, nullptr, &encoded_);
    bytes = encoded_;
  }
  stopped_ = !visit_({topic_, partition_, record.offset, record.log_time, record.key, bytes});
  return !stopped_;
}

}  // namespace sojourn::cli
