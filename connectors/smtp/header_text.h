// Texts of strangers made fit for the lines of a mail: nothing in them can end a line or a header.
//
// Pure functions; threads: any. Output is ASCII where it says so, valid UTF-8 otherwise.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sojourn::smtp {

// Longer texts in a header are cut and end in "…": relays cut whole headers not far beyond.
inline constexpr size_t kMaxHeaderTextBytes = 8192;

// Broken UTF-8 and control characters other than tab and LF become U+FFFD; CRLF and CR become LF.
std::string CleanText(std::string_view text);

// One line of valid UTF-8 of at most `max_bytes`: each run of control characters (line separators
// of Unicode included) is one space, none at the ends; what is cut off leaves an "…".
std::string OneLine(std::string_view text, size_t max_bytes);

// "Subject: ..." with CRLF, folded; encoded-words (RFC 2047) where the text needs them.
std::string UnstructuredField(std::string_view name, std::string_view text);

// "From: Name <address>" with CRLF, folded; the name quoted or in encoded-words where it needs to
// be, left out where it is empty. `address` is a wire address.
std::string MailboxField(std::string_view name, std::string_view display_name,
                         std::string_view address);

// Every byte that is not in A-Z a-z 0-9 or `also` becomes '_'; cut at `max_bytes`.
std::string Token(std::string_view text, std::string_view also, size_t max_bytes);

// `url` in visible ASCII without angle brackets: all other bytes percent-encoded.
std::string AsciiUrl(std::string_view url);

}  // namespace sojourn::smtp
