// Mails about mails: what came back (RFC 3464) and what was complained of (RFC 5965).
//
// Nobody signs them, so a report counts only where it quotes the mail's mark: who has none can say
// nothing about anybody.
//
//   a recipient that failed   hard where its status says that there is no such mailbox
//   (5.1.1, 5.1.2,
//                             5.1.3, 5.1.6, 5.1.10, 5.2.1), else soft
//   delivered                 a delivery
//   an abuse report           a complaint, but for not-spam
//
// Everything else is of no interest: answers of people, what is delayed or relayed.
//
// Pure functions.
#pragma once

#include <string_view>

#include "connectors/feedback/fact.h"

namespace sojourn::feedback {

// Of a longer mail what follows is not looked at: reports quote whole mails at their end.
inline constexpr size_t kMaxReportBytes = size_t{1} * 1024 * 1024;

// `mail`: any bytes. A fact's id is made of its mark, so that each mail comes back once, whatever
// its reports look like.
Feedback ReadReport(std::string_view mail, Timestamp now);

}  // namespace sojourn::feedback
