// The pages of a mail directory as HTML. Pure functions; everything of a mail is escaped.
#pragma once

#include <string>
#include <string_view>

#include "engine/deliver/mail.h"

namespace sojourn::smtp {

// What stands before and behind the rows of the index.
std::string_view IndexHead();
std::string_view IndexTail();

// Begins with kRowStart and the id; has no line break.
std::string IndexRow(const deliver::Mail& mail, const std::string& id);
inline constexpr std::string_view kRowStart = "<tr id=\"";

// The mail's HTML, or its text where it has none, as a page of its own in which no script runs.
std::string MailPage(const deliver::Mail& mail);

}  // namespace sojourn::smtp
