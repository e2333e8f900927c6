// The filters, by theme: one table each. Internal to this folder.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/liquid/datum.h"
#include "engine/liquid/work.h"

namespace sojourn::liquid {

// One use of a filter.
struct Call {
  Datum input;
  const std::vector<Datum>& arguments;
  Datum named;  // the filter's named argument; nil where absent
  Work& work;

  bool Has(size_t i) const { return i < arguments.size(); }
  Datum Argument(size_t i) const { return Has(i) ? arguments[i] : Datum(); }
};

// Failures are told to Call::work; what is returned then does not count.
using FilterFunction = Datum (*)(const Call& call);

struct Filter {
  std::string_view name;
  size_t min_arguments;
  size_t max_arguments;
  FilterFunction function;
  std::string_view named_argument = {};
};

// nullptr where there is none.
const Filter* FindFilter(std::string_view name);
std::vector<std::string> FilterNames();

// One table a theme.
const std::vector<Filter>& TextFilters();
const std::vector<Filter>& EncodingFilters();
const std::vector<Filter>& NumberFilters();
const std::vector<Filter>& ListFilters();
const std::vector<Filter>& DateFilters();

}  // namespace sojourn::liquid
