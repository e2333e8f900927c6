#include "engine/step/bucket.h"

#include <cstdint>
#include <string>

#include "engine/base/hash.h"
#include "engine/base/limits.h"

namespace sojourn::step {
namespace {

std::string_view KindText(BucketKind kind) {
  switch (kind) {
    case BucketKind::kAbTest:
      return "ab";
    case BucketKind::kHoldout:
      return "holdout";
    case BucketKind::kSpread:
      return "spread";
  }
  return "";
}

}  // namespace

int Bucket(BucketKind kind, std::string_view journey, std::string_view name,
           std::string_view person) {
  std::string text(KindText(kind));
  for (const std::string_view part : {journey, name, person}) {
    text += '\0';
    text += part;
  }
  const Sha256Digest digest = Sha256(text);
  uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | digest[static_cast<size_t>(i)];
  return static_cast<int>(number % static_cast<uint64_t>(kBuckets));
}

}  // namespace sojourn::step
