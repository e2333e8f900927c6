// "...".format([...]) of CEL's extension for texts.
#include <algorithm>
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "engine/base/limits.h"
#include "engine/base/rfc3339.h"
#include "engine/base/utf8.h"
#include "engine/expr/duration_literal.h"
#include "engine/expr/function.h"
#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

constexpr int kDefaultPrecision = 6;

std::string_view NotFinite(double number) {
  if (std::isnan(number)) return "NaN";
  return number > 0 ? "Infinity" : "-Infinity";
}

class Formatter {
 public:
  Formatter(std::string_view pattern, const Value& arguments)
      : pattern_(pattern), arguments_(arguments) {}

  Value Run(Arena* arena) {
    while (position_ < pattern_.size() && problem_.is_null()) {
      const char c = pattern_[position_++];
      c == '%' ? Clause() : Add(std::string_view(&c, 1));
    }
    return problem_.is_null() ? Value::String(arena->Copy(out_)) : problem_;
  }

 private:
  void Fail(const Value& error) {
    if (problem_.is_null()) problem_ = error;
  }
  void Fail(std::string_view message) { Fail(Value::Error(message)); }

  void Add(std::string_view text) {
    if (out_.size() + text.size() > kMaxExpressionTextBytes) return Fail(TextTooLong());
    if (problem_.is_null()) out_ += text;
  }

  // Behind a percent sign.
  void Clause() {
    int precision = kDefaultPrecision;
    if (Here() == '.' && !Precision(&precision)) return;
    const char verb = Here();
    ++position_;
    if (verb == '%') return Add("%");
    if (std::string_view("sdfebxXo").find(verb) == std::string_view::npos || verb == '\0') {
      return Fail("format() knows only %s, %d, %f, %e, %b, %o, %x, %X and %%");
    }
    if (next_ == arguments_.size()) return Fail("format() has fewer values than clauses");
    Argument(verb, precision, arguments_.items()[next_++]);
  }

  char Here() const { return position_ < pattern_.size() ? pattern_[position_] : '\0'; }

  bool Precision(int* precision) {
    *precision = 0;
    for (++position_; Here() >= '0' && Here() <= '9'; ++position_) {
      *precision = *precision * 10 + (Here() - '0');
      if (*precision <= kMaxFormatPrecision) continue;
      Fail("format() writes at most 100 digits behind the point");
      return false;
    }
    return true;
  }

  void Argument(char verb, int precision, const Value& value) {
    switch (verb) {
      case 's':
        return Text(value);
      case 'd':
        return Decimal(value);
      case 'f':
      case 'e':
        return Fraction(verb, precision, value);
      case 'b':
        if (value.kind() == ValueKind::kBool) return Add(value.bool_value() ? "1" : "0");
        return Whole(value, "{:b}");
      case 'o':
        return Whole(value, "{:o}");
      default:
        return Hexadecimal(value, verb == 'x' ? "{:x}" : "{:X}", verb == 'x' ? "{:02x}" : "{:02X}");
    }
  }

  void Decimal(const Value& value) {
    const bool not_finite =
        value.kind() == ValueKind::kDouble && !std::isfinite(value.double_value());
    not_finite ? Add(NotFinite(value.double_value())) : Whole(value, "{}");
  }

  void Whole(const Value& value, std::string_view form) {
    if (value.kind() == ValueKind::kInt) {
      const int64_t number = value.int_value();
      Add(fmt::format(fmt::runtime(form), number));
    } else if (value.kind() == ValueKind::kUint) {
      const uint64_t number = value.uint_value();
      Add(fmt::format(fmt::runtime(form), number));
    } else {
      Fail("format() needs a whole number for %d, %b, %o, %x and %X");
    }
  }

  void Fraction(char verb, int precision, const Value& value) {
    if (value.kind() != ValueKind::kDouble) return Fail("format() needs a double for %f and %e");
    const double number = value.double_value();
    if (!std::isfinite(number)) return Add(NotFinite(number));
    Add(verb == 'f' ? fmt::format("{:.{}f}", number, precision)
                    : fmt::format("{:.{}e}", number, precision));
  }

  void Hexadecimal(const Value& value, std::string_view whole, std::string_view byte) {
    if (value.kind() != ValueKind::kString && value.kind() != ValueKind::kBytes) {
      return Whole(value, whole);
    }
    for (const char c : value.text()) {
      const unsigned number = static_cast<unsigned char>(c);
      Add(fmt::format(fmt::runtime(byte), number));
      if (!problem_.is_null()) return;
    }
  }

  void Text(const Value& value) {
    switch (value.kind()) {
      case ValueKind::kNull:
        return Add("null");
      case ValueKind::kBool:
        return Add(value.bool_value() ? "true" : "false");
      case ValueKind::kInt:
      case ValueKind::kUint:
        return Whole(value, "{}");
      case ValueKind::kDouble:
        return Add(std::isfinite(value.double_value()) ? fmt::format("{}", value.double_value())
                                                       : NotFinite(value.double_value()));
      case ValueKind::kString:
      case ValueKind::kType:
        return Add(value.text());
      case ValueKind::kBytes:
        if (!IsValidUtf8(value.text())) return Fail("the bytes are no valid UTF-8");
        return Add(value.text());
      case ValueKind::kTimestamp:
        return Add(FormatRfc3339(value.precise()));
      case ValueKind::kDuration:
        return Add(FormatDurationLiteral(value.precise()));
      case ValueKind::kList:
        return List(value);
      case ValueKind::kMap:
        return Map(value);
      default:
        return Fail("format() writes no optional values");
    }
  }

  void List(const Value& list) {
    Add("[");
    for (uint32_t i = 0; i < list.size() && problem_.is_null(); ++i) {
      if (i > 0) Add(", ");
      Text(list.items()[i]);
    }
    Add("]");
  }

  // In the order of the keys' texts.
  void Map(const Value& map) {
    std::vector<std::pair<std::string, const Value*>> entries;
    for (uint32_t i = 0; i < map.size() && problem_.is_null(); ++i) {
      const size_t begin = out_.size();
      Text(map.entries()[i].key);
      entries.emplace_back(out_.substr(begin), &map.entries()[i].value);
      out_.resize(begin);
    }
    std::sort(entries.begin(), entries.end());
    Add("{");
    for (size_t i = 0; i < entries.size() && problem_.is_null(); ++i) {
      Add(fmt::format("{}{}: ", i == 0 ? "" : ", ", entries[i].first));
      Text(*entries[i].second);
    }
    Add("}");
  }

  std::string_view pattern_;
  const Value& arguments_;
  size_t position_ = 0;
  uint32_t next_ = 0;
  std::string out_;
  Value problem_;
};

Value Format(const Value* a, Arena* arena) { return Formatter(a[0].text(), a[1]).Run(arena); }

}  // namespace

std::vector<Function> FormatFunctions() { return {{"format", true, "sl>s", Format}}; }

}  // namespace sojourn::expr
