// What a topic holds as events of people, in the product's own format.
//
// Threads: one. Ownership: what it is made with outlives it. Errors: kUnavailable: the schema
// registry does not say what a record is.
#pragma once

#include <cstdint>
#include <string>

#include "connectors/kafka/reader.h"
#include "connectors/kafka/record_decoder.h"
#include "engine/base/arena.h"
#include "engine/base/status.h"
#include "engine/base/strong.h"
#include "engine/cli/backend.h"
#include "engine/model/event_codec.h"

namespace sojourn::cli {

class TopicEvents {
 public:
  // `person`: only that one's events; empty: everybody's.
  TopicEvents(kafka::RecordDecoder* decoder, model::EventFormat format, const std::string& topic,
              Partition partition, const std::string& person, const Backend::LogVisitor& visit)
      : decoder_(decoder),
        format_(format),
        topic_(topic),
        partition_(partition),
        person_(person),
        visit_(visit) {}

  // False: no more is wanted. What is no event of a person is passed over, and counted.
  Result<bool> Show(const kafka::StoredRecord& record);

  bool stopped() const { return stopped_; }
  int64_t passed_over() const { return passed_over_; }

 private:
  kafka::RecordDecoder* const decoder_;
  const model::EventFormat format_;
  const std::string& topic_;
  const Partition partition_;
  const std::string& person_;
  const Backend::LogVisitor& visit_;
  Arena arena_;
  std::string encoded_;
  bool stopped_ = false;
  int64_t passed_over_ = 0;
};

}  // namespace sojourn::cli
