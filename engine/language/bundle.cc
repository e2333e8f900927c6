#include "engine/language/bundle.h"

#include <algorithm>

namespace sojourn::language {

const ConsentTopic* Company::FindTopic(std::string_view topic) const {
  for (const ConsentTopic& one : topics) {
    if (one.name == topic) return &one;
  }
  return nullptr;
}

uint32_t Journey::FindStep(std::string_view step_id) const {
  for (uint32_t i = 0; i < steps.size(); ++i) {
    if (steps[i].id == step_id) return i;
  }
  return kEndOfJourney;
}

const Template* Bundle::FindTemplate(std::string_view template_name) const {
  for (const auto& one : templates) {
    if (one->name == template_name) return one.get();
  }
  return nullptr;
}

std::string_view PoolKindName(PoolKind kind) {
  switch (kind) {
    case PoolKind::kGenerate:
      return "generated";
    case PoolKind::kCodes:
      return "list";
    case PoolKind::kStatic:
      return "static";
  }
  return "";
}

const CouponPool* Bundle::FindPool(std::string_view pool_name) const {
  for (const auto& one : pools) {
    if (one->name == pool_name) return one.get();
  }
  return nullptr;
}

const Segment* Bundle::FindSegment(uint64_t segment_id) const {
  for (const Segment& one : segments) {
    if (one.id == segment_id) return &one;
  }
  return nullptr;
}

const Journey* Bundle::FindJourney(std::string_view journey_name) const {
  for (const auto& one : journeys) {
    if (one->name == journey_name) return one.get();
  }
  return nullptr;
}

}  // namespace sojourn::language
