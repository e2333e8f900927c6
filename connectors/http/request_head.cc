#include "connectors/http/request_head.h"

#include <algorithm>

#include <fmt/format.h>

#include "engine/base/ascii.h"

namespace sojourn::http {
namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const size_t begin = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

bool HasControls(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

Response Malformed(std::string_view why) {
  return ErrorResponse(400, fmt::format("malformed HTTP request: {}", why));
}

// What the headers say of the body and of the host.
struct Framing {
  int lengths = 0;
  int codings = 0;
  int hosts = 0;
};

// "" where the line is a header that may stand there.
std::string_view CheckHeader(std::string_view line, Framing* framing) {
  if (line.starts_with(' ') || line.starts_with('\t')) return "a header is folded";
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return "a header has no name";
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = Trim(line.substr(colon + 1));
  if (name.find_first_of(" \t") != std::string_view::npos) return "a header's name has a space";
  if (EqualIgnoringCase(name, "content-length")) {
    ++framing->lengths;
    if (value.empty() || value.find_first_not_of("0123456789") != std::string_view::npos) {
      return "Content-Length is no number";
    }
  } else if (EqualIgnoringCase(name, "transfer-encoding")) {
    ++framing->codings;
    if (!EqualIgnoringCase(value, "chunked")) return "Transfer-Encoding is not chunked";
  } else if (EqualIgnoringCase(name, "host")) {
    ++framing->hosts;
  }
  return "";
}

std::string_view CheckFraming(const Framing& framing, bool is_old) {
  if (framing.lengths + framing.codings > 1) return "the body has more than one length";
  if (framing.codings > 0 && is_old) return "HTTP/1.0 has no Transfer-Encoding";
  return framing.hosts > 1 ? "Host stands there twice" : "";
}

}  // namespace

std::optional<size_t> FindHeadEnd(std::string_view bytes) {
  const size_t end = bytes.find(kHeadEnd);
  if (end == std::string_view::npos) return std::nullopt;
  return end + kHeadEnd.size();
}

bool CanBecomeHead(std::string_view bytes) {
  if (bytes.empty()) return true;
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first <= ' ' || first >= 0x7f) return false;
  for (size_t at = bytes.find('\n'); at != std::string_view::npos; at = bytes.find('\n', at + 1)) {
    if (bytes[at - 1] != '\r') return false;
  }
  return true;
}

std::optional<Response> RefuseHead(std::string_view head, const HeadLimits& limits) {
  const auto next_line = [&head] {
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    head.remove_prefix(std::min(head.size(), line.size() + kLineEnd.size()));
    return line;
  };
  const std::string_view request_line = next_line();
  if (HasControls(request_line) || request_line.find('\t') != std::string_view::npos) {
    return Malformed("a control character");
  }
  const size_t target = std::min(request_line.find(' '), request_line.size());
  const size_t target_end = std::min(request_line.find(' ', target + 1), request_line.size());
  if (target_end - target > limits.max_target_bytes + 1) {
    return ErrorResponse(414,
                         fmt::format("path and query are over {} bytes", limits.max_target_bytes));
  }
  Framing framing;
  size_t count = 0;
  for (std::string_view line = next_line(); !line.empty(); line = next_line()) {
    if (++count > limits.max_headers) {
      return ErrorResponse(431, fmt::format("there are over {} headers", limits.max_headers));
    }
    if (HasControls(line)) return Malformed("a control character");
    const std::string_view wrong = CheckHeader(line, &framing);
    if (!wrong.empty()) return Malformed(wrong);
  }
  const std::string_view wrong = CheckFraming(framing, request_line.ends_with("HTTP/1.0"));
  if (!wrong.empty()) return Malformed(wrong);
  return std::nullopt;
}

}  // namespace sojourn::http
