// Characters of a text that may hold any bytes: a byte that belongs to no valid UTF-8 sequence
// counts as one character. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sojourn::liquid {

// Bytes of the character at `position`, which is within the text.
size_t CharacterSize(std::string_view text, size_t position);
size_t CountCharacters(std::string_view text);
// The byte behind the first `count` characters; the text's size where it has fewer.
size_t ByteOfCharacter(std::string_view text, size_t count);

// The letters of Latin, Greek and Cyrillic scripts; what has no single counterpart stays.
std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);

// Space, tab, line feed, carriage return, vertical tab, form feed.
bool IsSpace(char c);
std::string_view TrimLeft(std::string_view text);
std::string_view TrimRight(std::string_view text);

}  // namespace sojourn::liquid
