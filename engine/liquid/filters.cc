#include "engine/liquid/filters.h"

#include <map>

namespace sojourn::liquid {
namespace {

const std::map<std::string_view, const Filter*>& AllFilters() {
  static const auto* const kFilters = [] {
    auto* filters = new std::map<std::string_view, const Filter*>;
    for (const auto* table :
         {&TextFilters(), &EncodingFilters(), &NumberFilters(), &ListFilters(), &DateFilters()}) {
      for (const Filter& filter : *table) filters->emplace(filter.name, &filter);
    }
    return filters;
  }();
  return *kFilters;
}

}  // namespace

const Filter* FindFilter(std::string_view name) {
  const auto found = AllFilters().find(name);
  return found == AllFilters().end() ? nullptr : found->second;
}

std::vector<std::string> FilterNames() {
  std::vector<std::string> names;
  for (const auto& [name, filter] : AllFilters()) names.emplace_back(name);
  return names;
}

}  // namespace sojourn::liquid
