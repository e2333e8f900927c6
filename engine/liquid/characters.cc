#include "engine/liquid/characters.h"

#include <cstdint>

#include "engine/base/utf8.h"

namespace sojourn::liquid {
namespace {

// Small letters in [first, last] whose capitals are `distance` before them.
struct Shift {
  uint32_t first;
  uint32_t last;
  uint32_t distance;
};
constexpr Shift kShifts[] = {
    {'a', 'z', 32},       {0x00e0, 0x00f6, 32}, {0x00f8, 0x00fe, 32}, {0x03ac, 0x03ac, 38},
    {0x03ad, 0x03af, 37}, {0x03b1, 0x03c1, 32}, {0x03c3, 0x03cb, 32}, {0x03cc, 0x03cc, 64},
    {0x03cd, 0x03ce, 63}, {0x0430, 0x044f, 32}, {0x0450, 0x045f, 80}, {0x0561, 0x0586, 48},
};

// Capital and small letter side by side, the capital at an even or odd code point.
struct Pairs {
  uint32_t first;
  uint32_t last;
  uint32_t capital_parity;
};
constexpr Pairs kPairs[] = {
    {0x0100, 0x012f, 0}, {0x0132, 0x0137, 0}, {0x0139, 0x0148, 1}, {0x014a, 0x0177, 0},
    {0x0179, 0x017e, 1}, {0x01cd, 0x01dc, 1}, {0x01de, 0x01ef, 0}, {0x01f8, 0x021f, 0},
    {0x0222, 0x0233, 0}, {0x0460, 0x0481, 0}, {0x048a, 0x04bf, 0}, {0x04c1, 0x04ce, 1},
    {0x04d0, 0x052f, 0}, {0x1e00, 0x1e95, 0}, {0x1ea0, 0x1eff, 0},
};

constexpr uint32_t kSmallYDiaeresis = 0x00ff;
constexpr uint32_t kCapitalYDiaeresis = 0x0178;
constexpr uint32_t kFinalSigma = 0x03c2;
constexpr uint32_t kCapitalSigma = 0x03a3;

uint32_t Upper(uint32_t c) {
  for (const Shift& shift : kShifts) {
    if (c >= shift.first && c <= shift.last) return c - shift.distance;
  }
  for (const Pairs& pairs : kPairs) {
    if (c >= pairs.first && c <= pairs.last) return c % 2 == pairs.capital_parity ? c : c - 1;
  }
  if (c == kSmallYDiaeresis) return kCapitalYDiaeresis;
  return c == kFinalSigma ? kCapitalSigma : c;
}

uint32_t Lower(uint32_t c) {
  for (const Shift& shift : kShifts) {
    if (c >= shift.first - shift.distance && c <= shift.last - shift.distance) {
      return c + shift.distance;
    }
  }
  for (const Pairs& pairs : kPairs) {
    if (c >= pairs.first && c <= pairs.last) return c % 2 == pairs.capital_parity ? c + 1 : c;
  }
  return c == kCapitalYDiaeresis ? kSmallYDiaeresis : c;
}

// The sequence's bytes by its first one; 1 for what begins none.
size_t ClaimedSize(unsigned char lead) {
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  if (lead >= 0xe0) return lead < 0xf0 ? 3 : 1;
  return lead >= 0xc2 ? 2 : 1;
}

template <typename Convert>
std::string Mapped(std::string_view text, Convert convert) {
  std::string mapped;
  mapped.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t size = CharacterSize(text, at);
    if (size == 1) {
      const char c = text[at];
      const bool ascii = static_cast<unsigned char>(c) < 0x80;
      mapped.push_back(ascii ? static_cast<char>(convert(static_cast<uint32_t>(c))) : c);
      ++at;
    } else {
      AppendUtf8(convert(NextCodePoint(text, &at)), &mapped);
    }
  }
  return mapped;
}

}  // namespace

size_t CharacterSize(std::string_view text, size_t position) {
  const size_t size = ClaimedSize(static_cast<unsigned char>(text[position]));
  if (size == 1 || position + size > text.size()) return 1;
  return IsValidUtf8(text.substr(position, size)) ? size : 1;
}

size_t CountCharacters(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); at += CharacterSize(text, at)) ++count;
  return count;
}

size_t ByteOfCharacter(std::string_view text, size_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += CharacterSize(text, at);
  return at;
}

std::string ToUpper(std::string_view text) { return Mapped(text, Upper); }
std::string ToLower(std::string_view text) { return Mapped(text, Lower); }

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  return text;
}

std::string_view TrimRight(std::string_view text) {
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace sojourn::liquid
