#include "connectors/feedback/payload.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "engine/base/rfc3339.h"
#include "engine/model/json_reader.h"
#include "engine/model/json_writer.h"

namespace sojourn::feedback {
namespace {

using model::Value;
using model::ValueKind;

constexpr size_t kMaxAddressBytes = 320;
// The years 2000 to 9999: what a provider can mean.
constexpr double kFirstSecond = 946'684'800;
constexpr double kLastSecond = 253'402'300'799;

Timestamp NotAfter(Timestamp time, Timestamp latest) { return std::min(time, latest); }

}  // namespace

std::string_view FactKindName(FactKind kind) {
  switch (kind) {
    case FactKind::kDelivered:
      return "delivered";
    case FactKind::kBouncedHard:
      return "bounced_hard";
    case FactKind::kBouncedSoft:
      return "bounced_soft";
    case FactKind::kComplained:
      break;
  }
  return "complained";
}

Result<Value> ReadJson(std::string_view text, Arena* arena) {
  thread_local model::JsonReader reader;
  return reader.Read(text, kMaxPayloadNesting, arena);
}

std::string WriteJson(const Value& value) {
  model::JsonWriter json;
  json.Write(value);
  return json.Take();
}

const Value* FindAt(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* at = &value;
  for (const std::string_view key : path) {
    at = at->Find(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string TextAt(const Value& value, std::initializer_list<std::string_view> path) {
  const Value* at = FindAt(value, path);
  if (at == nullptr) return "";
  if (at->kind() == ValueKind::kInt) return fmt::format("{}", at->int_value());
  return at->kind() == ValueKind::kString ? std::string(at->text()) : "";
}

Timestamp TimeOf(std::string_view text, Timestamp otherwise) {
  return NotAfter(ParseRfc3339(text).value_or(otherwise), otherwise);
}

Timestamp TimeOfSeconds(const Value* seconds, Timestamp otherwise) {
  if (seconds == nullptr) return otherwise;
  const double number = seconds->kind() == ValueKind::kInt
                            ? static_cast<double>(seconds->int_value())
                        : seconds->kind() == ValueKind::kDouble ? seconds->double_value()
                                                                : 0;
  if (number < kFirstSecond || number > kLastSecond) return otherwise;
  return NotAfter(Timestamp(std::llround(number * 1000)), otherwise);
}

std::string Diagnostic(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control && (line.empty() || line.back() == ' ')) continue;
    line += control ? ' ' : c;
  }
  while (line.ends_with(' ')) line.pop_back();
  if (line.size() <= kMaxDiagnosticBytes) return line;
  size_t end = kMaxDiagnosticBytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80) --end;
  return line.substr(0, end);
}

bool IsAddress(std::string_view address) {
  const size_t at = address.find('@');
  if (at == 0 || at == std::string_view::npos || at + 1 == address.size()) return false;
  if (address.size() > kMaxAddressBytes || address.find('@', at + 1) != std::string_view::npos) {
    return false;
  }
  return std::ranges::all_of(address, [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '<' && c != '>' && c != ',';
  });
}

std::optional<Refusal> CheckAge(Timestamp time, Timestamp now) {
  if (time < now - kMaxRequestAge) {
    return Refusal{"stale", "its signature is over 25 hours old"};
  }
  if (time > now + kMaxRequestAhead) {
    return Refusal{"stale", "its signature is of the future: look at the clocks"};
  }
  return std::nullopt;
}

std::optional<Refusal> CheckAge(std::string_view seconds, Timestamp now) {
  int64_t number = 0;
  const char* const end = seconds.data() + seconds.size();
  const auto [stop, error] = std::from_chars(seconds.data(), end, number);
  if (error != std::errc() || stop != end || number < 0 ||
      static_cast<double>(number) > kLastSecond) {
    return Refusal{"malformed", "its timestamp is no number of seconds"};
  }
  return CheckAge(Timestamp(number * 1000), now);
}

}  // namespace sojourn::feedback
