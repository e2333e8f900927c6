#include "engine/model/suppression.h"

#include <algorithm>

namespace sojourn::model {

std::string NormalizeAddress(std::string_view address) {
  constexpr std::string_view kSpaces = " \t\r\n";
  const size_t begin = std::min(address.find_first_not_of(kSpaces), address.size());
  std::string normalized(address.substr(begin, address.find_last_not_of(kSpaces) + 1 - begin));
  for (char& c : normalized) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return normalized;
}

AddressHash HashAddress(std::string_view key, std::string_view address) {
  return HmacSha256(key, NormalizeAddress(address));
}

Suppression KeyMark(std::string_view key) {
  // No address: that of an address has an @.
  return {HmacSha256(key, "address_key"), SuppressionReason::kKey, Timestamp(0)};
}

}  // namespace sojourn::model
