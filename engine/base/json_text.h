// JSON documents from and to text. Here and nowhere else, because each object that calls the
// library's parser or serializer compiles the whole of it.
//
// Threads: any. Errors: as said. Needs nlohmann/json.hpp where the values are used.
#pragma once

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace sojourn {

// The document; is_discarded() where the text is none.
nlohmann::json ParseJson(std::string_view text);
nlohmann::json ParseJson(std::istream& file);

// On one line, or with `indent` spaces for each level. Bytes that are no UTF-8 become U+FFFD.
std::string DumpJson(const nlohmann::json& value, int indent = -1);
std::string DumpJson(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace sojourn
