#include "connectors/kafka/suppression_record.h"

#include "engine/base/rfc3339.h"

namespace sojourn::kafka {

std::string SuppressionKey(const deliver::AddressHash& hash) {
  return Hex(hash.data(), hash.size());
}

std::string EncodeSuppression(const deliver::Suppression& entry) {
  return std::string(deliver::SuppressionReasonName(entry.reason)) + "," +
         FormatRfc3339(entry.since);
}

std::optional<deliver::Suppression> DecodeSuppression(std::string_view key,
                                                      std::string_view value) {
  const size_t comma = value.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  return deliver::ParseSuppression(key, value.substr(0, comma), value.substr(comma + 1));
}

}  // namespace sojourn::kafka
