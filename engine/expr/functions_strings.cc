// CEL's extension for texts: parts, positions, replacing, splitting, joining. Positions count code
// points.
#include <cstring>
#include <string>

#include "engine/base/limits.h"
#include "engine/base/utf8.h"
#include "engine/expr/function.h"
#include "engine/expr/literal.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

constexpr size_t kNowhere = std::string_view::npos;

Value OutOfRange() { return Value::Error("the position lies outside the text"); }
Value MadeText(const std::string& text, Arena* arena) { return Value::String(arena->Copy(text)); }

// In linear time, as std::string_view::find is not.
size_t Find(std::string_view text, std::string_view part, size_t from) {
  if (part.empty()) return from;
  if (part.size() > text.size() - from) return kNowhere;
  const char* begin = text.data() + from;
  const void* found = part.size() == 1
                          ? std::memchr(begin, part[0], text.size() - from)
                          : memmem(begin, text.size() - from, part.data(), part.size());
  return found == nullptr ? kNowhere
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

// The last place where `part` begins at byte `from` or before.
size_t FindLast(std::string_view text, std::string_view part, size_t from) {
  const std::string_view head = text.substr(0, std::min(text.size(), from + part.size()));
  const std::string backwards(head.rbegin(), head.rend());
  const size_t found = Find(backwards, std::string(part.rbegin(), part.rend()), 0);
  return found == kNowhere ? kNowhere : head.size() - found - part.size();
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The byte where code point `position` begins, or the text ends; kNowhere outside.
size_t ByteAt(std::string_view text, int64_t position) {
  if (position < 0) return kNowhere;
  for (size_t at = 0; at < text.size(); ++at) {
    if (!IsContinuation(text[at]) && position-- == 0) return at;
  }
  return position == 0 ? text.size() : kNowhere;
}

Value PositionOf(std::string_view text, size_t byte) {
  if (byte == kNowhere) return Value::Int(-1);
  return Value::Int(static_cast<int64_t>(CountCodePoints(text.substr(0, byte))));
}

Value CharAt(const Value* a, Arena*) {
  const std::string_view text = a[0].text();
  const size_t at = ByteAt(text, a[1].int_value());
  if (at == kNowhere) return OutOfRange();
  size_t end = at;
  if (at < text.size()) NextCodePoint(text, &end);
  return Value::String(text.substr(at, end - at));
}

Value IndexOf(const Value* a, Arena*) {
  return PositionOf(a[0].text(), Find(a[0].text(), a[1].text(), 0));
}
Value IndexOfFrom(const Value* a, Arena*) {
  const size_t from = ByteAt(a[0].text(), a[2].int_value());
  if (from == kNowhere) return OutOfRange();
  return PositionOf(a[0].text(), Find(a[0].text(), a[1].text(), from));
}
Value LastIndexOf(const Value* a, Arena*) {
  return PositionOf(a[0].text(), FindLast(a[0].text(), a[1].text(), a[0].text().size()));
}
Value LastIndexOfFrom(const Value* a, Arena*) {
  const size_t from = ByteAt(a[0].text(), a[2].int_value());
  if (from == kNowhere) return OutOfRange();
  return PositionOf(a[0].text(), FindLast(a[0].text(), a[1].text(), from));
}

Value SubstringOf(std::string_view text, size_t begin, size_t end) {
  if (begin == kNowhere || end == kNowhere) return OutOfRange();
  if (begin > end) return Value::Error("the part ends before it begins");
  return Value::String(text.substr(begin, end - begin));
}
Value SubstringFrom(const Value* a, Arena*) {
  return SubstringOf(a[0].text(), ByteAt(a[0].text(), a[1].int_value()), a[0].text().size());
}
Value Substring(const Value* a, Arena*) {
  const std::string_view text = a[0].text();
  return SubstringOf(text, ByteAt(text, a[1].int_value()), ByteAt(text, a[2].int_value()));
}

// At most `limit` replacements, any number where it is negative. An empty part stands before every
// code point and at the end.
Value ReplaceSome(const Value* a, int64_t limit, Arena* arena) {
  const std::string_view text = a[0].text();
  const std::string_view part = a[1].text();
  const std::string_view by = a[2].text();
  std::string out;
  size_t kept = 0;  // bytes of the text already in `out`
  for (size_t from = 0; limit != 0 && from <= text.size(); --limit) {
    const size_t found = Find(text, part, from);
    if (found == kNowhere) break;
    out += text.substr(kept, found - kept);
    out += by;
    if (out.size() > kMaxExpressionTextBytes) return TextTooLong();
    kept = found + part.size();
    from = kept;
    if (!part.empty()) continue;
    if (from == text.size()) break;
    NextCodePoint(text, &from);
  }
  out += text.substr(kept);
  return out.size() > kMaxExpressionTextBytes ? TextTooLong() : MadeText(out, arena);
}
Value ReplaceAll(const Value* a, Arena* arena) { return ReplaceSome(a, -1, arena); }
Value Replace(const Value* a, Arena* arena) { return ReplaceSome(a, a[3].int_value(), arena); }

// At most `limit` parts, the last with all the rest; any number where it is negative. An empty
// separator parts code points.
Value SplitUpTo(std::string_view text, std::string_view separator, int64_t limit, Arena* arena) {
  std::vector<Value> parts;
  size_t begin = 0;
  const auto end_of_part = [&]() -> size_t {
    if (!separator.empty()) return Find(text, separator, begin);
    size_t end = begin;
    NextCodePoint(text, &end);
    return end < text.size() ? end : kNowhere;
  };
  const bool nothing = limit == 0 || (text.empty() && separator.empty());
  while (!nothing) {
    const bool last = limit > 0 && static_cast<int64_t>(parts.size()) + 1 == limit;
    const size_t end = last ? kNowhere : end_of_part();
    parts.push_back(Value::String(text.substr(begin, end - begin)));
    if (end == kNowhere) break;
    begin = end + separator.size();
  }
  Value* items = arena->AllocateArray<Value>(parts.size());
  std::copy(parts.begin(), parts.end(), items);
  return Value::List(items, static_cast<uint32_t>(parts.size()));
}
Value SplitAll(const Value* a, Arena* arena) {
  return SplitUpTo(a[0].text(), a[1].text(), -1, arena);
}
Value Split(const Value* a, Arena* arena) {
  return SplitUpTo(a[0].text(), a[1].text(), a[2].int_value(), arena);
}

Value JoinWith(const Value& list, std::string_view separator, Arena* arena) {
  std::string out;
  for (uint32_t i = 0; i < list.size(); ++i) {
    const Value& item = list.items()[i];
    if (item.kind() != ValueKind::kString) return Value::Error("join() takes a list of texts");
    if (i > 0) out += separator;
    out += item.text();
    if (out.size() > kMaxExpressionTextBytes) return TextTooLong();
  }
  return MadeText(out, arena);
}
Value JoinPlain(const Value* a, Arena* arena) { return JoinWith(a[0], "", arena); }
Value Join(const Value* a, Arena* arena) { return JoinWith(a[0], a[1].text(), arena); }

// Unicode's White_Space.
bool IsSpace(uint32_t c) {
  return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

Value Trim(const Value* a, Arena*) {
  const std::string_view text = a[0].text();
  size_t begin = text.size();
  size_t end = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    if (IsSpace(NextCodePoint(text, &at))) continue;
    begin = std::min(begin, here);
    end = at;
  }
  return Value::String(end == 0 ? std::string_view() : text.substr(begin, end - begin));
}

template <char kFirst, char kLast>
Value SwapCase(const Value* a, Arena* arena) {
  std::string text(a[0].text());
  for (char& c : text) {
    if (c >= kFirst && c <= kLast) c = static_cast<char>(c ^ 0x20);
  }
  return MadeText(text, arena);
}

Value Reverse(const Value* a, Arena* arena) {
  const std::string_view text = a[0].text();
  std::string out(text.size(), '\0');
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    NextCodePoint(text, &at);
    std::memcpy(out.data() + (text.size() - at), text.data() + here, at - here);
  }
  return MadeText(out, arena);
}

Value Quote(const Value* a, Arena* arena) {
  constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char c : a[0].text()) {
    const size_t special = kSpecial.find(c);
    if (special != std::string_view::npos) out += '\\';
    out += special == std::string_view::npos ? c : kLetters[special];
  }
  out += '"';
  return out.size() > kMaxExpressionTextBytes ? TextTooLong() : MadeText(out, arena);
}

Value ContainsText(const Value* a, Arena*) {
  return Value::Bool(Find(a[0].text(), a[1].text(), 0) != kNowhere);
}

}  // namespace

std::vector<Function> StringsFunctions() {
  return {
      {"contains", true, "ss>b", ContainsText},
      {"charAt", true, "si>s", CharAt},
      {"indexOf", true, "ss>i", IndexOf},
      {"indexOf", true, "ssi>i", IndexOfFrom},
      {"lastIndexOf", true, "ss>i", LastIndexOf},
      {"lastIndexOf", true, "ssi>i", LastIndexOfFrom},
      {"substring", true, "si>s", SubstringFrom},
      {"substring", true, "sii>s", Substring},
      {"replace", true, "sss>s", ReplaceAll},
      {"replace", true, "sssi>s", Replace},
      {"split", true, "ss>l", SplitAll},
      {"split", true, "ssi>l", Split},
      {"join", true, "l>s", JoinPlain},
      {"join", true, "ls>s", Join},
      {"trim", true, "s>s", Trim},
      {"lowerAscii", true, "s>s", SwapCase<'A', 'Z'>},
      {"upperAscii", true, "s>s", SwapCase<'a', 'z'>},
      {"reverse", true, "s>s", Reverse},
      {"strings.quote", false, "s>s", Quote},
  };
}

}  // namespace sojourn::expr
