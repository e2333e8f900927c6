#include "engine/model/event_id.h"

#include "engine/model/wire_reader.h"

namespace sojourn::model {

std::string_view ReadEventId(std::string_view bytes) {
  std::string_view id;
  WireReader event(bytes);
  while (event.Next()) {
    if (event.Is(1, WireReader::Type::kBytes)) id = event.bytes();
  }
  return event.malformed() ? std::string_view() : id;
}

}  // namespace sojourn::model
