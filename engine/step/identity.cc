#include "engine/step/identity.h"

#include "engine/base/hash.h"
#include "engine/model/json_writer.h"

namespace sojourn::step {
namespace {

// 32 characters: no I and 1, no O and 0.
constexpr std::string_view kCodeAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

void AppendField(std::string_view field, std::string* text) {
  *text += std::to_string(field.size());
  *text += ':';
  *text += field;
}

// With its kind: the string "1" and the int 1 are different keys.
std::string TypedRunKey(const model::Value& run_key) {
  model::JsonWriter writer;
  writer.Write(run_key);
  return writer.Take();
}

}  // namespace

std::string OccasionText(std::string_view person, std::string_view journey, const model::Run& run,
                         std::string_view step) {
  std::string text;
  AppendField(person, &text);
  AppendField(journey, &text);
  AppendField(TypedRunKey(run.run_key), &text);
  AppendField(std::to_string(run.entry), &text);
  AppendField(std::to_string(run.entered_at.milliseconds()), &text);
  AppendField(step, &text);
  for (const uint16_t pass : run.passes) AppendField(std::to_string(pass), &text);
  return text;
}

std::string ActionId(std::string_view occasion) {
  return "act_" + Hex(Sha256(occasion).data(), 16);
}

std::string CouponCode(std::string_view key, std::string_view pool, std::string_view occasion,
                       int length) {
  std::string text;
  AppendField(pool, &text);
  text += occasion;
  std::string code;
  for (int block = 0; static_cast<int>(code.size()) < length; ++block) {
    const Sha256Digest digest = HmacSha256(key, text + '#' + std::to_string(block));
    for (const uint8_t byte : digest) {
      if (static_cast<int>(code.size()) == length) break;
      code += kCodeAlphabet[byte % kCodeAlphabet.size()];
    }
  }
  return code;
}

}  // namespace sojourn::step
