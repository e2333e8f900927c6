#include "connectors/feedback/mime_reader.h"

#include <algorithm>
#include <optional>

#include "connectors/feedback/signature.h"
#include "engine/base/base64.h"

namespace sojourn::feedback {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpaces) + 1 - begin);
}

// The next line without its end; moves `text` behind it.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = text->find('\n');
  std::string_view line = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string DecodeQuotedPrintable(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      bytes += text[i];
      continue;
    }
    const auto byte = i + 2 < text.size() ? DecodeHex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte) {
      bytes += *byte;
      i += 2;
    } else if (i + 1 < text.size() && text[i + 1] == '\n') {
      i += 1;
    } else if (text.substr(i + 1, 2) == "\r\n") {
      i += 2;
    }
  }
  return bytes;
}

std::string Decode(std::string_view encoding, std::string_view body) {
  const std::string name = Lower(encoding);
  if (name == "quoted-printable") return DecodeQuotedPrintable(body);
  if (name != "base64") return std::string(body);
  std::string digits;
  for (const char c : body) {
    if (kSpaces.find(c) == std::string_view::npos) digits += c;
  }
  return DecodeBase64(digits).value_or("");
}

// What stands between the lines of a boundary.
std::vector<std::string_view> Split(std::string_view body, const std::string& boundary) {
  std::vector<std::string_view> pieces;
  const std::string mark = "--" + boundary;
  std::string_view rest = body;
  const char* begin = nullptr;  // of the piece that is open
  while (!rest.empty() && pieces.size() < kMaxMimeParts) {
    const char* const line_begin = rest.data();
    const std::string_view line = Trim(TakeLine(&rest));
    if (line != mark && line != mark + "--") continue;
    if (begin != nullptr) pieces.emplace_back(begin, static_cast<size_t>(line_begin - begin));
    begin = line == mark ? rest.data() : nullptr;
  }
  // Cut off on its way.
  if (begin != nullptr && pieces.size() < kMaxMimeParts) {
    pieces.emplace_back(begin, static_cast<size_t>(body.data() + body.size() - begin));
  }
  return pieces;
}

void CollectParts(const MimeHeaders& headers, std::string_view body, int nesting,
                  std::vector<MimePart>* parts) {
  if (parts->size() >= kMaxMimeParts) return;
  const std::string_view content_type = headers.Get("content-type");
  const std::string type = content_type.empty() ? "text/plain" : MediaType(content_type);
  const std::string boundary = Parameter(content_type, "boundary");
  if (!type.starts_with("multipart/") || boundary.empty() || nesting >= kMaxMimeNesting) {
    parts->push_back({type, Decode(headers.Get("content-transfer-encoding"), body)});
    return;
  }
  for (const std::string_view piece : Split(body, boundary)) {
    std::string_view rest;
    const MimeHeaders of_piece = MimeHeaders::Read(piece, &rest);
    CollectParts(of_piece, rest, nesting + 1, parts);
  }
}

}  // namespace

MimeHeaders MimeHeaders::Read(std::string_view text, std::string_view* rest) {
  MimeHeaders headers;
  while (!text.empty()) {
    const std::string_view line = TakeLine(&text);
    if (line.empty()) break;
    const bool folded = line.front() == ' ' || line.front() == '\t';
    if (folded && !headers.fields_.empty()) {
      headers.fields_.back().second += ' ';
      headers.fields_.back().second += Trim(line);
      continue;
    }
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || headers.fields_.size() >= kMaxMimeHeaders) continue;
    headers.fields_.emplace_back(Lower(Trim(line.substr(0, colon))),
                                 std::string(Trim(line.substr(colon + 1))));
  }
  if (rest != nullptr) *rest = text;
  return headers;
}

std::string_view MimeHeaders::Get(std::string_view name) const {
  for (const auto& [known, value] : fields_) {
    if (known == name) return value;
  }
  return {};
}

std::string MediaType(std::string_view content_type) {
  return Lower(Trim(content_type.substr(0, content_type.find(';'))));
}

std::string Parameter(std::string_view content_type, std::string_view name) {
  size_t at = content_type.find(';');
  while (at != std::string_view::npos) {
    const std::string_view rest = content_type.substr(at + 1);
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return "";
    const std::string key = Lower(Trim(rest.substr(0, equals)));
    const std::string_view value = Trim(rest.substr(equals + 1));
    const bool quoted = value.starts_with('"');
    const size_t end = quoted ? value.find('"', 1) : value.find(';');
    const std::string_view text = value.substr(quoted ? 1 : 0, quoted ? end - 1 : end);
    if (key == name) return std::string(quoted ? text : Trim(text));
    const size_t next = quoted && end == std::string_view::npos ? end : value.find(';', end);
    if (end == std::string_view::npos || next == std::string_view::npos) return "";
    at = static_cast<size_t>(value.data() - content_type.data()) + next;
  }
  return "";
}

std::vector<MimePart> ReadParts(const MimeHeaders& headers, std::string_view body) {
  std::vector<MimePart> parts;
  CollectParts(headers, body, 0, &parts);
  return parts;
}

}  // namespace sojourn::feedback
