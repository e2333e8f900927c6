// An address that gets no mail, whoever it belongs to, as it is kept: a keyed hash, never the
// address.
//
// Who has the key can ask about an address; who has not learns nothing from the list. So it may
// outlive the erasure of a person.
//
// Pure functions and plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/base/hash.h"
#include "engine/base/time.h"

namespace sojourn::model {

using AddressHash = Sha256Digest;

// The numbers are stored: they never change.
enum class SuppressionReason : uint8_t {
  kKey = 0,  // no address: shows which key the list was made with
  kBounced = 1,
  kComplained = 2,
  kUnsubscribed = 3,
  kManual = 4,
  kImported = 5,
};

struct Suppression {
  AddressHash hash{};
  SuppressionReason reason = SuppressionReason::kManual;
  Timestamp since;
};

// Without the spaces around it, in lower case (ASCII): two of the same are one to the list.
std::string NormalizeAddress(std::string_view address);

// Whether one of the addresses is this one, in that form.
template <typename Addresses>
bool HasAddress(const Addresses& addresses, std::string_view address) {
  if (addresses.empty()) return false;
  const std::string wanted = NormalizeAddress(address);
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const auto& known) { return NormalizeAddress(known) == wanted; });
}

// Of the normalized address.
AddressHash HashAddress(std::string_view key, std::string_view address);

// The entry that shows the key. Every list that has an address has it.
Suppression KeyMark(std::string_view key);

}  // namespace sojourn::model
