// Filters of texts.
#include <algorithm>
#include <vector>

#include "engine/liquid/characters.h"
#include "engine/liquid/filters.h"
#include "engine/liquid/html.h"

namespace sojourn::liquid {
namespace {

using model::Value;

std::string_view Input(const Call& call) { return call.work.TextOf(call.input); }
std::string_view Argument(const Call& call, size_t i) { return call.work.TextOf(call.Argument(i)); }

// Two texts that become parts of one. Where one of them is HTML, the result is, and data in the
// other one is escaped.
struct Blend {
  Blend(const Call& call, const Datum& other)
      : text(call.work.TextOf(call.input)), added(call.work.TextOf(other)) {
    const Origin a = call.input.origin;
    const Origin b = other.origin;
    origin = a == Origin::kHtml || b == Origin::kHtml   ? Origin::kHtml
             : a == Origin::kData || b == Origin::kData ? Origin::kData
                                                        : Origin::kLiteral;
    if (!call.work.options().auto_escape || origin != Origin::kHtml) return;
    if (a == Origin::kData) text = EscapeHtml(text);
    if (b == Origin::kData) added = EscapeHtml(added);
  }

  std::string text;
  std::string added;
  Origin origin;
};

Datum Append(const Call& call) {
  const Blend blend(call, call.Argument(0));
  if (!call.work.MayMake(blend.text.size() + blend.added.size())) return {};
  return call.work.Keep(blend.text + blend.added, blend.origin);
}

Datum Prepend(const Call& call) {
  const Blend blend(call, call.Argument(0));
  if (!call.work.MayMake(blend.text.size() + blend.added.size())) return {};
  return call.work.Keep(blend.added + blend.text, blend.origin);
}

template <std::string (*Change)(std::string_view)>
Datum Changed(const Call& call) {
  return call.work.Keep(Change(Input(call)), call.input.origin);
}

std::string Capitalized(std::string_view text) {
  if (text.empty()) return "";
  const size_t first = CharacterSize(text, 0);
  return ToUpper(text.substr(0, first)) + ToLower(text.substr(first));
}

std::string Stripped(std::string_view text) { return std::string(TrimLeft(TrimRight(text))); }
std::string StrippedLeft(std::string_view text) { return std::string(TrimLeft(text)); }
std::string StrippedRight(std::string_view text) { return std::string(TrimRight(text)); }

std::string WithoutNewlines(std::string_view text) { return ReplaceNewlines(text, ""); }

enum class Which { kAll, kFirst, kLast };

// Begins of `pattern` in `text`, none overlapping; an empty pattern is found around each character.
std::vector<size_t> Matches(std::string_view text, std::string_view pattern, Which which) {
  if (which == Which::kLast) {
    const size_t found = text.rfind(pattern);
    return found == std::string_view::npos ? std::vector<size_t>() : std::vector<size_t>{found};
  }
  std::vector<size_t> matches;
  for (size_t at = 0; (at = text.find(pattern, at)) != std::string_view::npos;) {
    matches.push_back(at);
    if (which == Which::kFirst) break;
    if (pattern.empty() && at == text.size()) break;
    at += pattern.empty() ? CharacterSize(text, at) : pattern.size();
  }
  return matches;
}

Datum Replaced(const Call& call, Which which, const Datum& replacement) {
  const Blend blend(call, replacement);
  const std::string_view pattern = Argument(call, 0);
  if (call.work.failed()) return {};
  const std::vector<size_t> matches = Matches(blend.text, pattern, which);
  if (!call.work.Charge(matches.size() * sizeof(size_t)) ||
      !call.work.MayMake(blend.text.size() + matches.size() * blend.added.size())) {
    return {};
  }
  std::string text;
  size_t done = 0;
  for (const size_t match : matches) {
    text.append(blend.text, done, match - done);
    text += blend.added;
    done = match + pattern.size();
  }
  text.append(blend.text, done);
  return call.work.Keep(text, blend.origin);
}

template <Which which>
Datum Replace(const Call& call) {
  return Replaced(call, which, call.Argument(1));
}

template <Which which>
Datum Remove(const Call& call) {
  return Replaced(call, which, Datum(Value::String(""), Origin::kLiteral));
}

// A whole number among the arguments, or a failure.
int64_t Whole(const Call& call, size_t i, int64_t absent) {
  if (!call.Has(i)) return absent;
  const auto number = ToInteger(call.Argument(i));
  if (!number) call.work.Fail("a whole number is expected as argument");
  return number.value_or(0);
}

Datum Ending(const Call& call) {
  return call.Has(1) ? call.Argument(1) : Datum(Value::String("..."), Origin::kLiteral);
}

Datum Truncate(const Call& call) {
  constexpr int64_t kDefaultCharacters = 50;
  const int64_t limit = std::max<int64_t>(Whole(call, 0, kDefaultCharacters), 0);
  if (call.input.is_nil()) return {};
  const Blend blend(call, Ending(call));
  if (static_cast<int64_t>(CountCharacters(blend.text)) <= limit) {
    return call.work.Keep(blend.text, blend.origin);
  }
  const auto ending = static_cast<int64_t>(CountCharacters(blend.added));
  const size_t kept =
      ByteOfCharacter(blend.text, static_cast<size_t>(std::max<int64_t>(limit - ending, 0)));
  return call.work.Keep(blend.text.substr(0, kept) + blend.added, blend.origin);
}

Datum TruncateWords(const Call& call) {
  constexpr int64_t kDefaultWords = 15;
  const int64_t limit = std::max<int64_t>(Whole(call, 0, kDefaultWords), 1);
  if (call.input.is_nil()) return {};
  const Blend blend(call, Ending(call));
  std::string text;
  std::string_view rest = TrimLeft(blend.text);
  for (int64_t words = 0; !rest.empty(); ++words) {
    if (words == limit) return call.work.Keep(text + blend.added, blend.origin);
    const size_t end =
        static_cast<size_t>(std::find_if(rest.begin(), rest.end(), IsSpace) - rest.begin());
    if (words > 0) text.push_back(' ');
    text += rest.substr(0, end);
    rest = TrimLeft(rest.substr(end));
  }
  return call.work.Keep(blend.text, blend.origin);
}

// [begin, end) of a slice of `size` things; empty where it begins outside.
std::pair<size_t, size_t> SliceBounds(int64_t first, int64_t count, int64_t size) {
  if (first < 0) first = SaturatingAdd(first, size);
  if (first < 0 || first > size || count < 0) return {0, 0};
  return {static_cast<size_t>(first), static_cast<size_t>(first + std::min(count, size - first))};
}

Datum Slice(const Call& call) {
  const int64_t first = Whole(call, 0, 0);
  const int64_t count = call.Argument(1).is_nil() ? 1 : Whole(call, 1, 1);
  if (call.work.failed()) return {};
  if (call.input.is_list()) {
    const Value& list = call.input.value;
    const auto [begin, end] = SliceBounds(first, count, list.size());
    return call.work.KeepList({list.items() + begin, list.items() + end});
  }
  const std::string_view text = Input(call);
  const auto [begin, end] = SliceBounds(first, count, static_cast<int64_t>(CountCharacters(text)));
  const std::string_view tail = text.substr(ByteOfCharacter(text, begin));
  return call.work.Keep(tail.substr(0, ByteOfCharacter(tail, end - begin)), call.input.origin);
}

std::vector<std::string_view> SplitAtSpaces(std::string_view text) {
  std::vector<std::string_view> parts;
  for (text = TrimLeft(text); !text.empty();) {
    const auto size =
        static_cast<size_t>(std::find_if(text.begin(), text.end(), IsSpace) - text.begin());
    parts.push_back(text.substr(0, size));
    text = TrimLeft(text.substr(size));
  }
  return parts;
}

std::vector<std::string_view> SplitAt(std::string_view text, std::string_view pattern) {
  if (pattern == " ") return SplitAtSpaces(text);
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const size_t size =
        pattern.empty() ? CharacterSize(text, 0) : std::min(text.find(pattern), text.size());
    parts.push_back(text.substr(0, size));
    text.remove_prefix(std::min(size + pattern.size(), text.size()));
  }
  while (!parts.empty() && parts.back().empty()) parts.pop_back();
  return parts;
}

Datum Split(const Call& call) {
  const std::string_view text = Input(call);
  const std::string_view pattern = Argument(call, 0);
  if (call.work.failed()) return {};
  const auto parts = SplitAt(text, pattern);
  if (!call.work.Step(parts.size())) return {};
  std::vector<Value> items;
  items.reserve(parts.size());
  for (const std::string_view part : parts) items.push_back(Value::String(part));
  return call.work.KeepList(items);
}

}  // namespace

const std::vector<Filter>& TextFilters() {
  static const auto* const kFilters = new std::vector<Filter>{
      {"append", 1, 1, Append},
      {"prepend", 1, 1, Prepend},
      {"upcase", 0, 0, Changed<ToUpper>},
      {"downcase", 0, 0, Changed<ToLower>},
      {"capitalize", 0, 0, Changed<Capitalized>},
      {"strip", 0, 0, Changed<Stripped>},
      {"lstrip", 0, 0, Changed<StrippedLeft>},
      {"rstrip", 0, 0, Changed<StrippedRight>},
      {"strip_newlines", 0, 0, Changed<WithoutNewlines>},
      {"strip_html", 0, 0, Changed<StripHtml>},
      {"replace", 1, 2, Replace<Which::kAll>},
      {"replace_first", 1, 2, Replace<Which::kFirst>},
      {"replace_last", 2, 2, Replace<Which::kLast>},
      {"remove", 1, 1, Remove<Which::kAll>},
      {"remove_first", 1, 1, Remove<Which::kFirst>},
      {"remove_last", 1, 1, Remove<Which::kLast>},
      {"truncate", 0, 2, Truncate},
      {"truncatewords", 0, 2, TruncateWords},
      {"slice", 1, 2, Slice},
      {"split", 1, 1, Split},
  };
  return *kFilters;
}

}  // namespace sojourn::liquid
