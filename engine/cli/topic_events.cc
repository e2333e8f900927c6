#include "engine/cli/topic_events.h"

#include <string_view>

#include "connectors/kafka/cloud_record.h"
#include "connectors/kafka/record_headers.h"

namespace sojourn::cli {

Result<bool> TopicEvents::Show(const kafka::StoredRecord& record) {
  if (!person_.empty() && record.key != person_) return true;
  arena_.Reset();
  std::string_view bytes = record.value.value_or("");
  const auto headers = kafka::HeadersOf(*record.message);
  auto event = decoder_->Decode(headers, bytes, format_, record.log_time, &arena_);
  if (event.status().code() == StatusCode::kUnavailable) return event.status();
  if (record.key.empty() || !event.ok() ||
      (!event->person.empty() && event->person != record.key)) {
    ++passed_over_;
    return true;
  }
  if (format_ == model::EventFormat::kJson || kafka::IsFramed(bytes) ||
      kafka::IsCloudRecord(headers)) {
    event->person = record.key;
    encoded_.clear();
    model::EncodeEvent(*event, nullptr, &encoded_);
    bytes = encoded_;
  }
  stopped_ = !visit_({topic_, partition_, record.offset, record.log_time, record.key, bytes});
  return !stopped_;
}

}  // namespace sojourn::cli
