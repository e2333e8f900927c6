// The id of an event that is read for nothing else: far cheaper than decoding it.
//
// Threads: pure function.
#pragma once

#include <string_view>

namespace sojourn::model {

// Of protobuf sojourn.v1.Event; a view of `bytes`. Empty: it has none, or is none.
std::string_view ReadEventId(std::string_view bytes);

}  // namespace sojourn::model
