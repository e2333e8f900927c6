// The decoder of a worker: each input has one of the product's formats.
#pragma once

#include <vector>

#include "engine/model/event_codec.h"
#include "engine/runtime/ports.h"

namespace sojourn::runtime {

class FormatDecoder final : public Decoder {
 public:
  // By input. The product's own topics are protobuf.
  explicit FormatDecoder(std::vector<model::EventFormat> formats);

  Result<model::Event> Decode(const InputRecord& record, Arena* arena) override;

 private:
  const std::vector<model::EventFormat> formats_;
  model::EventDecoder decoder_;
};

}  // namespace sojourn::runtime
