// UTF-8 checks and counts. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sojourn {

// Strict: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);

// Byte offset of the first byte that is no valid UTF-8; nullopt where all is valid.
std::optional<size_t> FirstInvalidUtf8(std::string_view text);

// Code points in a valid text; bytes of a broken sequence count one each.
size_t CountCodePoints(std::string_view text);

// Appends `code_point` (a Unicode scalar value) to `text`.
void AppendUtf8(uint32_t code_point, std::string* text);

// Reads the code point at `*position` of a valid text and moves the position behind it.
uint32_t NextCodePoint(std::string_view text, size_t* position);

}  // namespace sojourn
