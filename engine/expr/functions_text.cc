// CEL's own functions over text, bytes and collections. matches() is an instruction of its own.
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

Value StartsWith(const Value* a, Arena*) {
  return Value::Bool(a[0].text().substr(0, a[1].text().size()) == a[1].text());
}
Value EndsWith(const Value* a, Arena*) {
  const std::string_view text = a[0].text();
  const std::string_view end = a[1].text();
  return Value::Bool(text.size() >= end.size() && text.substr(text.size() - end.size()) == end);
}

}  // namespace

std::vector<Function> TextFunctions() {
  return {
      {"size", false, "s>i", SizeOfText},       {"size", false, "y>i", SizeOfBytes},
      {"size", false, "l>i", SizeOfCollection}, {"size", false, "m>i", SizeOfCollection},
      {"size", true, "s>i", SizeOfText},        {"size", true, "y>i", SizeOfBytes},
      {"size", true, "l>i", SizeOfCollection},  {"size", true, "m>i", SizeOfCollection},
      {"startsWith", true, "ss>b", StartsWith}, {"endsWith", true, "ss>b", EndsWith},
      {"matches", true, "ss>b", nullptr},       {"matches", false, "ss>b", nullptr},
  };
}

}  // namespace sojourn::expr
