// The two ways to carry any bytes in lines of at most 76 ASCII characters (RFC 2045, section 6).
//
// Pure functions; threads: any.
#pragma once

#include <string>
#include <string_view>

namespace sojourn::smtp {

// Without line breaks.
std::string Base64(std::string_view bytes);

struct EncodedBody {
  std::string_view encoding;  // "quoted-printable" or "base64"
  std::string lines;          // each ends in CRLF; empty for an empty text
};

// `text` has LF line ends, which become CRLF; what is shorter is chosen: quoted-printable, which a
// person can read, for most languages in Latin script, base64 for the others.
EncodedBody EncodeBody(std::string_view text);

}  // namespace sojourn::smtp
