#include "connectors/kafka/record_headers.h"

#include <string_view>

namespace sojourn::kafka {

std::vector<runtime::RecordHeader> HeadersOf(const rd_kafka_message_t& message) {
  std::vector<runtime::RecordHeader> headers;
  rd_kafka_headers_t* all = nullptr;
  if (rd_kafka_message_headers(&message, &all) != RD_KAFKA_RESP_ERR_NO_ERROR) return headers;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(all, i, &name, &value, &size) == 0; ++i) {
    headers.emplace_back(name, std::string_view(static_cast<const char*>(value), value ? size : 0));
  }
  return headers;
}

}  // namespace sojourn::kafka
