#include "connectors/smtp/mail_address.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>
#include <idn2.h>

#include "connectors/smtp/header_text.h"
#include "engine/base/utf8.h"

namespace sojourn::smtp {
namespace {

// RFC 5321, 4.5.3.1; a path of 256 has two angle brackets.
constexpr size_t kMaxLocalPartBytes = 64;
constexpr size_t kMaxDomainBytes = 253;
constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxAddressBytes = 254;
// More than any domain that fits has in UTF-8; keeps the conversion away from huge texts.
constexpr size_t kMaxUnicodeDomainBytes = 1024;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool IsAtomCharacter(char c) {
  return IsLetter(c) || IsDigit(c) || (c != '\0' && std::strchr("!#$%&'*+-/=?^_`{|}~", c));
}

bool IsLocalPart(std::string_view text) {
  if (text.empty() || text.size() > kMaxLocalPartBytes) return false;
  if (text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '.' || IsAtomCharacter(c); });
}

bool IsLabel(std::string_view label) {
  if (label.empty() || label.size() > kMaxLabelBytes) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return c == '-' || IsLetter(c) || IsDigit(c); });
}

bool IsAsciiDomain(std::string_view domain) {
  if (domain.size() > kMaxDomainBytes) return false;
  size_t labels = 0;
  std::string_view label;
  for (size_t begin = 0; begin <= domain.size(); ++labels) {
    const size_t end = std::min(domain.find('.', begin), domain.size());
    label = domain.substr(begin, end - begin);
    if (!IsLabel(label)) return false;
    begin = end + 1;
  }
  // The last label of a domain has a letter; one of digits makes it an IP address.
  return labels >= 2 && std::any_of(label.begin(), label.end(), IsLetter);
}

std::string LowerCase(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) < 128; });
}

// Empty where it is no domain.
std::string AsciiDomain(std::string_view domain) {
  if (domain.size() > kMaxUnicodeDomainBytes) return {};
  std::string ascii(domain);
  if (!IsAscii(domain)) {
    if (!IsValidUtf8(domain) || domain.find('\0') != std::string_view::npos) return {};
    char* converted = nullptr;
    if (idn2_to_ascii_8z(ascii.c_str(), &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) !=
        IDN2_OK) {
      return {};
    }
    ascii = converted;
    idn2_free(converted);
  }
  return IsAsciiDomain(ascii) ? LowerCase(std::move(ascii)) : std::string();
}

Status NoAddress(std::string_view address, std::string_view reason) {
  return InvalidArgument(
      fmt::format("\"{}\" is no mail address: {}", OneLine(address, 100), reason));
}

}  // namespace

bool IsMailAddress(std::string_view address) { return WireAddress(address).ok(); }

Result<std::string> WireAddress(std::string_view address) {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return NoAddress(address, "it has no @");
  const std::string_view local = address.substr(0, at);
  if (local.size() <= kMaxLocalPartBytes && !IsAscii(local)) {
    return NoAddress(address, "what stands before the @ is not ASCII");
  }
  if (!IsLocalPart(local)) return NoAddress(address, "what stands before the @ is not allowed");
  const std::string domain = AsciiDomain(address.substr(at + 1));
  if (domain.empty()) return NoAddress(address, "what stands behind the @ is no domain");
  std::string wire = fmt::format("{}@{}", local, domain);
  if (wire.size() > kMaxAddressBytes) return NoAddress(address, "it is too long");
  return wire;
}

std::string_view DomainOf(std::string_view wire_address) {
  return wire_address.substr(wire_address.rfind('@') + 1);
}

}  // namespace sojourn::smtp
