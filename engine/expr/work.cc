#include "engine/expr/work.h"

namespace sojourn::expr {
namespace {

using model::Value;
using model::ValueKind;

constexpr std::string_view kTooMuch = "the expression takes too much work";

int64_t Deep(const Value& value, int64_t most, bool compared) {
  int64_t work = ShallowWork(value);
  const auto add = [&](const Value& part) {
    if (work <= most) work += Deep(part, most - work, compared);
  };
  if (value.kind() == ValueKind::kList || value.kind() == ValueKind::kOptional) {
    for (uint32_t i = 0; i < value.size() && work <= most; ++i) add(value.items()[i]);
  } else if (value.kind() == ValueKind::kMap) {
    if (compared) work += static_cast<int64_t>(value.size()) * value.size();
    for (uint32_t i = 0; i < value.size() && work <= most; ++i) {
      add(value.entries()[i].key);
      add(value.entries()[i].value);
    }
  }
  return work;
}

}  // namespace

int64_t ShallowWork(const Value& value) {
  switch (value.kind()) {
    case ValueKind::kString:
    case ValueKind::kBytes:
      return value.size();
    case ValueKind::kList:
    case ValueKind::kOptional:
      return kWorkPerItem * value.size();
    case ValueKind::kMap:
      return 2 * kWorkPerItem * value.size();
    default:
      return 0;
  }
}

int64_t DeepWork(const Value& value, int64_t most) { return Deep(value, most, false); }
int64_t WorkOfComparing(const Value& value, int64_t most) { return Deep(value, most, true); }

Value TooMuchWork() { return Value::Error(kTooMuch); }
bool IsTooMuchWork(const Value& value) { return value.is_error() && value.text() == kTooMuch; }

Value TextTooLong() { return Value::Error("the text becomes longer than 1 MiB"); }

}  // namespace sojourn::expr
