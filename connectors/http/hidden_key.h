// A dead letter has the call as it came, but for the write key in it.
//
// Pure functions; any bytes are taken.
#pragma once

#include <string>

namespace sojourn::http {

// Blanks the text after every `"writeKey":`, in JSON and in what was meant to be some.
void HideWriteKeys(std::string* json);

}  // namespace sojourn::http
