// Mail addresses: which ones we send to, and how they are written on the wire.
//
// Accepted is what relays accept from each other: local part of RFC 5322 atoms joined by dots, a
// domain of at least two labels. Not accepted, though some RFC knows them: quoted local parts,
// address literals ("a@[192.0.2.1]"), local parts beyond ASCII (they need SMTPUTF8 all the way).
// A domain beyond ASCII is written in its A-labels (punycode, IDNA 2008).
//
// Pure functions; threads: any.
#pragma once

#include <string>
#include <string_view>

#include "engine/base/status.h"

namespace sojourn::smtp {

// Whether WireAddress would take it. No spaces around it, no name, no angle brackets.
bool IsMailAddress(std::string_view address);

// The address with its domain in lower-case ASCII; the local part stays as it is, for its case may
// matter to its host. The error says what is wrong with it, quoting at most 100 bytes of it.
Result<std::string> WireAddress(std::string_view address);

// Of a wire address: what stands behind the @.
std::string_view DomainOf(std::string_view wire_address);

}  // namespace sojourn::smtp
