// What names one pass over one step of one run: the base of action ids and coupon codes.
#pragma once

#include <string>
#include <string_view>

#include "engine/model/person.h"

namespace sojourn::step {

// Length-prefixed fields, so that no two occasions share a text: person, journey, run key, entry
// number, entry's logical time, step id, pass numbers.
std::string OccasionText(std::string_view person, std::string_view journey, const model::Run& run,
                         std::string_view step);

// "act_" and 32 hexadecimal digits.
std::string ActionId(std::string_view occasion);

// `length` characters of the alphabet without look-alikes, a keyed hash of pool and occasion.
std::string CouponCode(std::string_view key, std::string_view pool, std::string_view occasion,
                       int length);

}  // namespace sojourn::step
