#include "engine/liquid/work.h"

#include <fmt/format.h>

#include <algorithm>

namespace sojourn::liquid {

void Work::FailWith(StatusCode code, std::string message) {
  if (failed()) return;
  code_ = code;
  message_ = std::move(message);
}

bool Work::Step(uint64_t count) {
  if (count <= options_.max_steps - steps_) {
    steps_ += count;
    return true;
  }
  steps_ = options_.max_steps;
  Exhaust(fmt::format("the template takes more than {} steps", options_.max_steps));
  return false;
}

bool Work::Charge(size_t bytes) {
  if (bytes <= options_.max_work_bytes - work_bytes_) {
    work_bytes_ += bytes;
    return true;
  }
  work_bytes_ = options_.max_work_bytes;
  Exhaust(fmt::format("the template works through more than {} bytes", options_.max_work_bytes));
  return false;
}

bool Work::MayMake(size_t bytes) {
  if (bytes <= options_.max_string_bytes) return Charge(bytes);
  Exhaust(fmt::format("a text grows beyond {} bytes", options_.max_string_bytes));
  return false;
}

Datum Work::Keep(std::string_view text, Origin origin) {
  if (!MayMake(text.size())) return {};
  return {model::Value::String(arena_.Copy(text)), origin};
}

Datum Work::KeepList(const std::vector<model::Value>& items) {
  if (!Charge(items.size() * sizeof(model::Value))) return {};
  auto* kept = arena_.AllocateArray<model::Value>(items.size());
  std::copy(items.begin(), items.end(), kept);
  return model::Value::List(kept, static_cast<uint32_t>(items.size()));
}

std::string_view Work::TextOf(const Datum& datum) {
  if (datum.is_string()) return datum.value.text();
  if (datum.kind == DatumKind::kValue && !Charge(WeightOf(datum.value))) return {};
  std::string text;
  AppendText(datum, &text);
  const Datum kept = Keep(text, datum.origin);
  return kept.is_string() ? kept.value.text() : std::string_view();
}

}  // namespace sojourn::liquid
