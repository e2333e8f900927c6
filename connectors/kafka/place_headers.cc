#include "connectors/kafka/place_headers.h"

#include <charconv>
#include <string_view>

namespace sojourn::kafka {
namespace {

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::string_view> Find(const rd_kafka_headers_t* headers, const char* name) {
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      !value) {
    return std::nullopt;
  }
  return std::string_view(static_cast<const char*>(value), size);
}

template <typename Number>
std::optional<Number> FindNumber(const rd_kafka_headers_t* headers, const char* name) {
  const auto text = Find(headers, name);
  return text ? ParseNumber<Number>(*text) : std::nullopt;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> PlaceHeaders(const runtime::OriginalPlace& place) {
  std::vector<std::pair<std::string, std::string>> headers = {
      {kLogTimeHeader, std::to_string(place.log_time.milliseconds())}};
  if (!place.topic.empty()) {
    headers.emplace_back(kTopicHeader, place.topic);
    headers.emplace_back(kPartitionHeader, std::to_string(place.partition.value()));
    headers.emplace_back(kOffsetHeader, std::to_string(place.offset.value()));
  }
  return headers;
}

Timestamp LogTimeOf(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t milliseconds = rd_kafka_message_timestamp(&message, &type);
  return Timestamp(type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0
                                                            : std::max<int64_t>(0, milliseconds));
}

std::optional<runtime::OriginalPlace> OriginalPlaceOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::nullopt;
  }
  const auto log_time = FindNumber<int64_t>(headers, kLogTimeHeader);
  if (!log_time) return std::nullopt;
  runtime::OriginalPlace place;
  place.log_time = Timestamp(*log_time);
  const auto topic = Find(headers, kTopicHeader);
  const auto partition = FindNumber<int32_t>(headers, kPartitionHeader);
  const auto offset = FindNumber<int64_t>(headers, kOffsetHeader);
  if (topic && partition && offset) {
    place.topic = std::string(*topic);
    place.partition = Partition(*partition);
    place.offset = Offset(*offset);
  }
  return place;
}

}  // namespace sojourn::kafka
