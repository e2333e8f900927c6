// A Mail as the bytes of RFC 5322 and MIME: ASCII, CRLF, lines of at most 76 characters but for
// addresses and URLs, which have at most 998 with their header.
//
// The bytes are a pure function of the mail, so every attempt at sending it sends the same. Nothing
// in a mail's texts can begin a header or a part. Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/deliver/mail.h"

namespace sojourn::smtp {

// The addresses of a mail as they go over the wire, checked.
struct Envelope {
  std::string from;
  std::string to;
};
Result<Envelope> EnvelopeOf(const deliver::Mail& mail);

// multipart/alternative of text and HTML, or the one of them that is not empty. The error
// (kInvalidArgument) says which address or URL cannot be written.
Result<std::string> WriteMime(const deliver::Mail& mail);

// The action's id where it can stand in a Message-ID or a file's name: characters other than
// A-Z a-z 0-9 - _ become '_', and an id that changes by this or is long gets a hash behind it.
std::string SafeActionId(std::string_view action_id);

}  // namespace sojourn::smtp
