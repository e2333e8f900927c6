// What becomes of one record of a topic of others: a record of `<app>.events`, keyed by the person
// that its payload names, or a dead letter with its first place.
//
// The event keeps its message id. Where it has none, one is made from its first place, so that a
// topic that is routed once more by mistake changes nobody. Log time and place stand in the headers
// of place_headers.h; the new record itself is stamped with the present.
//
// Threads: one owner; keeps its buffers. Errors: kUnavailable: the schema registry does not answer,
// the record has to come again; whatever else cannot be an event is a dead letter.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/kafka/cloud_record.h"
#include "connectors/kafka/record_decoder.h"
#include "connectors/kafka/schema_registry.h"
#include "engine/base/arena.h"
#include "engine/base/strong.h"
#include "engine/base/time.h"
#include "engine/model/event_codec.h"
#include "engine/runtime/ports.h"

namespace sojourn::kafka {

// As it stands in its topic. Views live for the call.
struct ForeignRecord {
  std::string_view topic;
  Partition partition;
  Offset offset;
  Timestamp log_time;
  std::string_view key;  // of any meaning
  std::string_view value;
  std::span<const HeaderView> headers = {};
};

// Views live until the next Route.
struct RoutedRecord {
  bool is_event = false;
  // Of an event.
  Partition partition;  // of `<app>.events`
  std::string_view person;
  std::string_view value;  // protobuf sojourn.v1.Event
  std::vector<std::pair<std::string, std::string>> headers;
  // Of anything else.
  runtime::DeadLetter letter;
};

class Route {
 public:
  // `partition_count` of `<app>.events`.
  // `registry` may be null: records in its frame are dead letters.
  explicit Route(int32_t partition_count, std::unique_ptr<SchemaRegistry> registry = nullptr)
      : partition_count_(partition_count), decoder_(std::move(registry)) {}

  // `format`: as of RecordDecoder.
  Result<RoutedRecord> Take(const ForeignRecord& record, model::EventFormat format);

 private:
  const int32_t partition_count_;
  RecordDecoder decoder_;
  Arena arena_;
  std::string value_;
};

}  // namespace sojourn::kafka
