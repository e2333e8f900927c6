#include "connectors/feedback/mark.h"

#include <fmt/format.h>

#include "connectors/feedback/payload.h"

namespace sojourn::feedback {
namespace {

constexpr size_t kMaxSesTagBytes = 256;
constexpr size_t kPostmarkValueBytes = 80;
constexpr size_t kMaxPostmarkFields = 10;
constexpr size_t kMaxJsonMarkBytes = 900;  // within a header's line

}  // namespace

std::vector<std::pair<std::string, std::string>> MarkHeaders(const MarkedProviders& providers,
                                                             const std::string& token) {
  std::vector<std::pair<std::string, std::string>> headers;
  headers.emplace_back(kMarkHeader, token);
  if (providers.ses && token.size() <= kMaxSesTagBytes) {
    headers.emplace_back("X-SES-MESSAGE-TAGS", fmt::format("{}={}", kMarkName, token));
  }
  if (providers.sendgrid && token.size() <= kMaxJsonMarkBytes) {
    headers.emplace_back("X-SMTPAPI",
                         fmt::format(R"({{"unique_args":{{"{}":"{}"}}}})", kMarkName, token));
  }
  if (providers.postmark && token.size() <= kPostmarkValueBytes * kMaxPostmarkFields) {
    for (size_t begin = 0; begin < token.size(); begin += kPostmarkValueBytes) {
      headers.emplace_back(
          fmt::format("X-PM-Metadata-{}{}", kPostmarkMarkName, begin / kPostmarkValueBytes + 1),
          token.substr(begin, kPostmarkValueBytes));
    }
  }
  if (providers.mailgun && token.size() <= kMaxJsonMarkBytes) {
    headers.emplace_back("X-Mailgun-Variables", fmt::format(R"({{"{}":"{}"}})", kMarkName, token));
  }
  return headers;
}

std::string PostmarkMark(const model::Value& metadata) {
  std::string token;
  for (size_t i = 1; i <= kMaxPostmarkFields; ++i) {
    const std::string part = TextAt(metadata, {fmt::format("{}{}", kPostmarkMarkName, i)});
    if (part.empty()) break;
    token += part;
  }
  return token;
}

}  // namespace sojourn::feedback
