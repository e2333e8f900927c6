// Functions over text, bytes and collections.
#include <re2/re2.h>

#include "engine/base/utf8.h"
#include "engine/expr/function.h"

namespace sojourn::expr {
namespace {

using model::Value;

Value SizeOfText(const Value* a, Arena*) {
  return Value::Int(static_cast<int64_t>(CountCodePoints(a[0].text())));
}
Value SizeOfBytes(const Value* a, Arena*) {
  return Value::Int(static_cast<int64_t>(a[0].text().size()));
}
Value SizeOfCollection(const Value* a, Arena*) { return Value::Int(a[0].size()); }

Value ContainsText(const Value* a, Arena*) {
  return Value::Bool(a[0].text().find(a[1].text()) != std::string_view::npos);
}
Value StartsWith(const Value* a, Arena*) {
  return Value::Bool(a[0].text().substr(0, a[1].text().size()) == a[1].text());
}
Value EndsWith(const Value* a, Arena*) {
  const std::string_view text = a[0].text();
  const std::string_view end = a[1].text();
  return Value::Bool(text.size() >= end.size() && text.substr(text.size() - end.size()) == end);
}

Value MatchesPattern(const Value* a, Arena*) {
  const re2::RE2 pattern(re2::StringPiece(a[1].text().data(), a[1].text().size()), re2::RE2::Quiet);
  if (!pattern.ok()) return Value::Error("not a regular expression");
  return Value::Bool(
      re2::RE2::PartialMatch(re2::StringPiece(a[0].text().data(), a[0].text().size()), pattern));
}

}  // namespace

std::vector<Function> TextFunctions() {
  return {
      {"size", false, "s>i", SizeOfText},         {"size", false, "y>i", SizeOfBytes},
      {"size", false, "l>i", SizeOfCollection},   {"size", false, "m>i", SizeOfCollection},
      {"size", true, "s>i", SizeOfText},          {"size", true, "y>i", SizeOfBytes},
      {"size", true, "l>i", SizeOfCollection},    {"size", true, "m>i", SizeOfCollection},
      {"contains", true, "ss>b", ContainsText},   {"startsWith", true, "ss>b", StartsWith},
      {"endsWith", true, "ss>b", EndsWith},       {"matches", true, "ss>b", MatchesPattern},
      {"matches", false, "ss>b", MatchesPattern},
  };
}

}  // namespace sojourn::expr
