// The values that a template is shown with, as JSON objects by root: {"person": {...}, ...}.
//
// Pure functions but for the file. Errors: kInvalidArgument, one line that names file and place.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/time.h"
#include "engine/language/bundle.h"

namespace sojourn::cli {

// A step of a journey that sends a template.
struct TemplateSend {
  const language::Journey* journey = nullptr;
  const language::SendStep* step = nullptr;
};
// In the order of the journeys' names.
std::vector<TemplateSend> SendsOf(const language::Bundle& bundle, std::string_view template_name);

// The roots of FILE: JSON where its name ends in .json, else YAML. Roots are person, event,
// trigger, data, coupon and ab_test; others are an error.
Result<std::string> ReadValuesFile(const std::string& path);

// Made-up values of the catalogue's types for all that the template reads; texts say what stands
// there, in brackets.
std::string SampleValues(const language::Bundle& bundle, const language::Template& rule,
                         const std::vector<TemplateSend>& sends, Timestamp now);

// The roots of both; where both have one, that of `over`.
std::string MergeValues(const std::string& values, const std::string& over);

// With person.language as it is given.
std::string WithLanguage(const std::string& values, const std::string& language);

// The text at values[root][name]; empty where there is none.
std::string TextIn(const std::string& values, const std::string& root, const std::string& name);

// What the template reads: each path with its value as JSON, "" where there is none (or null).
struct ReadValue {
  std::string path;
  std::string json;
};
std::vector<ReadValue> ReadValues(const language::Template& rule, const std::string& values);

}  // namespace sojourn::cli
