#include "engine/runtime/event_decoder.h"

#include <utility>

#include "engine/base/check.h"

namespace sojourn::runtime {

FormatDecoder::FormatDecoder(std::vector<model::EventFormat> formats)
    : formats_(std::move(formats)) {}

Result<model::Event> FormatDecoder::Decode(const InputRecord& record, Arena* arena) {
  SOJOURN_CHECK(record.input < formats_.size());
  return decoder_.Decode(formats_[record.input], record.value, record.log_time, arena);
}

}  // namespace sojourn::runtime
