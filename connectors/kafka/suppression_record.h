// What stands in `<app>.suppressions`: key = the address's hash in hexadecimal, value = reason and
// time, such as "bounced,2026-03-02T09:00:00Z"; a tombstone where an address was taken off the
// list.
//
// Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/deliver/suppression.h"

namespace sojourn::kafka {

std::string SuppressionKey(const deliver::AddressHash& hash);
std::string EncodeSuppression(const deliver::Suppression& entry);
// nullopt: the record is none.
std::optional<deliver::Suppression> DecodeSuppression(std::string_view key, std::string_view value);

}  // namespace sojourn::kafka
