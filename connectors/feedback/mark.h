// The mark of a mail: a sealed token (deliver::LinkKind::kFeedback) in headers that come back with
// what a provider or a mailbox tells of the mail.
//
//   X-Sojourn-Mark           in the mail itself: bounces and complaints quote its headers, and SES
//                            hands them back where the topic includes original headers
//   X-SES-MESSAGE-TAGS       sojourn_mark=TOKEN
//   X-SMTPAPI                SendGrid: {"unique_args":{"sojourn_mark":"TOKEN"}}
//   X-PM-Metadata-...        Postmark, which takes 80 characters of each: sojourn-mark-1, -2, ...
//   X-Mailgun-Variables      {"sojourn_mark":"TOKEN"}
//
// Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/feedback/options.h"
#include "engine/model/value.h"

namespace sojourn::feedback {

inline constexpr std::string_view kMarkHeader = "X-Sojourn-Mark";
inline constexpr std::string_view kMarkName = "sojourn_mark";
inline constexpr std::string_view kPostmarkMarkName = "sojourn-mark-";

// The headers of a mail whose mark is `token`. A provider that takes no token of that length is
// left out.
std::vector<std::pair<std::string, std::string>> MarkHeaders(const MarkedProviders& providers,
                                                             const std::string& token);

// Put together from Postmark's metadata; "" where it has none.
std::string PostmarkMark(const model::Value& metadata);

}  // namespace sojourn::feedback
